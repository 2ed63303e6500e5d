// Reader and both sessions against damaged and random streams. FuzzOne is what a coverage-guided fuzzer would call.
#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/soupbintcp/client_session.h"
#include "pipeline/soupbintcp/packet_reader.h"
#include "pipeline/soupbintcp/packet_writer.h"
#include "pipeline/soupbintcp/server_session.h"

namespace feedfarm::soupbintcp {
namespace {

// What a session told, with the chunks that the stream came in.
struct Heard {
  std::vector<int> client;
  std::vector<int> server;
  std::vector<uint8_t> again;  // the packets, written anew
  bool operator==(const Heard&) const = default;
};

Heard Hear(PacketReader& reader, std::span<const uint8_t> input, size_t chunk) {
  Heard heard;
  ClientSession client;
  ServerSession server(0);
  client.Step(ClientEvent::kConnected, 0);
  uint64_t now_ns = 0;
  while (!input.empty()) {
    const std::span<uint8_t> space = reader.Space();
    const size_t bytes = std::min({chunk, space.size(), input.size()});
    if (bytes == 0) break;
    std::memcpy(space.data(), input.data(), bytes);
    reader.Filled(bytes);
    input = input.subspan(bytes);
    Packet packet;
    PacketReader::Result result;
    while ((result = reader.Next(&packet)) == PacketReader::Result::kPacket) {
      now_ns += 1'000;
      heard.client.push_back(static_cast<int>(client.Step(ClientEvent::kPacket, packet, now_ns).tell));
      const ServerActions actions = server.Step(ServerEvent::kPacket, packet, now_ns);
      heard.server.push_back(static_cast<int>(actions.tell));
      if (actions.tell == ServerActions::Tell::kLogin) server.Step(ServerEvent::kAccept, now_ns);
      AppendPacket(packet.type, packet.payload, heard.again);
    }
    if (result == PacketReader::Result::kWrong) {
      client.Step(ClientEvent::kGarbage, now_ns);
      server.Step(ServerEvent::kGarbage, now_ns);
      EXPECT_EQ(client.state(), ClientSession::State::kOver);
      EXPECT_EQ(server.state(), ServerSession::State::kOver);
      break;
    }
  }
  return heard;
}

void FuzzOne(std::span<const uint8_t> input) {
  PacketReader by_one(1024), at_once(1024);
  const Heard heard = Hear(by_one, input, 1);
  ASSERT_EQ(Hear(at_once, input, input.size()), heard);
  // Whatever was read is a front part of what was sent.
  ASSERT_LE(heard.again.size(), input.size());
  ASSERT_TRUE(std::equal(heard.again.begin(), heard.again.end(), input.begin()));
}

std::vector<std::vector<uint8_t>> ValidInputs() {
  std::vector<uint8_t> server, client;
  AppendPacket(PacketType::kDebug, std::vector<uint8_t>{'h', 'i'}, server);
  AppendPacket(PacketType::kLoginAccepted, Encode(Accepted{.session = "S", .sequence = 1}), server);
  for (int i = 0; i < 3; ++i) AppendPacket(PacketType::kSequencedData, std::vector<uint8_t>(36, 'A'), server);
  AppendPacket(PacketType::kServerHeartbeat, {}, server);
  AppendPacket(PacketType::kEndOfSession, {}, server);
  AppendPacket(PacketType::kLoginRequest, Encode(Login{.user = "u", .password = "p", .session = "S"}), client);
  AppendPacket(PacketType::kUnsequencedData, std::vector<uint8_t>(5, 'x'), client);
  AppendPacket(PacketType::kClientHeartbeat, {}, client);
  AppendPacket(PacketType::kLogoutRequest, {}, client);
  std::vector<uint8_t> rejected;
  AppendPacket(PacketType::kLoginRejected, std::vector<uint8_t>{'A'}, rejected);
  return {server, client, rejected};
}

TEST(SoupBinTcpFuzz, SurvivesAnyBytesInAnyPieces) {
  // Each case makes two readers of 256 KiB: fewer cases than elsewhere.
  FuzzDriver(ValidInputs()).Run(FuzzOne, FuzzDriver::kCases / 10);
}

}  // namespace
}  // namespace feedfarm::soupbintcp
