#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pipeline/soupbintcp/packet_reader.h"
#include "pipeline/soupbintcp/server_session.h"

namespace feedfarm {

// One client of the GLIMPSE server: login, the snapshot, heartbeats, and where a fault wants it the end in the middle.
// Pure: no socket, no clock; one thread.
//
//   wants_login() ──► Accept ──► Serve ──► ... over()
//                 └─► Reject ──────────────► over()
class GlimpseConnection {
 public:
  explicit GlimpseConnection(uint64_t now_ns) : reader_(kPacketBytesMax), session_(now_ns) {}

  std::span<uint8_t> Space() { return reader_.Space(); }
  void Filled(size_t bytes, uint64_t now_ns);
  void Closed(uint64_t now_ns) { Take(soupbintcp::ServerEvent::kClosed, {}, now_ns); }
  void Tick(uint64_t now_ns) { Take(soupbintcp::ServerEvent::kTick, {}, now_ns); }
  uint64_t next_tick_ns() const { return session_.next_tick_ns(); }

  // A login waits for an answer.
  bool wants_login() const { return session_.state() == soupbintcp::ServerSession::State::kDeciding; }
  const soupbintcp::Login& login() const { return session_.login(); }
  void Accept(const std::string& session, uint64_t now_ns);
  void Reject(soupbintcp::RejectReason reason, uint64_t now_ns);
  // The snapshot's packets; after `cut_after_bytes` of them the connection is over (0 = after none). Where nobody waits
  // for them any more they are let go.
  void Serve(std::span<const uint8_t> packets, uint64_t cut_after_bytes, uint64_t now_ns);

  // Bytes to send; the first `bytes` of them were sent.
  std::span<const uint8_t> output() const { return std::span(output_).subspan(sent_); }
  void Sent(size_t bytes, uint64_t now_ns);

  // Nothing more will be said: send what is left and close.
  bool over() const { return over_; }

 private:
  static constexpr size_t kPacketBytesMax = 1024;  // of a client: its login has 47

  void Take(soupbintcp::ServerEvent event, const soupbintcp::Packet& packet, uint64_t now_ns);

  soupbintcp::PacketReader reader_;
  soupbintcp::ServerSession session_;
  std::string accepted_session_;
  soupbintcp::RejectReason reject_reason_ = soupbintcp::RejectReason::kNotAuthorised;
  std::vector<uint8_t> output_;
  size_t sent_ = 0;
  bool over_ = false;
};

}  // namespace feedfarm
