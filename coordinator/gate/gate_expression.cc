#include "coordinator/gate/gate_expression.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "coordinator/campaign/suggestion.h"
#include "coordinator/campaign/units.h"

namespace feedfarm {
namespace {

constexpr size_t kExpressionMax = 256;

// A word: letters, digits, '_' and '.' ("p99.9", "latency.decode.software", "100", "40us", "5%").
// A sign: one of == != < <= > >= ( ) [ ].
struct Token {
  enum class Kind { kWord, kSign, kEnd, kBad };
  Kind kind = Kind::kEnd;
  absl::string_view text;
  size_t column = 0;  // 1-based
};

bool IsWordLetter(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '%'; }

class Lexer {
 public:
  explicit Lexer(absl::string_view text) : text_(text) { Advance(); }

  const Token& token() const { return token_; }

  Token Take() {
    const Token token = token_;
    Advance();
    return token;
  }

  bool TakeSign(absl::string_view sign) {
    if (token_.kind != Token::Kind::kSign || token_.text != sign) return false;
    Advance();
    return true;
  }

 private:
  void Advance() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    const size_t begin = at_;
    Token::Kind kind = Token::Kind::kEnd;
    if (at_ < text_.size()) kind = Scan();
    token_ = {kind, text_.substr(begin, at_ - begin), begin + 1};
  }

  Token::Kind Scan() {
    const char c = text_[at_];
    if (IsWordLetter(c) || (c == '-' && at_ + 1 < text_.size() && IsWordLetter(text_[at_ + 1]))) {
      ++at_;
      while (at_ < text_.size() && IsWordLetter(text_[at_])) ++at_;
      return Token::Kind::kWord;
    }
    const absl::string_view rest = text_.substr(at_);
    for (const absl::string_view sign : {"==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]"}) {
      if (!absl::StartsWith(rest, sign)) continue;
      at_ += sign.size();
      return Token::Kind::kSign;
    }
    ++at_;
    return Token::Kind::kBad;
  }

  absl::string_view text_;
  size_t at_ = 0;
  Token token_;
};

absl::string_view DimensionName(Dimension dimension) {
  switch (dimension) {
    case Dimension::kCount:
      return "a count";
    case Dimension::kDuration:
      return "a duration";
    case Dimension::kRatio:
      return "a ratio";
    case Dimension::kHash:
      return "a hash";
  }
  return "?";
}

std::string Shown(const Token& token) { return token.kind == Token::Kind::kEnd ? "the end" : Quoted(token.text); }

// "p99.9" -> 0.999.
bool ParseQuantileName(absl::string_view word, double* quantile) {
  double percent = 0;
  if (!absl::ConsumePrefix(&word, "p") || word.empty() || word.size() > 8 || !absl::ascii_isdigit(word[0]) ||
      !absl::SimpleAtod(word, &percent) || percent <= 0 || percent >= 100)
    return false;
  *quantile = percent / 100;
  return true;
}

// A quantity with what the type check needs.
struct Side {
  Quantity quantity;
  Dimension dimension = Dimension::kCount;
  GateKind kind = GateKind::kCorrectness;
  // Of a plain number on the other side; 0 = none is allowed (durations), 1 = counts.
  double plain_unit = 0;
  absl::string_view name;
};

// Recursive descent over at most: quantity sign (quantity | number). The first error ends it.
class Parser {
 public:
  explicit Parser(absl::string_view text) : lexer_(text) {}

  std::variant<GateExpression, GateError> Parse() {
    GateExpression gate;
    Side left;
    if (!ParseQuantity(&left) || !ParseComparison(&gate.comparison) || !ParseRight(left, &gate)) return error_;
    if (lexer_.token().kind != Token::Kind::kEnd) {
      Fail(lexer_.token(), absl::StrCat("unexpected ", Shown(lexer_.token()), " after the gate's end"));
      return error_;
    }
    gate.left = std::move(left.quantity);
    gate.dimension = left.dimension;
    gate.kind = left.kind;
    return gate;
  }

 private:
  bool Fail(const Token& token, std::string message) {
    error_ = {token.column, std::move(message)};
    return false;
  }

  bool ParseQuantity(Side* side) {
    const Token word = lexer_.Take();
    if (word.kind != Token::Kind::kWord || !absl::ascii_isalpha(word.text[0]))
      return Fail(word, absl::StrCat("expected a metric such as duplicates or p99(latency.decode), got ", Shown(word)));
    if (lexer_.TakeSign("(")) return ParseLatency(word, side);
    return ParseMetric(word, side);
  }

  bool ParseMetric(const Token& word, Side* side) {
    const size_t dot = word.text.find('.');
    const absl::string_view name = word.text.substr(0, dot);
    const Metric* metric = FindMetric(name);
    if (metric == nullptr) return FailUnknownMetric(word, name);
    MetricRef ref{metric, ""};
    if (dot != absl::string_view::npos) {
      ref.part = std::string(word.text.substr(dot + 1));
      if (metric->part != Metric::Part::kLine)
        return Fail(word, absl::StrCat(name, " is not counted by line: write it without \".", ref.part, "\""));
      if (ref.part != "A" && ref.part != "B")
        return Fail(word, absl::StrCat("the lines are A and B, not ", Quoted(ref.part)));
    }
    PartType type{metric->dimension, metric->kind};
    if (lexer_.TakeSign("[")) {
      if (metric->part == Metric::Part::kNone || metric->part == Metric::Part::kLine)
        return Fail(word, absl::StrCat(name, " cannot be asked for a part in brackets"));
      if (!ParseBracket(*metric, &ref.part, &type)) return false;
    } else if (metric->part == Metric::Part::kField) {
      return Fail(word, absl::StrCat("ask for one of its values: ", name, "[NAME]"));
    }
    *side = {ref, type.dimension, type.kind, metric->plain_unit_ns, name};
    if (type.dimension == Dimension::kCount) side->plain_unit = 1;
    return true;
  }

  bool ParseBracket(const Metric& metric, std::string* part, PartType* type) {
    const Token inside = lexer_.Take();
    if (inside.kind != Token::Kind::kWord)
      return Fail(inside, absl::StrCat("expected a name in [ ], got ", Shown(inside)));
    if (!CheckPart(metric, inside, type)) return false;
    *part = std::string(inside.text);
    if (lexer_.TakeSign("]")) return true;
    return Fail(lexer_.token(), absl::StrCat("expected \"]\", got ", Shown(lexer_.token())));
  }

  bool CheckPart(const Metric& metric, const Token& inside, PartType* type) {
    const std::string shown = absl::StrCat(metric.name, "[", inside.text, "]");
    if (metric.part == Metric::Part::kField) {
      const std::optional<PartType> found = metric.part_type(inside.text);
      if (!found.has_value()) return Fail(inside, absl::StrCat("there is no ", shown));
      *type = *found;
      return true;
    }
    if (metric.part == Metric::Part::kType) {
      if (IsMessageType(inside.text)) return true;
      return Fail(inside, absl::StrCat(shown, ": a message type is one letter or digit, or a byte such as 0x1f"));
    }
    const auto& names = metric.bracket_names;
    if (std::find(names.begin(), names.end(), inside.text) != names.end()) return true;
    const std::string near = Suggestion(inside.text, names);
    return Fail(inside, absl::StrCat(shown, " does not exist",
                                     near.empty() ? absl::StrCat(": one of ", absl::StrJoin(names, ", ")) : near));
  }

  bool FailUnknownMetric(const Token& word, absl::string_view name) {
    if (name == "latency") return Fail(word, absl::StrCat("ask for a statistic of it: p99(", word.text, ")"));
    std::vector<absl::string_view> names;
    for (const Metric& metric : MetricCatalog()) names.push_back(metric.name);
    const std::string near = Suggestion(name, names);
    return Fail(word,
                absl::StrCat("unknown metric ", Quoted(name), near.empty() ? "; docs/gates.md lists them" : near));
  }

  bool ParseLatency(const Token& function, Side* side) {
    LatencyRef ref;
    if (function.text == "max") {
      ref.statistic = LatencyRef::Statistic::kMax;
    } else if (function.text == "min") {
      ref.statistic = LatencyRef::Statistic::kMin;
    } else if (function.text == "mean") {
      ref.statistic = LatencyRef::Statistic::kMean;
    } else if (!ParseQuantileName(function.text, &ref.quantile)) {
      return Fail(function, absl::StrCat("unknown statistic ", Quoted(function.text),
                                         "; there are p50, p99, p99.9 (any pN between 0 and 100), min, max and mean"));
    }
    const Token name = lexer_.Take();
    if (!ParseLatencyName(name, &ref)) return false;
    if (!lexer_.TakeSign(")")) return Fail(lexer_.token(), absl::StrCat("expected \")\", got ", Shown(lexer_.token())));
    *side = {ref, Dimension::kDuration, GateKind::kServiceLevel, 0, function.text};
    return true;
  }

  bool ParseLatencyName(const Token& name, LatencyRef* ref) {
    absl::string_view rest = name.text;
    if (!absl::ConsumePrefix(&rest, "latency."))
      return Fail(name,
                  absl::StrCat("expected latency.decode, latency.deliver, latency.end_to_end or latency.send, got ",
                               Shown(name)));
    const size_t dot = rest.find('.');
    const absl::string_view word = rest.substr(0, dot);
    std::vector<absl::string_view> words;
    for (const LatencyName& known : LatencyNames()) {
      if (known.word == word) ref->metric = known.metric;
      words.push_back(known.word);
    }
    if (ref->metric == v1::LATENCY_METRIC_UNSPECIFIED)
      return Fail(name, absl::StrCat("unknown latency ", Quoted(word), Suggestion(word, words)));
    if (dot == absl::string_view::npos) return true;
    const absl::string_view class_word = rest.substr(dot + 1);
    for (const TimestampClassName& known : TimestampClassNames()) {
      if (known.word == class_word) ref->timestamp_class = known.timestamp_class;
    }
    if (ref->timestamp_class != v1::TIMESTAMP_CLASS_UNSPECIFIED) return true;
    return Fail(name,
                absl::StrCat("the classes of receive times are none, software and hardware, not ", Quoted(class_word)));
  }

  bool ParseComparison(Comparison* comparison) {
    struct Sign {
      absl::string_view text;
      Comparison comparison;
    };
    static constexpr Sign kSigns[] = {{"==", Comparison::kEqual},     {"!=", Comparison::kNotEqual},
                                      {"<=", Comparison::kLessEqual}, {">=", Comparison::kGreaterEqual},
                                      {"<", Comparison::kLess},       {">", Comparison::kGreater}};
    for (const Sign& sign : kSigns) {
      if (!lexer_.TakeSign(sign.text)) continue;
      *comparison = sign.comparison;
      return true;
    }
    return Fail(lexer_.token(), absl::StrCat("expected == != < <= > or >=, got ", Shown(lexer_.token())));
  }

  bool ParseRight(const Side& left, GateExpression* gate) {
    const Token token = lexer_.token();
    const bool number = token.kind == Token::Kind::kWord && !absl::ascii_isalpha(token.text[0]);
    if (left.dimension == Dimension::kHash && gate->comparison != Comparison::kEqual &&
        gate->comparison != Comparison::kNotEqual)
      return Fail(token, absl::StrCat(left.name, " is a hash: only == and != make sense"));
    if (number) return ParseNumber(left, lexer_.Take(), gate);
    Side right;
    if (!ParseQuantity(&right)) return false;
    if (right.dimension != left.dimension)
      return Fail(token, absl::StrCat(left.name, " is ", DimensionName(left.dimension), ", ", right.name, " is ",
                                      DimensionName(right.dimension), ": they cannot be compared"));
    gate->right = std::move(right.quantity);
    return true;
  }

  bool ParseNumber(const Side& left, const Token& token, GateExpression* gate) {
    const size_t unit_at = token.text.find_first_not_of("-0123456789.");
    const bool plain = unit_at == absl::string_view::npos;
    double value = 0;
    if (!absl::SimpleAtod(token.text.substr(0, unit_at), &value))
      return Fail(token, absl::StrCat(Quoted(token.text), " is not a number"));
    if (plain && left.plain_unit != 0) {
      gate->right = value * left.plain_unit;
      return true;
    }
    switch (left.dimension) {
      case Dimension::kDuration:
        return TakeUnit(left, token, ParseDurationNs(token.text), "such as 40us", gate);
      case Dimension::kRatio:
        return TakeUnit(left, token, ParsePercent(token.text), "such as 99.9%", gate);
      case Dimension::kCount:
        return Fail(token,
                    absl::StrCat(left.name, " is a count: compare it with a plain number, not ", Quoted(token.text)));
      case Dimension::kHash:
        return Fail(
            token, absl::StrCat(left.name, " is a hash: compare it with its reference, as in state_hash == reference"));
    }
    return false;
  }

  template <class T>
  bool TakeUnit(const Side& left, const Token& token, const absl::StatusOr<T>& value, absl::string_view example,
                GateExpression* gate) {
    if (!value.ok())
      return Fail(token, absl::StrCat(left.name, " is ", DimensionName(left.dimension), ", compared with one ", example,
                                      ": ", value.status().message()));
    gate->right = static_cast<double>(*value);
    return true;
  }

  Lexer lexer_;
  GateError error_;
};

}  // namespace

std::variant<GateExpression, GateError> ParseGate(absl::string_view expression) {
  if (expression.size() > kExpressionMax) return GateError{1, "a gate has at most 256 letters"};
  return Parser(expression).Parse();
}

}  // namespace feedfarm
