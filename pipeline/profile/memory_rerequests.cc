#include "pipeline/profile/memory_rerequests.h"

#include <algorithm>

#include "pipeline/moldudp64/packet_writer.h"
#include "pipeline/moldudp64/rerequest.h"

namespace feedfarm {
namespace {

constexpr uint64_t kAnswerDelayNs = 100'000;

}  // namespace

void MemoryRerequests::Send(std::span<const uint8_t> request) {
  ++requests_;
  const auto parsed = moldudp64::Rerequest::Parse(request);
  const bool lost = rng_.Uniform() < loss_;
  if (!parsed || lost || parsed->session != session_ || parsed->first_sequence > stream_->size()) {
    ++unanswered_;
    return;
  }
  moldudp64::PacketWriter writer;
  writer.Start(session_, parsed->first_sequence);
  const uint64_t end = std::min(stream_->size(), parsed->first_sequence - 1 + parsed->count);
  for (uint64_t i = parsed->first_sequence - 1; i < end && writer.Append((*stream_)[i]); ++i) {
  }
  const auto packet = writer.Finish();
  answers_.emplace(*now_ns_ + kAnswerDelayNs / 2 + rng_.Below(kAnswerDelayNs),
                   std::vector<uint8_t>(packet.begin(), packet.end()));
}

std::span<const uint8_t> MemoryRerequests::Receive() {
  if (answers_.empty() || answers_.begin()->first > *now_ns_) return {};
  current_ = std::move(answers_.begin()->second);
  answers_.erase(answers_.begin());
  return current_;
}

}  // namespace feedfarm
