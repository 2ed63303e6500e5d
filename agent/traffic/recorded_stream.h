#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "agent/traffic/stream_content.h"
#include "pipeline/feed/framing.h"

namespace feedfarm {

// Turns recorded packets of one feed, one after another, into StreamContent: tells generations apart, keeps each
// message once. Pure: no file, no clock. Owned by one thread; `content` (with an empty store) outlives it.
class RecordedStream {
 public:
  RecordedStream(uint64_t packets_max, StreamContent& content);

  // A packet as the capture has it; `whole` is false where the capture cut it short. INVALID_ARGUMENT: the store or the
  // packet limit is full.
  absl::Status Add(std::span<const uint8_t> payload, uint64_t time_ns, bool whole);

  // Call once, after the last packet. INVALID_ARGUMENT: there was no message.
  absl::Status Finish();

 private:
  // What a packet is to the stream so far.
  enum class Place : uint8_t { kCurrent, kNewSession, kRestart, kStale };

  bool Parse(std::span<const uint8_t> payload, PacketHeader& header);
  uint64_t StreamOffset(std::span<const uint8_t> payload) const;
  Place Classify(const PacketHeader& header) const;
  void BeginGeneration(const PacketHeader& header, uint64_t stream_offset);
  void EndGeneration();
  absl::Status AddMessages(std::span<const uint8_t> payload, const PacketHeader& header);
  absl::Status AddPacket(StreamPacket packet);
  absl::Status AddRaw(std::span<const uint8_t> payload, uint64_t due_ns);
  absl::Status Full() const;

  const uint64_t packets_max_;
  StreamContent& content_;
  const bool iextp_;
  BlockIndex blocks_;
  uint64_t first_time_ns_ = 0;

  // Of the current generation; none yet while generations_ is 0.
  uint32_t generations_ = 0;
  SessionId session_;
  std::set<std::pair<uint64_t, uint64_t>> sessions_;
  uint64_t lowest_sequence_ = 0;
  uint64_t next_sequence_ = 0;
  uint64_t first_send_time_ns_ = 0;
  uint64_t newest_send_time_ns_ = 0;
  uint64_t generation_messages_ = 0;
};

}  // namespace feedfarm
