#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pipeline/soupbintcp/soupbintcp.h"

namespace feedfarm::soupbintcp {

// Why a client's session is over.
enum class ClientEnd : uint8_t {
  kNone,           // it is not
  kNotAuthorised,  // login rejected: user or password
  kNoSession,      // login rejected: no such session
  kRejected,       // login rejected, with a reason that the protocol does not have
  kEndOfSession,   // the server said so: all was sent
  kLoggedOut,      // asked for by this side
  kCut,            // the connection closed before
  kSilent,         // no packet of the server for kDeadNs
  kGarbage,        // bytes that are no packet, or one that has no place here
};

// "not_authorised", "cut" ...
std::string_view Name(ClientEnd end);

// What happens to a client. kPacket comes with the packet.
enum class ClientEvent : uint8_t { kConnected, kPacket, kGarbage, kClosed, kLogout, kTick };

// What a client has to do: send at most one packet, and tell at most one thing to whoever uses the session.
struct ClientActions {
  enum class Send : uint8_t { kNothing, kLogin, kHeartbeat, kLogout };
  enum class Tell : uint8_t {
    kNothing,
    kAccepted,  // accepted() says to what
    kData,      // the packet's payload is a message with sequence()
    kOver,      // end() says why; close the connection
  };
  Send send = Send::kNothing;
  Tell tell = Tell::kNothing;
  friend bool operator==(const ClientActions&, const ClientActions&) = default;
};

// The client's side of one SoupBinTCP connection. Pure: no socket, no clock; one thread. Times are of any one clock
// that does not go back.
//
//   kIdle --kConnected--> kLoggingIn --accepted--> kLoggedIn --end, logout, cut, silence, garbage--> kOver
//
// Debug packets and unsequenced data mean nothing in any state, unknown types neither: they are only signs of life, as
// the protocol may grow. Data before the login is accepted, and a second answer to the login, are garbage.
class ClientSession {
 public:
  enum class State : uint8_t { kIdle, kLoggingIn, kLoggedIn, kOver };

  ClientActions Step(ClientEvent event, const Packet& packet, uint64_t now_ns);
  ClientActions Step(ClientEvent event, uint64_t now_ns) { return Step(event, Packet(), now_ns); }

  State state() const { return state_; }
  ClientEnd end() const { return end_; }
  const Accepted& accepted() const { return accepted_; }
  // Of the message told last; the first one has accepted().sequence.
  uint64_t sequence() const { return next_sequence_ - 1; }
  // When kTick has something to do; UINT64_MAX = never.
  uint64_t next_tick_ns() const;

 private:
  ClientActions TakePacket(const Packet& packet);
  ClientActions TakeAnswer(const Packet& packet);
  ClientActions Tick(uint64_t now_ns);
  ClientActions Over(ClientEnd end);

  State state_ = State::kIdle;
  ClientEnd end_ = ClientEnd::kNone;
  Accepted accepted_;
  uint64_t next_sequence_ = 1;
  uint64_t sent_ns_ = 0;
  uint64_t heard_ns_ = 0;
};

}  // namespace feedfarm::soupbintcp
