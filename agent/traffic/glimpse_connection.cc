#include "agent/traffic/glimpse_connection.h"

#include <algorithm>

#include "pipeline/soupbintcp/packet_writer.h"

namespace feedfarm {

using soupbintcp::AppendPacket;
using soupbintcp::PacketReader;
using soupbintcp::PacketType;
using soupbintcp::ServerActions;
using soupbintcp::ServerEvent;

void GlimpseConnection::Filled(size_t bytes, uint64_t now_ns) {
  reader_.Filled(bytes);
  soupbintcp::Packet packet;
  while (!over_) {
    switch (reader_.Next(&packet)) {
      case PacketReader::Result::kPacket:
        Take(ServerEvent::kPacket, packet, now_ns);
        break;
      case PacketReader::Result::kMore:
        return;
      case PacketReader::Result::kWrong:
        return Take(ServerEvent::kGarbage, {}, now_ns);
    }
  }
}

void GlimpseConnection::Accept(const std::string& session, uint64_t now_ns) {
  accepted_session_ = session;
  Take(ServerEvent::kAccept, {}, now_ns);
}

void GlimpseConnection::Reject(soupbintcp::RejectReason reason, uint64_t now_ns) {
  reject_reason_ = reason;
  Take(ServerEvent::kReject, {}, now_ns);
}

void GlimpseConnection::Serve(std::span<const uint8_t> packets, uint64_t cut_after_bytes, uint64_t now_ns) {
  if (session_.state() != soupbintcp::ServerSession::State::kLoggedIn) return;
  const bool cut = cut_after_bytes != 0 && cut_after_bytes < packets.size();
  if (cut) packets = packets.first(cut_after_bytes);
  output_.insert(output_.end(), packets.begin(), packets.end());
  over_ = cut;
  Take(ServerEvent::kSent, {}, now_ns);
}

void GlimpseConnection::Sent(size_t bytes, uint64_t now_ns) {
  sent_ += bytes;
  if (sent_ == output_.size()) {
    output_.clear();
    sent_ = 0;
  }
  if (bytes != 0) Take(ServerEvent::kSent, {}, now_ns);
}

void GlimpseConnection::Take(ServerEvent event, const soupbintcp::Packet& packet, uint64_t now_ns) {
  if (over_) return;
  const ServerActions actions = session_.Step(event, packet, now_ns);
  const uint8_t reason = static_cast<uint8_t>(reject_reason_);
  switch (actions.send) {
    case ServerActions::Send::kNothing:
      break;
    case ServerActions::Send::kAccepted:
      AppendPacket(PacketType::kLoginAccepted, soupbintcp::Encode(soupbintcp::Accepted{accepted_session_, 1}), output_);
      break;
    case ServerActions::Send::kRejected:
      AppendPacket(PacketType::kLoginRejected, {&reason, 1}, output_);
      break;
    case ServerActions::Send::kHeartbeat:
      AppendPacket(PacketType::kServerHeartbeat, {}, output_);
      break;
    case ServerActions::Send::kEndOfSession:
      AppendPacket(PacketType::kEndOfSession, {}, output_);
      break;
  }
  over_ = actions.tell == ServerActions::Tell::kOver;
}

}  // namespace feedfarm
