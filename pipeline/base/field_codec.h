#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "pipeline/base/endian.h"

// Fixed-layout messages written once: a message names its fields in wire order in one `Walk`, and loading, storing and
// counting them are three codecs that walk it. After inlining each field is one load or store at a constant offset.
//
//   struct Cancel {
//     OrderRef order;
//     Shares shares;
//     template <class Self, class Codec>
//     static constexpr void Walk(Self& self, Codec& codec) { codec(self.order, self.shares); }
//   };
//
// A field is: char; std::array<char, N> (text, padded with spaces); an integer; a strong type, which is a struct with
// an integer `value` and, where the wire is narrower, `static constexpr size_t kWireBytes` (6 only, big-endian only);
// or a struct with a Walk of its own.
namespace feedfarm {

template <class T>
concept WalkedField = requires(T& field, int& any) {
  T::Walk(field, any);
};

template <class T>
concept StrongField = !WalkedField<T> && std::integral<decltype(T::value)>;

template <class T>
concept NarrowField = StrongField<T> && requires {
  T::kWireBytes;
};

// Reads fields one after another from `at`; the caller has checked that all of them are there.
template <std::endian kOrder>
class FieldLoader {
 public:
  explicit FieldLoader(const uint8_t* at) : at_(at) {}

  template <class... Field>
  void operator()(Field&... fields) {
    (Load(fields), ...);
  }

 private:
  void Load(char& field) { field = static_cast<char>(*at_++); }

  template <size_t N>
  void Load(std::array<char, N>& field) {
    std::memcpy(field.data(), at_, N);
    at_ += N;
  }

  template <std::integral T>
  requires(!std::same_as<T, char>) void Load(T& field) {
    using Bits = std::make_unsigned_t<T>;
    if constexpr (kOrder == std::endian::big) {
      field = static_cast<T>(LoadBig<Bits>(at_));
    } else {
      field = static_cast<T>(LoadLittle<Bits>(at_));
    }
    at_ += sizeof(T);
  }

  template <StrongField T>
  void Load(T& field) {
    if constexpr (NarrowField<T>) {
      static_assert(T::kWireBytes == 6 && kOrder == std::endian::big);
      field.value = LoadBig48(at_);
      at_ += T::kWireBytes;
    } else {
      Load(field.value);
    }
  }

  template <WalkedField T>
  void Load(T& field) {
    T::Walk(field, *this);
  }

  const uint8_t* at_;
};

// Writes fields one after another to `at`; the caller has checked that there is room.
template <std::endian kOrder>
class FieldStorer {
 public:
  explicit FieldStorer(uint8_t* at) : at_(at) {}

  template <class... Field>
  void operator()(const Field&... fields) {
    (Store(fields), ...);
  }

 private:
  void Store(char field) { *at_++ = static_cast<uint8_t>(field); }

  template <size_t N>
  void Store(const std::array<char, N>& field) {
    std::memcpy(at_, field.data(), N);
    at_ += N;
  }

  template <std::integral T>
  requires(!std::same_as<T, char>) void Store(T field) {
    using Bits = std::make_unsigned_t<T>;
    if constexpr (kOrder == std::endian::big) {
      StoreBig<Bits>(at_, static_cast<Bits>(field));
    } else {
      StoreLittle<Bits>(at_, static_cast<Bits>(field));
    }
    at_ += sizeof(T);
  }

  template <StrongField T>
  void Store(const T& field) {
    if constexpr (NarrowField<T>) {
      static_assert(T::kWireBytes == 6 && kOrder == std::endian::big);
      StoreBig48(at_, field.value);
      at_ += T::kWireBytes;
    } else {
      Store(field.value);
    }
  }

  template <WalkedField T>
  void Store(const T& field) {
    T::Walk(field, *this);
  }

  uint8_t* at_;
};

// Counts the bytes that a message's fields take on the wire, at compile time.
class FieldCounter {
 public:
  template <class... Field>
  constexpr void operator()(const Field&... fields) {
    (Count(fields), ...);
  }

  constexpr size_t bytes() const { return bytes_; }

 private:
  template <class T>
  constexpr void Count(const T& field) {
    if constexpr (WalkedField<T>) {
      T::Walk(field, *this);
    } else if constexpr (NarrowField<T>) {
      bytes_ += T::kWireBytes;
    } else if constexpr (StrongField<T>) {
      bytes_ += sizeof(field.value);
    } else {
      bytes_ += sizeof(T);
    }
  }

  size_t bytes_ = 0;
};

// Bytes of T's fields on the wire.
template <class T>
constexpr size_t WireBytes() {
  FieldCounter counter;
  const T message{};
  T::Walk(message, counter);
  return counter.bytes();
}

}  // namespace feedfarm
