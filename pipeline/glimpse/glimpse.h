#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pipeline/base/endian.h"
#include "pipeline/soupbintcp/soupbintcp.h"

// GLIMPSE 5.0 (Nasdaq): the state of an ITCH 5.0 stream over SoupBinTCP. After the login (sequence 1) the server sends
// the state as ordinary ITCH messages, each as sequenced data, and at last
//
//   0        1
//   'G'(1)   sequence(20 or 8)
//
// the place of the state in the multicast stream.
namespace feedfarm::glimpse {

inline constexpr uint8_t kEndOfSnapshot = 'G';

// What could not be verified of the last message, as settings: the defaults are what the known descriptions say most.
struct SequenceField {
  enum class Width : uint8_t { kText20, kBinary8 };  // 20 ASCII digits, or 8 bytes big-endian
  enum class Meaning : uint8_t { kNext, kLast };     // the first message not in the state, or the last one in it
  Width width = Width::kText20;
  Meaning meaning = Meaning::kNext;
};

inline constexpr size_t kEndBytesMax = 1 + soupbintcp::kSequenceBytes;

// Writes the last message; returns its length.
inline size_t EncodeEnd(uint64_t next_sequence, const SequenceField& field, std::array<uint8_t, kEndBytesMax>& out) {
  const uint64_t number = field.meaning == SequenceField::Meaning::kNext ? next_sequence : next_sequence - 1;
  out[0] = kEndOfSnapshot;
  if (field.width == SequenceField::Width::kBinary8) {
    StoreBig<uint64_t>(out.data() + 1, number);
    return 1 + sizeof(number);
  }
  soupbintcp::StoreNumber(number, std::span(out).subspan(1));
  return out.size();
}

inline bool IsEnd(std::span<const uint8_t> message) { return !message.empty() && message[0] == kEndOfSnapshot; }

// The first sequence that is not in the state; nothing where the message is not as `field` says.
inline std::optional<uint64_t> ParseEnd(std::span<const uint8_t> message, const SequenceField& field) {
  if (!IsEnd(message)) return std::nullopt;
  std::optional<uint64_t> number;
  if (field.width == SequenceField::Width::kBinary8) {
    if (message.size() == 1 + sizeof(uint64_t)) number = LoadBig<uint64_t>(message.data() + 1);
  } else if (message.size() == kEndBytesMax) {
    number = soupbintcp::ParseNumber(message.subspan(1));
  }
  if (!number || field.meaning == SequenceField::Meaning::kNext) return number;
  return *number == UINT64_MAX ? std::nullopt : std::optional(*number + 1);
}

}  // namespace feedfarm::glimpse
