#include "pipeline/soupbintcp/server_session.h"

#include <algorithm>
#include <optional>

namespace feedfarm::soupbintcp {

using Send = ServerActions::Send;
using Tell = ServerActions::Tell;

std::string_view Name(ServerEnd end) {
  switch (end) {
    case ServerEnd::kNone:
      return "none";
    case ServerEnd::kRejected:
      return "rejected";
    case ServerEnd::kEndOfSession:
      return "end_of_session";
    case ServerEnd::kLoggedOut:
      return "logged_out";
    case ServerEnd::kCut:
      return "cut";
    case ServerEnd::kSilent:
      return "silent";
    case ServerEnd::kGarbage:
      return "garbage";
  }
  return "";
}

ServerActions ServerSession::Step(ServerEvent event, const Packet& packet, uint64_t now_ns) {
  if (state_ == State::kOver) return {};
  switch (event) {
    case ServerEvent::kPacket:
      heard_ns_ = now_ns;
      return TakePacket(packet);
    case ServerEvent::kGarbage:
      return Over(ServerEnd::kGarbage);
    case ServerEvent::kClosed:
      return Over(ServerEnd::kCut);
    case ServerEvent::kAccept:
      if (state_ != State::kDeciding) return {};
      state_ = State::kLoggedIn;
      sent_ns_ = now_ns;
      return {.send = Send::kAccepted};
    case ServerEvent::kReject:
      return state_ == State::kDeciding ? Over(ServerEnd::kRejected, Send::kRejected) : ServerActions();
    case ServerEvent::kSent:
      sent_ns_ = now_ns;
      return {};
    case ServerEvent::kEnd:
      return Over(ServerEnd::kEndOfSession, state_ == State::kLoggedIn ? Send::kEndOfSession : Send::kNothing);
    case ServerEvent::kTick:
      return Tick(now_ns);
  }
  return {};
}

ServerActions ServerSession::TakePacket(const Packet& packet) {
  switch (packet.type) {
    case PacketType::kLoginRequest: {
      std::optional<Login> login = ParseLogin(packet.payload);
      if (state_ != State::kAwaitingLogin || !login) return Over(ServerEnd::kGarbage);
      login_ = *std::move(login);
      state_ = State::kDeciding;
      return {.tell = Tell::kLogin};
    }
    case PacketType::kLogoutRequest:
      return Over(ServerEnd::kLoggedOut);
    case PacketType::kUnsequencedData:
      if (state_ == State::kAwaitingLogin) return Over(ServerEnd::kGarbage);
      return {.tell = Tell::kData};
    case PacketType::kDebug:
    case PacketType::kClientHeartbeat:
    case PacketType::kLoginAccepted:
    case PacketType::kLoginRejected:
    case PacketType::kSequencedData:
    case PacketType::kServerHeartbeat:
    case PacketType::kEndOfSession:
      return {};
  }
  return {};
}

ServerActions ServerSession::Tick(uint64_t now_ns) {
  if (now_ns >= heard_ns_ + (state_ == State::kAwaitingLogin ? kLoginNs : kDeadNs)) return Over(ServerEnd::kSilent);
  if (state_ != State::kLoggedIn || now_ns < sent_ns_ + kHeartbeatNs) return {};
  sent_ns_ = now_ns;
  return {.send = Send::kHeartbeat};
}

ServerActions ServerSession::Over(ServerEnd end, Send send) {
  state_ = State::kOver;
  end_ = end;
  return {.send = send, .tell = Tell::kOver};
}

uint64_t ServerSession::next_tick_ns() const {
  switch (state_) {
    case State::kAwaitingLogin:
      return heard_ns_ + kLoginNs;
    case State::kDeciding:
      return heard_ns_ + kDeadNs;
    case State::kLoggedIn:
      return std::min(sent_ns_ + kHeartbeatNs, heard_ns_ + kDeadNs);
    case State::kOver:
      return UINT64_MAX;
  }
  return UINT64_MAX;
}

}  // namespace feedfarm::soupbintcp
