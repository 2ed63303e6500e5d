#include "agent/traffic/recorded_stream.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

// No session counts this far: a larger number is no sequence, and sums with it would overflow.
constexpr uint64_t kSequenceMax = uint64_t{1} << 62;
// Packets that hold no messages are kept whole; a capture with more bytes of them than this is not one of a feed.
constexpr size_t kRawBytesMax = 256 << 20;

StreamPacket::Kind KindOf(PacketKind kind) {
  switch (kind) {
    case PacketKind::kData:
      return StreamPacket::Kind::kData;
    case PacketKind::kHeartbeat:
      return StreamPacket::Kind::kHeartbeat;
    case PacketKind::kEndOfSession:
      return StreamPacket::Kind::kEndOfSession;
    case PacketKind::kMalformed:
      break;
  }
  return StreamPacket::Kind::kRaw;
}

}  // namespace

RecordedStream::RecordedStream(uint64_t packets_max, StreamContent& content)
    : packets_max_(packets_max), content_(content), iextp_(content.protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10) {}

absl::Status RecordedStream::Add(std::span<const uint8_t> payload, uint64_t time_ns, bool whole) {
  if (content_.packets.empty()) first_time_ns_ = time_ns;
  const uint64_t due_ns = time_ns - std::min(time_ns, first_time_ns_);
  PacketHeader header;
  if (!whole || !Parse(payload, header)) return AddRaw(payload, due_ns);
  const Place place = Classify(header);
  if (place == Place::kStale) {
    content_.repeated_messages += header.count;
    return AddRaw(payload, due_ns);
  }
  if (place == Place::kRestart) ++content_.session_restarts;
  if (place == Place::kNewSession && generations_ > 0) ++content_.session_changes;
  if (place != Place::kCurrent) BeginGeneration(header, StreamOffset(payload));
  FEEDFARM_RETURN_IF_ERROR(AddMessages(payload, header));
  lowest_sequence_ = std::min(lowest_sequence_, header.first_sequence);
  next_sequence_ = std::max(next_sequence_, header.first_sequence + header.count);
  newest_send_time_ns_ = std::max(newest_send_time_ns_, header.send_time_ns);
  const size_t blocks_end = header.count == 0 ? 0 : blocks_[header.count - 1].offset + blocks_[header.count - 1].length;
  return AddPacket({.due_ns = due_ns,
                    .sequence = header.first_sequence,
                    .send_time_ns = header.send_time_ns,
                    .count = header.count,
                    .generation = generations_ - 1,
                    .bytes = static_cast<uint16_t>(std::max<size_t>(HeaderBytes(content_.protocol), blocks_end)),
                    .kind = KindOf(header.kind)});
}

bool RecordedStream::Parse(std::span<const uint8_t> payload, PacketHeader& header) {
  header = iextp_ ? iextp::IexTp::ParseHeader(payload) : moldudp64::MoldUdp64::ParseHeader(payload);
  if (header.kind == PacketKind::kMalformed || header.first_sequence > kSequenceMax) return false;
  if (header.kind != PacketKind::kData) return true;
  return iextp_ ? iextp::IexTp::IndexBlocks(payload, header, blocks_)
                : moldudp64::MoldUdp64::IndexBlocks(payload, header, blocks_);
}

uint64_t RecordedStream::StreamOffset(std::span<const uint8_t> payload) const {
  return iextp_ ? iextp::StreamOffset(payload) : 0;
}

RecordedStream::Place RecordedStream::Classify(const PacketHeader& header) const {
  if (generations_ == 0) return Place::kNewSession;
  if (header.session != session_) {
    return sessions_.contains({header.session.high, header.session.low}) ? Place::kStale : Place::kNewSession;
  }
  const bool below = header.count == 0 ? header.first_sequence < next_sequence_
                                       : header.first_sequence + header.count <= next_sequence_;
  if (below && header.send_time_ns > newest_send_time_ns_) return Place::kRestart;
  if (header.send_time_ns < first_send_time_ns_) return Place::kStale;
  return Place::kCurrent;
}

void RecordedStream::BeginGeneration(const PacketHeader& header, uint64_t stream_offset) {
  EndGeneration();
  content_.store->BeginGeneration(header.session, header.first_sequence, stream_offset);
  ++generations_;
  session_ = header.session;
  sessions_.insert({session_.high, session_.low});
  lowest_sequence_ = next_sequence_ = header.first_sequence;
  first_send_time_ns_ = newest_send_time_ns_ = header.send_time_ns;
  generation_messages_ = 0;
}

void RecordedStream::EndGeneration() {
  if (generations_ == 0) return;
  // A generation begins at 1, unless a handler joins an IEX-TP session: that is done at the first packet seen.
  const bool joined = iextp_ && generations_ == 1;
  const uint64_t begin = joined ? lowest_sequence_ : std::min<uint64_t>(lowest_sequence_, 1);
  content_.missing_messages += next_sequence_ - begin - generation_messages_;
}

absl::Status RecordedStream::AddMessages(std::span<const uint8_t> payload, const PacketHeader& header) {
  const uint64_t base = StreamOffset(payload);
  for (uint32_t i = 0; i < header.count; ++i) {
    const BlockRef block = blocks_[i];
    const uint64_t before = block.offset - sizeof(uint16_t) - HeaderBytes(content_.protocol);
    switch (content_.store->Append(header.first_sequence + i, payload.subspan(block.offset, block.length),
                                   base + before, header.send_time_ns)) {
      case MessageStore::Outcome::kStored:
        ++generation_messages_;
        break;
      case MessageStore::Outcome::kRepeated:
        ++content_.repeated_messages;
        break;
      case MessageStore::Outcome::kFull:
        return Full();
    }
  }
  return absl::OkStatus();
}

absl::Status RecordedStream::AddPacket(StreamPacket packet) {
  if (content_.packets.size() >= packets_max_) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", packets_max_, " packets; capture.limit takes fewer"));
  }
  content_.packets.push_back(packet);
  return absl::OkStatus();
}

absl::Status RecordedStream::AddRaw(std::span<const uint8_t> payload, uint64_t due_ns) {
  if (content_.raw_bytes.size() + payload.size() > kRawBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kRawBytesMax, " bytes of packets that are cut short or malformed"));
  }
  const auto size = static_cast<uint16_t>(payload.size());
  FEEDFARM_RETURN_IF_ERROR(AddPacket({.due_ns = due_ns,
                                      .sequence = content_.raw_packets.size(),
                                      .generation = generations_ == 0 ? 0 : generations_ - 1,
                                      .bytes = size,
                                      .kind = StreamPacket::Kind::kRaw}));
  content_.raw_packets.push_back({.offset = content_.raw_bytes.size(), .size = size});
  content_.raw_bytes.insert(content_.raw_bytes.end(), payload.begin(), payload.end());
  return absl::OkStatus();
}

absl::Status RecordedStream::Full() const {
  return absl::InvalidArgumentError(absl::StrCat("its messages do not fit ", content_.store->bytes_max(),
                                                 " bytes; the first ", content_.store->messages(), " (",
                                                 content_.packets.size(), " packets) did: capture.limit takes fewer"));
}

absl::Status RecordedStream::Finish() {
  EndGeneration();
  FEEDFARM_RETURN_IF_ERROR(content_.store->Seal());
  if (content_.store->messages() == 0) return absl::InvalidArgumentError("no packet with a message");
  uint64_t newest = 0;
  for (StreamPacket& packet : content_.packets) {
    packet.first_index = packet.kind == StreamPacket::Kind::kRaw
                             ? newest
                             : content_.store->LowerBound(packet.generation, packet.sequence);
    newest = std::max(newest, packet.end_index());
  }
  return absl::OkStatus();
}

}  // namespace feedfarm
