#include "agent/traffic/rerequest_answer.h"

#include <algorithm>
#include <optional>

#include "pipeline/iextp/gap_fill.h"
#include "pipeline/moldudp64/rerequest.h"

namespace feedfarm {
namespace {

// What may be served: the messages [first, end) of a generation that have been sent.
struct Served {
  uint32_t generation = 0;
  uint64_t first = 0;
  uint64_t end = 0;
};

std::optional<Served> Serve(const MessageStore& store, const RerequestScope& scope, const SessionId& session) {
  const uint64_t published = scope.published;
  const uint64_t kept = scope.keep_messages == 0 ? 0 : published - std::min(published, scope.keep_messages);
  const auto& generations = store.generations();
  for (size_t number = generations.size(); number-- > 0;) {
    const StreamGeneration& generation = generations[number];
    if (generation.session != session || generation.first_index >= published) continue;
    if (generation.first_index == generation.end_index) continue;
    const uint64_t end = std::min(generation.end_index, published);
    if (kept >= end) return std::nullopt;
    return Served{static_cast<uint32_t>(number), std::max(generation.first_index, kept), end};
  }
  return std::nullopt;
}

// The packet that begins with message `first` and holds at most [first, end).
StreamPacket Pack(const StreamContent& content, const RerequestScope& scope, uint64_t first, uint64_t end) {
  const MessageStore& store = *content.store;
  const StreamSegment& segment = store.segment(first);
  uint64_t most = std::min(end, store.segment_end(segment)) - first;
  // MoldUDP64's count has 16 bits, of which the largest value means something else.
  most = std::min<uint64_t>(most,
                            scope.messages_max == 0 ? kBlocksMax : std::min<uint64_t>(scope.messages_max, kBlocksMax));
  uint64_t count = 1;
  while (count < most && PayloadBytes(content, first, count + 1) <= kAnswerBytesMax) ++count;
  return {.first_index = first,
          .sequence = segment.first_sequence + (first - segment.first_index),
          .send_time_ns = store.send_time(first),
          .count = static_cast<uint32_t>(count),
          .generation = segment.generation,
          .bytes = static_cast<uint16_t>(PayloadBytes(content, first, count))};
}

// The answer to `count` messages from `sequence` on.
void AddSequences(const StreamContent& content, const RerequestScope& scope, const Served& served, uint64_t sequence,
                  uint64_t count, std::vector<StreamPacket>& answers) {
  const std::optional<uint64_t> first = content.store->Find(served.generation, sequence);
  if (!first || *first < served.first || *first >= served.end || count == 0) return;
  answers.push_back(Pack(content, scope, *first, *first + std::min(count, served.end - *first)));
}

// The answer to the messages that the bytes [range.first, range.last] of the stream touch.
void AddOffsets(const StreamContent& content, const RerequestScope& scope, const Served& served,
                const iextp::Range& range, std::vector<StreamPacket>& answers) {
  const MessageStore& store = *content.store;
  const auto lower_bound = [&](uint64_t offset) {
    uint64_t low = served.first, high = served.end;
    while (low < high) {
      const uint64_t middle = low + (high - low) / 2;
      if (store.stream_offset(middle) < offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  uint64_t first = lower_bound(range.first);
  const bool starts_there = first < served.end && store.stream_offset(first) == range.first;
  if (!starts_there && first > served.first && store.stream_offset_before(served.generation, first) > range.first)
    --first;
  const uint64_t end = range.last == UINT64_MAX ? served.end : lower_bound(range.last + 1);
  if (first < end) answers.push_back(Pack(content, scope, first, end));
}

StreamPacket TestAnswer(const StreamContent& content, const Served& served) {
  const MessageStore& store = *content.store;
  return {.first_index = served.end,
          .sequence = store.sequence(served.end - 1) + 1,
          .send_time_ns = store.send_time(served.end - 1),
          .generation = served.generation,
          .bytes = HeaderBytes(content.protocol),
          .kind = StreamPacket::Kind::kHeartbeat};
}

std::vector<StreamPacket> AnswerMold(const StreamContent& content, const RerequestScope& scope,
                                     std::span<const uint8_t> bytes) {
  std::vector<StreamPacket> answers;
  const auto request = moldudp64::Rerequest::Parse(bytes);
  if (!request) return answers;
  const auto served = Serve(*content.store, scope, request->session);
  if (served) AddSequences(content, scope, *served, request->first_sequence, request->count, answers);
  return answers;
}

std::vector<StreamPacket> AnswerIex(const StreamContent& content, const RerequestScope& scope,
                                    std::span<const uint8_t> bytes) {
  std::vector<StreamPacket> answers;
  const auto request = iextp::GapFillRequest::Parse(bytes);
  if (!request) return answers;
  const auto served = Serve(*content.store, scope, request->session);
  if (!served) return answers;
  if (request->is_test()) return {TestAnswer(content, *served)};
  for (uint32_t i = 0; i < request->range_count && answers.size() < kAnswersMax; ++i) {
    const iextp::Range& range = request->ranges[i];
    if (request->type == iextp::RangeType::kStreamOffset) {
      AddOffsets(content, scope, *served, range, answers);
    } else {
      const uint64_t more = range.last - range.first;
      AddSequences(content, scope, *served, range.first, more == UINT64_MAX ? more : more + 1, answers);
    }
  }
  return answers;
}

}  // namespace

std::vector<StreamPacket> AnswerRerequest(const StreamContent& content, const RerequestScope& scope,
                                          std::span<const uint8_t> request) {
  return content.protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10 ? AnswerIex(content, scope, request)
                                                            : AnswerMold(content, scope, request);
}

}  // namespace feedfarm
