#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/soupbintcp/soupbintcp.h"

namespace feedfarm::soupbintcp {

// Cuts a byte stream into packets, whatever pieces it comes in. Bounded: one buffer, allocated by the constructor; the
// bytes are received straight into it. One thread.
//
//   const ssize_t n = recv(fd, reader.Space().data(), reader.Space().size(), 0);
//   reader.Filled(n);
//   for (Packet packet; reader.Next(&packet) == PacketReader::Result::kPacket;) ...
class PacketReader {
 public:
  enum class Result : uint8_t {
    kPacket,
    kMore,   // the rest of the packet has not come yet
    kWrong,  // a length of 0, or one above the bound: the stream cannot be read on. Stays so
  };
  static constexpr size_t kBufferBytes = 256 << 10;

  // `packet_bytes_max`: longest type and payload taken, at most 0xFFFF.
  explicit PacketReader(size_t packet_bytes_max = 0xFFFF);

  // Where to receive; empty only after kWrong, and when all of it waits to be taken by Next. Invalidates packets.
  std::span<uint8_t> Space();
  // The first `bytes` of Space() were received.
  void Filled(size_t bytes) { end_ += bytes; }

  // The payload lives until Space is called.
  Result Next(Packet* packet);

  // A packet has begun and not ended: where the stream ends now it was cut.
  bool partial() const { return end_ != begin_; }

 private:
  const size_t packet_bytes_max_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;  // not taken yet: [begin_, end_)
  size_t end_ = 0;
  bool wrong_ = false;
};

}  // namespace feedfarm::soupbintcp
