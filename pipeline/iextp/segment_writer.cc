#include "pipeline/iextp/segment_writer.h"

#include <glog/logging.h>

#include <cstring>

#include "pipeline/base/endian.h"

namespace feedfarm::iextp {

SegmentWriter::SegmentWriter(size_t bytes_max) : buffer_(bytes_max) {
  CHECK_GE(bytes_max, segment::kHeaderBytes);
  CHECK_LE(bytes_max, 65507u) << "more than a UDP datagram holds";
}

void SegmentWriter::Start(const SegmentStart& start) {
  start_ = start;
  size_ = segment::kHeaderBytes;
  count_ = 0;
}

bool SegmentWriter::Fits(size_t message_bytes) const {
  return count_ < kBlocksMax && message_bytes <= 0xFFFF &&
         size_ + segment::kLengthBytes + message_bytes <= buffer_.size();
}

bool SegmentWriter::Append(std::span<const uint8_t> message) {
  if (!Fits(message.size())) return false;
  StoreLittle<uint16_t>(buffer_.data() + size_, static_cast<uint16_t>(message.size()));
  size_ += segment::kLengthBytes;
  if (!message.empty()) std::memcpy(buffer_.data() + size_, message.data(), message.size());
  size_ += message.size();
  ++count_;
  return true;
}

std::span<const uint8_t> SegmentWriter::Finish() {
  uint8_t* at = buffer_.data();
  at[segment::kVersion] = kVersion;
  at[segment::kReserved] = 0;
  StoreLittle<uint16_t>(at + segment::kProtocol, kProtocolDeep10);
  StoreLittle<uint32_t>(at + segment::kChannel, static_cast<uint32_t>(start_.session.high));
  StoreLittle<uint32_t>(at + segment::kSession, static_cast<uint32_t>(start_.session.low));
  StoreLittle<uint16_t>(at + segment::kPayloadLength, static_cast<uint16_t>(size_ - segment::kHeaderBytes));
  StoreLittle<uint16_t>(at + segment::kMessageCount, static_cast<uint16_t>(count_));
  StoreLittle<uint64_t>(at + segment::kStreamOffset, start_.stream_offset);
  StoreLittle<uint64_t>(at + segment::kFirstSequence, start_.first_sequence);
  StoreLittle<uint64_t>(at + segment::kSendTime, start_.send_time_ns);
  return {at, size_};
}

std::span<const uint8_t> SegmentWriter::Heartbeat(const SegmentStart& next) {
  Start(next);
  return Finish();
}

}  // namespace feedfarm::iextp
