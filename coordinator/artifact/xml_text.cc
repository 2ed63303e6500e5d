#include "coordinator/artifact/xml_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "coordinator/campaign/utf8.h"

namespace feedfarm {
namespace {

void AppendByte(char c, std::string* out) {
  switch (c) {
    case '&':
      out->append("&amp;");
      return;
    case '<':
      out->append("&lt;");
      return;
    case '>':
      out->append("&gt;");
      return;
    case '"':
      out->append("&quot;");
      return;
    case '\'':
      out->append("&apos;");
      return;
    case '\n':
    case '\r':
    case '\t':
      absl::StrAppend(out, "&#", static_cast<int>(c), ";");
      return;
    default:
      out->push_back(static_cast<unsigned char>(c) < 0x20 ? '?' : c);
  }
}

}  // namespace

std::string XmlEscape(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t valid = Utf8Prefix(text);
    for (absl::string_view rest = text.substr(0, valid); !rest.empty();) {
      const bool noncharacter = absl::StartsWith(rest, "\xEF\xBF\xBE") || absl::StartsWith(rest, "\xEF\xBF\xBF");
      if (noncharacter) {
        out.push_back('?');
      } else {
        AppendByte(rest[0], &out);
      }
      rest.remove_prefix(noncharacter ? 3 : 1);
    }
    text.remove_prefix(valid);
    if (text.empty()) break;
    out.push_back('?');
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace feedfarm
