#include "pipeline/soupbintcp/client_session.h"

#include <algorithm>

namespace feedfarm::soupbintcp {

using Send = ClientActions::Send;
using Tell = ClientActions::Tell;

std::string_view Name(ClientEnd end) {
  switch (end) {
    case ClientEnd::kNone:
      return "none";
    case ClientEnd::kNotAuthorised:
      return "not_authorised";
    case ClientEnd::kNoSession:
      return "no_session";
    case ClientEnd::kRejected:
      return "rejected";
    case ClientEnd::kEndOfSession:
      return "end_of_session";
    case ClientEnd::kLoggedOut:
      return "logged_out";
    case ClientEnd::kCut:
      return "cut";
    case ClientEnd::kSilent:
      return "silent";
    case ClientEnd::kGarbage:
      return "garbage";
  }
  return "";
}

ClientActions ClientSession::Step(ClientEvent event, const Packet& packet, uint64_t now_ns) {
  if (state_ == State::kOver) return {};
  if (state_ == State::kIdle) {
    if (event == ClientEvent::kClosed) return Over(ClientEnd::kCut);
    if (event == ClientEvent::kLogout) return Over(ClientEnd::kLoggedOut);
    if (event != ClientEvent::kConnected) return {};
    state_ = State::kLoggingIn;
    sent_ns_ = heard_ns_ = now_ns;
    return {.send = Send::kLogin};
  }
  switch (event) {
    case ClientEvent::kConnected:
      return {};
    case ClientEvent::kPacket:
      heard_ns_ = now_ns;
      return TakePacket(packet);
    case ClientEvent::kGarbage:
      return Over(ClientEnd::kGarbage);
    case ClientEvent::kClosed:
      return Over(ClientEnd::kCut);
    case ClientEvent::kLogout: {
      const bool logged_in = state_ == State::kLoggedIn;
      ClientActions actions = Over(ClientEnd::kLoggedOut);
      if (logged_in) actions.send = Send::kLogout;
      return actions;
    }
    case ClientEvent::kTick:
      return Tick(now_ns);
  }
  return {};
}

ClientActions ClientSession::TakePacket(const Packet& packet) {
  switch (packet.type) {
    case PacketType::kLoginAccepted:
    case PacketType::kLoginRejected:
      return state_ == State::kLoggingIn ? TakeAnswer(packet) : Over(ClientEnd::kGarbage);
    case PacketType::kSequencedData:
      if (state_ != State::kLoggedIn) return Over(ClientEnd::kGarbage);
      ++next_sequence_;
      return {.tell = Tell::kData};
    case PacketType::kEndOfSession:
      return Over(ClientEnd::kEndOfSession);
    case PacketType::kDebug:
    case PacketType::kServerHeartbeat:
    case PacketType::kUnsequencedData:
    case PacketType::kLoginRequest:
    case PacketType::kClientHeartbeat:
    case PacketType::kLogoutRequest:
      return {};
  }
  return {};
}

ClientActions ClientSession::TakeAnswer(const Packet& packet) {
  if (packet.type == PacketType::kLoginRejected) {
    if (packet.payload.size() != kRejectedBytes) return Over(ClientEnd::kGarbage);
    switch (static_cast<RejectReason>(packet.payload[0])) {
      case RejectReason::kNotAuthorised:
        return Over(ClientEnd::kNotAuthorised);
      case RejectReason::kNoSession:
        return Over(ClientEnd::kNoSession);
    }
    return Over(ClientEnd::kRejected);
  }
  const std::optional<Accepted> accepted = ParseAccepted(packet.payload);
  if (!accepted) return Over(ClientEnd::kGarbage);
  accepted_ = *accepted;
  next_sequence_ = accepted_.sequence;
  state_ = State::kLoggedIn;
  return {.tell = Tell::kAccepted};
}

ClientActions ClientSession::Tick(uint64_t now_ns) {
  if (now_ns >= heard_ns_ + kDeadNs) return Over(ClientEnd::kSilent);
  if (now_ns < sent_ns_ + kHeartbeatNs) return {};
  sent_ns_ = now_ns;
  return {.send = Send::kHeartbeat};
}

ClientActions ClientSession::Over(ClientEnd end) {
  state_ = State::kOver;
  end_ = end;
  return {.tell = Tell::kOver};
}

uint64_t ClientSession::next_tick_ns() const {
  if (state_ == State::kIdle || state_ == State::kOver) return UINT64_MAX;
  return std::min(sent_ns_ + kHeartbeatNs, heard_ns_ + kDeadNs);
}

}  // namespace feedfarm::soupbintcp
