#include "tools/feedfarm/substitution.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

bool IsName(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

// What surrounds a place of the text on its line.
enum class Context { kPlain, kSingleQuoted, kDoubleQuoted, kComment };

Context ContextAt(const std::string& text, size_t offset) {
  const size_t line_start = text.rfind('\n', offset) + 1;  // npos + 1 is 0
  char quote = 0;
  for (size_t at = line_start; at < offset; ++at) {
    const char c = text[at];
    if (quote == '"' && c == '\\') {
      ++at;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '#' && (at == line_start || text[at - 1] == ' ')) {
      return Context::kComment;
    } else if ((c == '"' || c == '\'') &&
               (at == line_start || std::string(" [{,").find(text[at - 1]) != std::string::npos)) {
      quote = c;
    }
  }
  return quote == '"' ? Context::kDoubleQuoted : quote == '\'' ? Context::kSingleQuoted : Context::kPlain;
}

std::string SingleQuoted(const std::string& value) {
  std::string quoted;
  for (char c : value) quoted += c == '\'' ? std::string("\'\'") : std::string(1, c);
  return quoted;
}

std::string DoubleQuoted(const std::string& value) {
  std::string quoted;
  for (char c : value) quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return quoted;
}

// The value so that YAML reads it back as it is.
std::string ForYaml(const std::string& value, Context context) {
  if (context == Context::kSingleQuoted) return SingleQuoted(value);
  if (context == Context::kDoubleQuoted) return DoubleQuoted(value);
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string("._/:+-%").find(static_cast<char>(c)) != std::string::npos;
  });
  return plain ? value : absl::StrCat("\'", SingleQuoted(value), "\'");
}

// Where an offset stands, 1-based.
std::string Place(const std::string& file, const std::string& text, size_t offset) {
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
  const size_t line_start = text.rfind('\n', offset);
  const size_t column = line_start == std::string::npos ? offset + 1 : offset - line_start;
  return absl::StrCat(file, ":", line, ":", column);
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ParseSettings(const std::vector<std::string>& words) {
  std::map<std::string, std::string> settings;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || !IsName(word.substr(0, equals))) {
      return absl::InvalidArgumentError(absl::StrCat("--set ", word, ": not NAME=VALUE"));
    }
    if (!settings.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
      return absl::InvalidArgumentError(absl::StrCat("--set ", word, ": given twice"));
    }
  }
  return settings;
}

absl::StatusOr<std::string> Substitute(const std::string& file, const std::string& text,
                                       const std::map<std::string, std::string>& settings) {
  std::string out;
  std::set<std::string> used;
  size_t at = 0;
  for (;;) {
    const size_t dollar = text.find("${", at);
    out.append(text, at, dollar == std::string::npos ? dollar : dollar - at);
    if (dollar == std::string::npos) break;
    at = dollar + 2;
    const Context context = ContextAt(text, dollar);
    if (context == Context::kComment) {
      out += "${";
      continue;
    }
    if (dollar > 0 && text[dollar - 1] == '$') {
      out += "{";
      continue;
    }
    const size_t end = text.find('}', at);
    const std::string name = end == std::string::npos ? "" : text.substr(at, end - at);
    if (!IsName(name))
      return absl::InvalidArgumentError(absl::StrCat(Place(file, text, dollar), ": '${' without a name and '}'"));
    const auto setting = settings.find(name);
    if (setting == settings.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Place(file, text, dollar), ": ${", name, "} has no value; give one with --set ", name, "=..."));
    }
    out += ForYaml(setting->second, context);
    used.insert(name);
    at = end + 1;
  }
  for (const auto& [name, value] : settings) {
    if (used.count(name) == 0)
      return absl::InvalidArgumentError(absl::StrCat("--set ", name, ": ", file, " has no ${", name, "}"));
  }
  return out;
}

}  // namespace feedfarm
