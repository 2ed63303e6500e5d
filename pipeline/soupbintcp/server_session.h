#pragma once

#include <cstdint>
#include <string_view>

#include "pipeline/soupbintcp/soupbintcp.h"

namespace feedfarm::soupbintcp {

// Why a server's session is over.
enum class ServerEnd : uint8_t {
  kNone,          // it is not
  kRejected,      // by this side
  kEndOfSession,  // by this side: all was sent
  kLoggedOut,     // asked for by the client
  kCut,           // the connection closed before
  kSilent,        // no packet of the client for kDeadNs; before its login: for kLoginNs
  kGarbage,       // bytes that are no packet, or one that has no place here
};

std::string_view Name(ServerEnd end);

// What happens to a server. kPacket comes with the packet. kAccept, kReject and kEnd are the application's: its answer
// to a login, and that there is nothing more to send. kSent: the application has sent data.
enum class ServerEvent : uint8_t { kPacket, kGarbage, kClosed, kAccept, kReject, kSent, kEnd, kTick };

struct ServerActions {
  enum class Send : uint8_t { kNothing, kAccepted, kRejected, kHeartbeat, kEndOfSession };
  enum class Tell : uint8_t {
    kNothing,
    kLogin,  // login() wants an answer: kAccept or kReject
    kData,   // the packet's payload is unsequenced data
    kOver,   // end() says why; send what is to be sent and close the connection
  };
  Send send = Send::kNothing;
  Tell tell = Tell::kNothing;
  friend bool operator==(const ServerActions&, const ServerActions&) = default;
};

// The server's side of one SoupBinTCP connection, from its acceptance on. Pure: no socket, no clock; one thread.
//
//   kAwaitingLogin --login--> kDeciding --kAccept--> kLoggedIn --end, logout, cut, silence, garbage--> kOver
//                                       --kReject--> kOver
class ServerSession {
 public:
  // A connection that does not log in this soon is closed.
  static constexpr uint64_t kLoginNs = 30'000'000'000;

  enum class State : uint8_t { kAwaitingLogin, kDeciding, kLoggedIn, kOver };

  explicit ServerSession(uint64_t now_ns) : sent_ns_(now_ns), heard_ns_(now_ns) {}

  ServerActions Step(ServerEvent event, const Packet& packet, uint64_t now_ns);
  ServerActions Step(ServerEvent event, uint64_t now_ns) { return Step(event, Packet(), now_ns); }

  State state() const { return state_; }
  ServerEnd end() const { return end_; }
  const Login& login() const { return login_; }
  // When kTick has something to do; UINT64_MAX = never.
  uint64_t next_tick_ns() const;

 private:
  ServerActions TakePacket(const Packet& packet);
  ServerActions Tick(uint64_t now_ns);
  ServerActions Over(ServerEnd end, ServerActions::Send send = ServerActions::Send::kNothing);

  State state_ = State::kAwaitingLogin;
  ServerEnd end_ = ServerEnd::kNone;
  Login login_;
  uint64_t sent_ns_;
  uint64_t heard_ns_;
};

}  // namespace feedfarm::soupbintcp
