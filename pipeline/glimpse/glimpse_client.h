#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pipeline/feed/snapshot_channel.h"
#include "pipeline/feed/snapshot_image.h"
#include "pipeline/glimpse/glimpse.h"
#include "pipeline/soupbintcp/client_session.h"
#include "pipeline/soupbintcp/packet_reader.h"

namespace feedfarm::glimpse {

struct ClientOptions {
  std::string user = "feed";
  std::string password = "farm";
  SequenceField sequence;
  // From the connection to the last message. A server that is alive and sends nothing but heartbeats ends here.
  uint64_t timeout_ns = 30'000'000'000;
};

// Takes one snapshot: what to send and what became of the bytes that came. No socket, no clock; one thread. Memory is
// the image's, and the reader's 256 KiB.
//
//   Connected ──► { output() to the socket; Space/Filled from it; Tick } until done() ──► failure(), image
class GlimpseClient {
 public:
  // The image is borrowed; it is whole when done() without failure.
  GlimpseClient(const ClientOptions& options, SnapshotImage* image);

  void Connected(uint64_t now_ns);
  // Where to receive; then how much came.
  std::span<uint8_t> Space() { return reader_.Space(); }
  void Filled(size_t bytes, uint64_t now_ns);
  // The server closed the connection.
  void Closed(uint64_t now_ns);
  void Tick(uint64_t now_ns);
  uint64_t next_tick_ns() const;

  // Bytes to send. Sent: the first `bytes` of them are.
  std::span<const uint8_t> output() const { return output_; }
  void Sent(size_t bytes) { output_.erase(output_.begin(), output_.begin() + static_cast<ptrdiff_t>(bytes)); }

  bool done() const { return done_; }
  SnapshotFailure failure() const { return failure_; }

 private:
  void Take(soupbintcp::ClientEvent event, const soupbintcp::Packet& packet, uint64_t now_ns);
  void TakeMessage(std::span<const uint8_t> message, uint64_t now_ns);
  void Done(SnapshotFailure failure);

  const ClientOptions options_;
  SnapshotImage* const image_;
  soupbintcp::PacketReader reader_;
  soupbintcp::ClientSession session_;
  std::vector<uint8_t> output_;
  uint64_t deadline_ns_ = UINT64_MAX;
  bool done_ = false;
  SnapshotFailure failure_ = SnapshotFailure::kNone;
};

}  // namespace feedfarm::glimpse
