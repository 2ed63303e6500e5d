#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace feedfarm::deep {

namespace internal {

constexpr std::array<uint8_t, 256> MakeMessageLengths() {
  std::array<uint8_t, 256> lengths{};
  lengths['S'] = 10, lengths['D'] = 31, lengths['H'] = 22, lengths['I'] = 18, lengths['O'] = 18, lengths['P'] = 19;
  lengths['E'] = 18, lengths['8'] = 30, lengths['5'] = 30, lengths['T'] = 38, lengths['X'] = 26, lengths['A'] = 80;
  lengths['B'] = 38;
  return lengths;
}

inline constexpr std::array<uint8_t, 256> kMessageLengths = MakeMessageLengths();

}  // namespace internal

inline constexpr size_t kMessageTypes = 13;
inline constexpr size_t kMessageBytesMax = 80;

// Bytes of a message of this type in DEEP 1.0, the type included; 0 = unknown. IEX may add types and make messages
// longer without notice: this is the least a message has. Cost: one load.
constexpr size_t MessageLength(uint8_t type) { return internal::kMessageLengths[type]; }

}  // namespace feedfarm::deep
