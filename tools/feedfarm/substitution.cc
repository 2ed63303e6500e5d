#include "tools/feedfarm/substitution.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

bool IsName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

std::string ForYaml(const std::string& value) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string("._/:+-%").find(static_cast<char>(c)) != std::string::npos;
  });
  if (plain) return value;
  std::string quoted = "'";
  for (char c : value) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

// Where an offset stands, 1-based.
std::string Place(const std::string& file, const std::string& text, size_t offset) {
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
  const size_t line_start = text.rfind('\n', offset);
  const size_t column = line_start == std::string::npos ? offset + 1 : offset - line_start;
  return absl::StrCat(file, ":", line, ":", column);
}

// True where `offset` is behind a '#' that begins a comment: at a line's start or after a space.
bool InComment(const std::string& text, size_t offset) {
  const size_t line_start = text.rfind('\n', offset) + 1;  // npos + 1 is 0
  for (size_t at = line_start; at < offset; ++at) {
    if (text[at] == '#' && (at == line_start || text[at - 1] == ' ')) return true;
  }
  return false;
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
    if (InComment(text, dollar)) {
      out += "${";
      continue;
    }
    if (dollar > 0 && text[dollar - 1] == '$') {
      out += "{";
      continue;
    }
    const size_t end = text.find('}', at);
    const std::string name = end == std::string::npos ? "" : text.substr(at, end - at);
    if (!IsName(name)) return absl::InvalidArgumentError(absl::StrCat(Place(file, text, dollar), ": '${' without a name and '}'"));
    const auto setting = settings.find(name);
    if (setting == settings.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Place(file, text, dollar), ": ${", name, "} has no value; give one with --set ", name, "=..."));
    }
    out += ForYaml(setting->second);
    used.insert(name);
    at = end + 1;
  }
  for (const auto& [name, value] : settings) {
    if (used.count(name) == 0) return absl::InvalidArgumentError(absl::StrCat("--set ", name, ": ", file, " has no ${", name, "}"));
  }
  return out;
}

}  // namespace feedfarm
