#include "pipeline/soupbintcp/packet_reader.h"

#include <cstring>

#include "glog/logging.h"
#include "pipeline/base/endian.h"

namespace feedfarm::soupbintcp {

PacketReader::PacketReader(size_t packet_bytes_max) : packet_bytes_max_(packet_bytes_max), buffer_(kBufferBytes) {
  CHECK_LE(packet_bytes_max, 0xFFFFu);
  static_assert(kBufferBytes >= 2 * (0xFFFF + kLengthBytes), "a whole packet fits behind the rest of another");
}

std::span<uint8_t> PacketReader::Space() {
  if (wrong_) return {};
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ >= buffer_.size() / 2 || end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(buffer_).subspan(end_);
}

PacketReader::Result PacketReader::Next(Packet* packet) {
  if (wrong_) return Result::kWrong;
  if (end_ - begin_ < kLengthBytes) return Result::kMore;
  const size_t length = LoadBig<uint16_t>(buffer_.data() + begin_);
  if (length == 0 || length > packet_bytes_max_) {
    wrong_ = true;
    return Result::kWrong;
  }
  if (end_ - begin_ < kLengthBytes + length) return Result::kMore;
  const uint8_t* const at = buffer_.data() + begin_ + kLengthBytes;
  *packet = {static_cast<PacketType>(*at), {at + 1, length - 1}};
  begin_ += kLengthBytes + length;
  return Result::kPacket;
}

}  // namespace feedfarm::soupbintcp
