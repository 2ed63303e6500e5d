#include "agent/traffic/stream_state.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/soupbintcp/packet_writer.h"

namespace feedfarm {

absl::StatusOr<std::unique_ptr<StreamState>> StreamState::Create(const StreamContent& content) {
  if (content.protocol != v1::FEED_PROTOCOL_MOLDUDP64_ITCH50) {
    return absl::InvalidArgumentError("a GLIMPSE server gives the state of an ITCH feed: moldudp64-itch50 only");
  }
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<ItchBook> book, ItchBook::Create({}));
  return std::unique_ptr<StreamState>(new StreamState(content, std::move(book)));
}

const StreamGeneration& StreamState::GenerationAt(uint64_t end) const {
  const auto& generations = store_.generations();
  size_t number = 0;
  while (number + 1 < generations.size() && generations[number + 1].first_index < end) ++number;
  return generations[number];
}

void StreamState::Follow(uint64_t end) {
  if (store_.generations().empty()) return;
  end = std::min(end, store_.messages());
  const StreamGeneration& generation = GenerationAt(end);
  if (end < applied_ || applied_ <= generation.first_index) {
    book_->Clear();
    applied_ = generation.first_index;
  }
  for (; applied_ < end; ++applied_) book_->Apply(store_.message(applied_));
}

StreamState::Snapshot StreamState::At(uint64_t end) {
  Snapshot snapshot;
  if (store_.generations().empty()) return snapshot;
  end = std::min(end, store_.messages());
  Follow(end);
  const StreamGeneration& generation = GenerationAt(end);
  snapshot.session = generation.session;
  snapshot.next_sequence = end > generation.first_index ? store_.sequence(end - 1) + 1 : 1;
  book_->EmitState([&snapshot](std::span<const uint8_t> message) {
    AppendPacket(soupbintcp::PacketType::kSequencedData, message, snapshot.packets);
    ++snapshot.messages;
  });
  std::array<uint8_t, glimpse::kEndBytesMax> last;
  const size_t bytes = glimpse::EncodeEnd(snapshot.next_sequence, {}, last);
  AppendPacket(soupbintcp::PacketType::kSequencedData, std::span(last).first(bytes), snapshot.packets);
  return snapshot;
}

}  // namespace feedfarm
