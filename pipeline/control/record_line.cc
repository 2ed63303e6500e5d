#include "pipeline/control/record_line.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace feedfarm {
namespace {

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
  });
}

bool IsPlain(char c) { return c >= '!' && c <= '~' && c != '%' && c != '='; }

void AppendEscaped(std::string_view value, std::string& out) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  for (char c : value) {
    if (IsPlain(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
}

// 0..15, or -1.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

absl::StatusOr<std::string> Unescape(std::string_view raw) {
  std::string value;
  value.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (IsPlain(raw[i])) {
      value.push_back(raw[i]);
      continue;
    }
    if (raw[i] != '%') return absl::InvalidArgumentError("a byte that must be escaped is not");
    const int high = i + 2 < raw.size() ? HexDigit(raw[i + 1]) : -1;
    const int low = i + 2 < raw.size() ? HexDigit(raw[i + 2]) : -1;
    if (high < 0 || low < 0) return absl::InvalidArgumentError("broken % escape");
    value.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return value;
}

// The part up to the next space; removes it and the space from `rest`.
std::string_view TakeWord(std::string_view& rest) {
  const size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

absl::Status CheckKeysDiffer(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<std::string_view> keys;
  keys.reserve(fields.size());
  for (const auto& [key, value] : fields) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("key ", std::string(*twice), " comes twice"));
}

}  // namespace

RecordLine::RecordLine(std::string_view kind) : kind_(kind) { CHECK(IsName(kind)) << kind; }

RecordLine& RecordLine::Add(std::string_view key, std::string_view value) {
  CHECK(IsName(key)) << key;
  fields_.emplace_back(key, value);
  return *this;
}

RecordLine& RecordLine::AddUint(std::string_view key, uint64_t value) { return Add(key, absl::StrCat(value)); }

std::optional<std::string_view> RecordLine::Find(std::string_view key) const {
  for (const auto& [name, value] : fields_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

absl::StatusOr<uint64_t> RecordLine::Uint(std::string_view key) const {
  const auto text = Find(key);
  if (!text) return absl::NotFoundError(absl::StrCat(kind_, ": no field ", std::string(key)));
  uint64_t value = 0;
  const bool digits = !text->empty() && std::all_of(text->begin(), text->end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(std::string(*text), &value)) {
    return absl::InvalidArgumentError(absl::StrCat(kind_, ": ", std::string(key), " is not an unsigned number"));
  }
  return value;
}

std::string RecordLine::Encode() const {
  std::string out = kind_;
  for (const auto& [key, value] : fields_) {
    out.push_back(' ');
    out.append(key);
    out.push_back('=');
    AppendEscaped(value, out);
  }
  return out;
}

absl::StatusOr<RecordLine> RecordLine::Parse(std::string_view line) {
  if (line.size() > kRecordLineBytesMax) return absl::InvalidArgumentError("line too long");
  RecordLine record;
  std::string_view rest = line;
  record.kind_ = TakeWord(rest);
  if (!IsName(record.kind_)) return absl::InvalidArgumentError("the line does not begin with a kind");
  while (!rest.empty()) {
    const std::string_view word = TakeWord(rest);
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) return absl::InvalidArgumentError("a field without '='");
    const std::string_view key = word.substr(0, equals);
    if (!IsName(key)) return absl::InvalidArgumentError("a field's key is no name");
    if (record.fields_.size() == kRecordFieldsMax) return absl::InvalidArgumentError("too many fields");
    absl::StatusOr<std::string> value = Unescape(word.substr(equals + 1));
    if (!value.ok()) return absl::InvalidArgumentError(absl::StrCat(std::string(key), ": ", value.status().message()));
    record.fields_.emplace_back(key, *std::move(value));
  }
  if (absl::Status status = CheckKeysDiffer(record.fields_); !status.ok()) return status;
  return record;
}

absl::Status RecordLineReader::Append(std::string_view bytes) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  buffer_.append(bytes);
  // Only a line that is still unfinished can be too long here; whole ones are judged by Parse.
  const size_t newline = bytes.rfind('\n');
  const size_t tail = newline == std::string_view::npos ? buffer_.size() : bytes.size() - newline - 1;
  if (tail <= kRecordLineBytesMax) return absl::OkStatus();
  return absl::ResourceExhaustedError("a line is longer than kRecordLineBytesMax");
}

std::optional<absl::StatusOr<RecordLine>> RecordLineReader::Next() {
  const size_t newline = buffer_.find('\n', scanned_);
  if (newline == std::string::npos) {
    scanned_ = buffer_.size();
    return std::nullopt;
  }
  const std::string_view line = std::string_view(buffer_).substr(begin_, newline - begin_);
  begin_ = scanned_ = newline + 1;
  return RecordLine::Parse(line);
}

}  // namespace feedfarm
