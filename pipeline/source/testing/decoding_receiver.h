#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "pipeline/feed/framing.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/source/live_source.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/source/testing/receiver.h"

namespace feedfarm::testing {

// A source, and each packet decoded as far as every message's type.
class DecodingReceiver final : public Receiver {
 public:
  explicit DecodingReceiver(std::unique_ptr<LiveSource> source) : source_(std::move(source)) {}

  size_t Poll() override {
    const size_t count = source_->Receive(batch_);
    for (size_t i = 0; i < count; ++i) Decode(batch_[i]);
    source_->Release(std::span(batch_).first(count));
    return count;
  }

  uint64_t messages() const override {
    uint64_t sum = 0;
    for (uint64_t count : types_) sum += count;
    return sum;
  }

 private:
  void Decode(const Packet& packet) {
    const std::span payload(packet.payload, packet.size);
    const PacketHeader header = moldudp64::MoldUdp64::ParseHeader(payload);
    if (header.kind != PacketKind::kData || !moldudp64::MoldUdp64::IndexBlocks(payload, header, blocks_)) return;
    for (uint32_t i = 0; i < header.count; ++i) {
      if (blocks_[i].length > 0) ++types_[payload[blocks_[i].offset]];
    }
  }

  std::unique_ptr<LiveSource> source_;
  std::array<Packet, kBatchMax> batch_;
  BlockIndex blocks_{};
  std::array<uint64_t, 256> types_{};
};

}  // namespace feedfarm::testing
