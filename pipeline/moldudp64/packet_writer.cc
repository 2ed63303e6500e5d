#include "pipeline/moldudp64/packet_writer.h"

#include <glog/logging.h>

#include <cstring>

#include "pipeline/base/endian.h"

namespace feedfarm::moldudp64 {

PacketWriter::PacketWriter(size_t bytes_max) : buffer_(bytes_max) {
  CHECK_GE(bytes_max, kHeaderBytes);
  CHECK_LE(bytes_max, 65507u) << "more than a UDP datagram holds";
}

void PacketWriter::Start(const SessionId& session, uint64_t first_sequence) {
  session_ = session;
  first_sequence_ = first_sequence;
  size_ = kHeaderBytes;
  count_ = 0;
}

bool PacketWriter::Fits(size_t message_bytes) const {
  return count_ < kBlocksMax && message_bytes <= 0xFFFF && size_ + kLengthBytes + message_bytes <= buffer_.size();
}

bool PacketWriter::Append(std::span<const uint8_t> message) {
  if (!Fits(message.size())) return false;
  StoreBig<uint16_t>(buffer_.data() + size_, static_cast<uint16_t>(message.size()));
  size_ += kLengthBytes;
  if (!message.empty()) std::memcpy(buffer_.data() + size_, message.data(), message.size());
  size_ += message.size();
  ++count_;
  return true;
}

std::span<const uint8_t> PacketWriter::Finish() {
  StoreHeader(buffer_.data(), session_, first_sequence_, static_cast<uint16_t>(count_));
  return {buffer_.data(), size_};
}

std::span<const uint8_t> PacketWriter::Heartbeat(const SessionId& session, uint64_t next_sequence) {
  Start(session, next_sequence);
  return Finish();
}

std::span<const uint8_t> PacketWriter::EndOfSession(const SessionId& session, uint64_t next_sequence) {
  Start(session, next_sequence);
  StoreHeader(buffer_.data(), session, next_sequence, kEndOfSessionCount);
  return {buffer_.data(), kHeaderBytes};
}

}  // namespace feedfarm::moldudp64
