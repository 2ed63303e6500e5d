#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace feedfarm::itch {

namespace internal {

constexpr std::array<uint8_t, 256> MakeMessageLengths() {
  std::array<uint8_t, 256> lengths{};
  lengths['S'] = 12, lengths['R'] = 39, lengths['H'] = 25, lengths['Y'] = 20, lengths['L'] = 26, lengths['V'] = 35;
  lengths['W'] = 12, lengths['K'] = 28, lengths['J'] = 35, lengths['h'] = 21, lengths['A'] = 36, lengths['F'] = 40;
  lengths['E'] = 31, lengths['C'] = 36, lengths['X'] = 23, lengths['D'] = 19, lengths['U'] = 35, lengths['P'] = 44;
  lengths['Q'] = 40, lengths['B'] = 19, lengths['I'] = 50, lengths['N'] = 20, lengths['O'] = 48;
  return lengths;
}

inline constexpr std::array<uint8_t, 256> kMessageLengths = MakeMessageLengths();

}  // namespace internal

inline constexpr size_t kMessageTypes = 23;
inline constexpr size_t kMessageBytesMax = 50;

// Bytes of a message of this type, the type included; 0 = no message of ITCH 5.0. Cost: one load.
constexpr size_t MessageLength(uint8_t type) { return internal::kMessageLengths[type]; }

}  // namespace feedfarm::itch
