// Both sides' state machines: a table over every state and event, and the two of them against each other.
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/soupbintcp/client_session.h"
#include "pipeline/soupbintcp/server_session.h"

namespace feedfarm::soupbintcp {
namespace {

constexpr uint64_t kStart = 1'000'000;

const auto kAcceptedPayload = Encode(Accepted{.session = "S", .sequence = 5});
const auto kLoginPayload = Encode(Login{.user = "u", .password = "p"});
const uint8_t kNotAuthorised[] = {'A'};
const uint8_t kNoSession[] = {'S'};
const uint8_t kOtherReason[] = {'?'};
const uint8_t kTwoBytes[] = {'A', 'A'};

struct Input {
  const char* name;
  bool is_packet;
  int event;  // of ClientEvent or ServerEvent
  Packet packet;
};

Input PacketIn(const char* name, PacketType type, std::span<const uint8_t> payload = {}) {
  return {name, true, 0, {type, payload}};
}

// "send/tell" as short text, so that a table reads as one.
std::string Short(const ClientActions& actions) {
  static const char* const kSend[] = {"-", "login", "heartbeat", "logout"};
  static const char* const kTell[] = {"-", "accepted", "data", "over"};
  return std::string(kSend[static_cast<int>(actions.send)]) + "/" + kTell[static_cast<int>(actions.tell)];
}
std::string Short(const ServerActions& actions) {
  static const char* const kSend[] = {"-", "accepted", "rejected", "heartbeat", "end"};
  static const char* const kTell[] = {"-", "login", "data", "over"};
  return std::string(kSend[static_cast<int>(actions.send)]) + "/" + kTell[static_cast<int>(actions.tell)];
}

ClientSession ClientIn(ClientSession::State state) {
  ClientSession session;
  if (state == ClientSession::State::kIdle) return session;
  session.Step(ClientEvent::kConnected, kStart);
  if (state == ClientSession::State::kLoggingIn) return session;
  session.Step(ClientEvent::kPacket, {PacketType::kLoginAccepted, kAcceptedPayload}, kStart);
  if (state == ClientSession::State::kOver) session.Step(ClientEvent::kLogout, kStart);
  return session;
}

TEST(ClientSession, EveryStateAndEvent) {
  const auto in = [](const char* name, ClientEvent event) { return Input{name, false, static_cast<int>(event), {}}; };
  struct Row {
    Input input;
    const char* expected[4];  // kIdle, kLoggingIn, kLoggedIn, kOver
  };
  const Row table[] = {
      {in("connected", ClientEvent::kConnected), {"login/-", "-/-", "-/-", "-/-"}},
      {in("garbage", ClientEvent::kGarbage), {"-/-", "-/over", "-/over", "-/-"}},
      {in("closed", ClientEvent::kClosed), {"-/over", "-/over", "-/over", "-/-"}},
      {in("logout", ClientEvent::kLogout), {"-/over", "-/over", "logout/over", "-/-"}},
      {in("tick", ClientEvent::kTick), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("debug", PacketType::kDebug, kTwoBytes), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("accepted", PacketType::kLoginAccepted, kAcceptedPayload), {"-/-", "-/accepted", "-/over", "-/-"}},
      {PacketIn("accepted, short", PacketType::kLoginAccepted, kTwoBytes), {"-/-", "-/over", "-/over", "-/-"}},
      {PacketIn("rejected A", PacketType::kLoginRejected, kNotAuthorised), {"-/-", "-/over", "-/over", "-/-"}},
      {PacketIn("rejected S", PacketType::kLoginRejected, kNoSession), {"-/-", "-/over", "-/over", "-/-"}},
      {PacketIn("rejected ?", PacketType::kLoginRejected, kOtherReason), {"-/-", "-/over", "-/over", "-/-"}},
      {PacketIn("data", PacketType::kSequencedData, kTwoBytes), {"-/-", "-/over", "-/data", "-/-"}},
      {PacketIn("heartbeat", PacketType::kServerHeartbeat), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("end", PacketType::kEndOfSession), {"-/-", "-/over", "-/over", "-/-"}},
      {PacketIn("unsequenced", PacketType::kUnsequencedData), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("a client's login", PacketType::kLoginRequest), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("a client's heartbeat", PacketType::kClientHeartbeat), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("a client's logout", PacketType::kLogoutRequest), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("unknown", static_cast<PacketType>('!')), {"-/-", "-/-", "-/-", "-/-"}},
  };
  for (const Row& row : table) {
    for (int state = 0; state < 4; ++state) {
      ClientSession session = ClientIn(static_cast<ClientSession::State>(state));
      ASSERT_EQ(static_cast<int>(session.state()), state);
      const ClientEvent event =
          row.input.is_packet ? ClientEvent::kPacket : static_cast<ClientEvent>(row.input.event);
      const ClientActions actions = session.Step(event, row.input.packet, kStart + 1);
      EXPECT_EQ(Short(actions), row.expected[state]) << row.input.name << " in state " << state;
      EXPECT_EQ(actions.tell == ClientActions::Tell::kOver || state == 3,
                session.state() == ClientSession::State::kOver);
      EXPECT_EQ(session.state() == ClientSession::State::kOver, session.end() != ClientEnd::kNone);
    }
  }
}

TEST(ClientSession, SaysWhyItIsOver) {
  const auto end_after = [](std::span<const uint8_t> reason) {
    ClientSession session = ClientIn(ClientSession::State::kLoggingIn);
    session.Step(ClientEvent::kPacket, {PacketType::kLoginRejected, reason}, kStart);
    return session.end();
  };
  EXPECT_EQ(end_after(kNotAuthorised), ClientEnd::kNotAuthorised);
  EXPECT_EQ(end_after(kNoSession), ClientEnd::kNoSession);
  EXPECT_EQ(end_after(kOtherReason), ClientEnd::kRejected);
  EXPECT_EQ(end_after(kTwoBytes), ClientEnd::kGarbage);
}

TEST(ClientSession, CountsSequencesFromTheAcceptedOne) {
  ClientSession session = ClientIn(ClientSession::State::kLoggedIn);
  EXPECT_EQ(session.accepted(), (Accepted{.session = "S", .sequence = 5}));
  for (uint64_t sequence = 5; sequence < 8; ++sequence) {
    session.Step(ClientEvent::kPacket, {PacketType::kSequencedData, {}}, kStart);
    EXPECT_EQ(session.sequence(), sequence);
  }
}

TEST(ClientSession, HeartbeatAfterASecondAndDeadAfterFifteen) {
  for (const auto state : {ClientSession::State::kLoggingIn, ClientSession::State::kLoggedIn}) {
    ClientSession session = ClientIn(state);
    EXPECT_EQ(session.next_tick_ns(), kStart + kHeartbeatNs);
    EXPECT_EQ(Short(session.Step(ClientEvent::kTick, kStart + kHeartbeatNs - 1)), "-/-");
    for (uint64_t second = 1; second < 15; ++second) {
      EXPECT_EQ(Short(session.Step(ClientEvent::kTick, kStart + second * kHeartbeatNs)), "heartbeat/-");
      EXPECT_EQ(Short(session.Step(ClientEvent::kTick, kStart + second * kHeartbeatNs)), "-/-");
    }
    EXPECT_EQ(session.next_tick_ns(), kStart + kDeadNs);
    EXPECT_EQ(Short(session.Step(ClientEvent::kTick, kStart + kDeadNs)), "-/over");
    EXPECT_EQ(session.end(), ClientEnd::kSilent);
    EXPECT_EQ(session.next_tick_ns(), UINT64_MAX);
  }
}

TEST(ClientSession, AnyPacketIsASignOfLife) {
  ClientSession session = ClientIn(ClientSession::State::kLoggedIn);
  session.Step(ClientEvent::kPacket, {PacketType::kServerHeartbeat, {}}, kStart + kDeadNs - 1);
  EXPECT_EQ(Short(session.Step(ClientEvent::kTick, kStart + kDeadNs)), "heartbeat/-");
}

ServerSession ServerIn(ServerSession::State state) {
  ServerSession session(kStart);
  if (state == ServerSession::State::kAwaitingLogin) return session;
  session.Step(ServerEvent::kPacket, {PacketType::kLoginRequest, kLoginPayload}, kStart);
  if (state == ServerSession::State::kDeciding) return session;
  session.Step(ServerEvent::kAccept, kStart);
  if (state == ServerSession::State::kOver) session.Step(ServerEvent::kEnd, kStart);
  return session;
}

TEST(ServerSession, EveryStateAndEvent) {
  const auto in = [](const char* name, ServerEvent event) { return Input{name, false, static_cast<int>(event), {}}; };
  struct Row {
    Input input;
    const char* expected[4];  // kAwaitingLogin, kDeciding, kLoggedIn, kOver
  };
  const Row table[] = {
      {in("garbage", ServerEvent::kGarbage), {"-/over", "-/over", "-/over", "-/-"}},
      {in("closed", ServerEvent::kClosed), {"-/over", "-/over", "-/over", "-/-"}},
      {in("accept", ServerEvent::kAccept), {"-/-", "accepted/-", "-/-", "-/-"}},
      {in("reject", ServerEvent::kReject), {"-/-", "rejected/over", "-/-", "-/-"}},
      {in("sent", ServerEvent::kSent), {"-/-", "-/-", "-/-", "-/-"}},
      {in("end", ServerEvent::kEnd), {"-/over", "-/over", "end/over", "-/-"}},
      {in("tick", ServerEvent::kTick), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("debug", PacketType::kDebug, kTwoBytes), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("login", PacketType::kLoginRequest, kLoginPayload), {"-/login", "-/over", "-/over", "-/-"}},
      {PacketIn("login, short", PacketType::kLoginRequest, kTwoBytes), {"-/over", "-/over", "-/over", "-/-"}},
      {PacketIn("unsequenced", PacketType::kUnsequencedData), {"-/over", "-/data", "-/data", "-/-"}},
      {PacketIn("heartbeat", PacketType::kClientHeartbeat), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("logout", PacketType::kLogoutRequest), {"-/over", "-/over", "-/over", "-/-"}},
      {PacketIn("a server's accepted", PacketType::kLoginAccepted), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("a server's rejected", PacketType::kLoginRejected), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("a server's data", PacketType::kSequencedData), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("a server's heartbeat", PacketType::kServerHeartbeat), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("a server's end", PacketType::kEndOfSession), {"-/-", "-/-", "-/-", "-/-"}},
      {PacketIn("unknown", static_cast<PacketType>('!')), {"-/-", "-/-", "-/-", "-/-"}},
  };
  for (const Row& row : table) {
    for (int state = 0; state < 4; ++state) {
      ServerSession session = ServerIn(static_cast<ServerSession::State>(state));
      ASSERT_EQ(static_cast<int>(session.state()), state);
      const ServerEvent event =
          row.input.is_packet ? ServerEvent::kPacket : static_cast<ServerEvent>(row.input.event);
      const ServerActions actions = session.Step(event, row.input.packet, kStart + 1);
      EXPECT_EQ(Short(actions), row.expected[state]) << row.input.name << " in state " << state;
      EXPECT_EQ(actions.tell == ServerActions::Tell::kOver || state == 3,
                session.state() == ServerSession::State::kOver);
      EXPECT_EQ(session.state() == ServerSession::State::kOver, session.end() != ServerEnd::kNone);
    }
  }
}

TEST(ServerSession, HeartbeatOnlyWhileNothingIsSent) {
  ServerSession session = ServerIn(ServerSession::State::kLoggedIn);
  session.Step(ServerEvent::kSent, kStart + kHeartbeatNs / 2);
  EXPECT_EQ(Short(session.Step(ServerEvent::kTick, kStart + kHeartbeatNs)), "-/-");
  EXPECT_EQ(session.next_tick_ns(), kStart + kHeartbeatNs * 3 / 2);
  EXPECT_EQ(Short(session.Step(ServerEvent::kTick, kStart + kHeartbeatNs * 3 / 2)), "heartbeat/-");
}

TEST(ServerSession, SilentClientIsDropped) {
  ServerSession waiting = ServerIn(ServerSession::State::kAwaitingLogin);
  EXPECT_EQ(Short(waiting.Step(ServerEvent::kTick, kStart + ServerSession::kLoginNs - 1)), "-/-");
  EXPECT_EQ(Short(waiting.Step(ServerEvent::kTick, kStart + ServerSession::kLoginNs)), "-/over");
  EXPECT_EQ(waiting.end(), ServerEnd::kSilent);
  ServerSession logged_in = ServerIn(ServerSession::State::kLoggedIn);
  EXPECT_EQ(Short(logged_in.Step(ServerEvent::kTick, kStart + kDeadNs)), "-/over");
  EXPECT_EQ(logged_in.end(), ServerEnd::kSilent);
}

// The two against each other over an idle hour: neither takes the other for dead.
TEST(Sessions, IdlePeersKeepEachOtherAlive) {
  uint64_t now_ns = kStart;
  ClientSession client;
  ServerSession server(now_ns);
  client.Step(ClientEvent::kConnected, now_ns);
  server.Step(ServerEvent::kPacket, {PacketType::kLoginRequest, kLoginPayload}, now_ns);
  server.Step(ServerEvent::kAccept, now_ns);
  client.Step(ClientEvent::kPacket, {PacketType::kLoginAccepted, kAcceptedPayload}, now_ns);
  int heartbeats = 0;
  while (now_ns < kStart + 3600 * kHeartbeatNs) {
    now_ns = std::min(client.next_tick_ns(), server.next_tick_ns());
    if (client.Step(ClientEvent::kTick, now_ns).send == ClientActions::Send::kHeartbeat) {
      server.Step(ServerEvent::kPacket, {PacketType::kClientHeartbeat, {}}, now_ns);
      ++heartbeats;
    }
    if (server.Step(ServerEvent::kTick, now_ns).send == ServerActions::Send::kHeartbeat) {
      client.Step(ClientEvent::kPacket, {PacketType::kServerHeartbeat, {}}, now_ns);
    }
  }
  EXPECT_EQ(heartbeats, 3600);
  EXPECT_EQ(client.state(), ClientSession::State::kLoggedIn);
  EXPECT_EQ(server.state(), ServerSession::State::kLoggedIn);
}

TEST(Sessions, EveryEndHasAName) {
  for (int end = 0; end <= static_cast<int>(ClientEnd::kGarbage); ++end) {
    EXPECT_FALSE(Name(static_cast<ClientEnd>(end)).empty());
  }
  for (int end = 0; end <= static_cast<int>(ServerEnd::kGarbage); ++end) {
    EXPECT_FALSE(Name(static_cast<ServerEnd>(end)).empty());
  }
}

}  // namespace
}  // namespace feedfarm::soupbintcp
