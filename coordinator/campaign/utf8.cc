#include "coordinator/campaign/utf8.h"

#include <cstdint>

#include "absl/strings/string_view.h"

namespace feedfarm {
namespace {

// Bytes of the character at `at`; 0 where there is none.
size_t CharacterBytes(absl::string_view text, size_t at) {
  const auto byte = [&](size_t index) { return static_cast<uint8_t>(text[at + index]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) return 0;
  for (size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
  const bool too_large = lead == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

}  // namespace

size_t Utf8Prefix(absl::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t bytes = CharacterBytes(text, at);
    if (bytes == 0) break;
    at += bytes;
  }
  return at;
}

}  // namespace feedfarm
