#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace feedfarm {

static_assert(std::endian::native == std::endian::little, "x86-64 and arm64 only");

// Unaligned loads and stores of `T` (an unsigned integer) at `at`; the caller has checked the bounds.
template <class T>
T LoadLittle(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <class T>
T LoadBig(const uint8_t* at) {
  T value = LoadLittle<T>(at);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  return value;
}

// The 6-byte big-endian time of ITCH. Reads exactly 6 bytes.
inline uint64_t LoadBig48(const uint8_t* at) {
  return (static_cast<uint64_t>(LoadBig<uint16_t>(at)) << 32) | LoadBig<uint32_t>(at + 2);
}

template <class T>
void StoreLittle(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

template <class T>
void StoreBig(uint8_t* at, T value) {
  if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof(T));
}

inline void StoreBig48(uint8_t* at, uint64_t value) {
  StoreBig<uint16_t>(at, static_cast<uint16_t>(value >> 32));
  StoreBig<uint32_t>(at + 2, static_cast<uint32_t>(value));
}

}  // namespace feedfarm
