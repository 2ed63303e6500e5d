#include "pipeline/glimpse/glimpse_client.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/base/rng.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/soupbintcp/packet_writer.h"

namespace feedfarm::glimpse {
namespace {

using soupbintcp::AppendPacket;
using soupbintcp::PacketType;

using Bytes = std::vector<uint8_t>;
using Messages = std::vector<Bytes>;

Messages SomeMessages(uint64_t count) {
  Rng rng(count);
  Messages messages;
  for (uint64_t i = 0; i < count; ++i) {
    messages.emplace_back(1 + rng.Below(50));
    for (uint8_t& byte : messages.back()) byte = static_cast<uint8_t>(rng.Next());
    messages.back()[0] = 'A';
  }
  return messages;
}

void AppendAccepted(Bytes& stream, uint64_t sequence = 1) {
  AppendPacket(PacketType::kLoginAccepted, soupbintcp::Encode(soupbintcp::Accepted{"SESSION1", sequence}), stream);
}

// A server's whole answer.
Bytes Snapshot(const Messages& messages, uint64_t next, const SequenceField& field = {}) {
  Bytes stream;
  AppendPacket(PacketType::kDebug, Bytes{'h', 'i'}, stream);
  AppendAccepted(stream);
  for (const Bytes& message : messages) AppendPacket(PacketType::kSequencedData, message, stream);
  AppendPacket(PacketType::kServerHeartbeat, {}, stream);
  std::array<uint8_t, kEndBytesMax> end;
  const size_t bytes = EncodeEnd(next, field, end);
  AppendPacket(PacketType::kSequencedData, std::span(end).first(bytes), stream);
  return stream;
}

void Feed(GlimpseClient& client, std::span<const uint8_t> stream, size_t chunk, uint64_t now_ns = 0) {
  while (!stream.empty() && !client.done()) {
    const auto space = client.Space();
    if (space.empty()) return;
    const size_t bytes = std::min({chunk, space.size(), stream.size()});
    std::memcpy(space.data(), stream.data(), bytes);
    client.Filled(bytes, now_ns);
    stream = stream.subspan(bytes);
  }
}

Messages Read(const SnapshotImage& image) {
  Messages messages;
  image.Read(0, UINT64_MAX, [&](std::span<const uint8_t> message) { messages.emplace_back(message.begin(), message.end()); });
  return messages;
}

TEST(Glimpse, EndOfSnapshotComesBackInEveryForm) {
  for (const auto width : {SequenceField::Width::kText20, SequenceField::Width::kBinary8}) {
    for (const auto meaning : {SequenceField::Meaning::kNext, SequenceField::Meaning::kLast}) {
      const SequenceField field{width, meaning};
      for (const uint64_t next : {uint64_t{1}, uint64_t{2}, uint64_t{123'456'789'012}, UINT64_MAX}) {
        std::array<uint8_t, kEndBytesMax> out;
        const size_t bytes = EncodeEnd(next, field, out);
        EXPECT_EQ(bytes, width == SequenceField::Width::kText20 ? 21u : 9u);
        EXPECT_EQ(ParseEnd(std::span(out).first(bytes), field), next);
        EXPECT_EQ(ParseEnd(std::span(out).first(bytes - 1), field), std::nullopt);
      }
    }
  }
  EXPECT_EQ(ParseEnd(Bytes{'G', 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
                     {SequenceField::Width::kBinary8, SequenceField::Meaning::kLast}),
            std::nullopt);
}

TEST(GlimpseClient, CollectsAllUpToTheEndInAnyPieces) {
  const Messages messages = SomeMessages(500);
  const Bytes stream = Snapshot(messages, 77);
  for (const size_t chunk : {size_t{1}, size_t{3}, size_t{100}, stream.size()}) {
    SnapshotImage image(1 << 20);
    GlimpseClient client({}, &image);
    client.Connected(0);
    EXPECT_EQ(std::string(client.output().begin(), client.output().begin() + 3), std::string("\0\x2FL", 3));
    client.Sent(client.output().size());
    Feed(client, stream, chunk);
    ASSERT_TRUE(client.done());
    EXPECT_EQ(client.failure(), SnapshotFailure::kNone);
    EXPECT_EQ(image.next_sequence(), 77u);
    EXPECT_EQ(image.session(), moldudp64::MakeSession("SESSION1"));
    EXPECT_EQ(Read(image), messages);
    // Says goodbye.
    EXPECT_EQ(std::string(client.output().begin(), client.output().end()), std::string("\0\1O", 3));
  }
}

TEST(GlimpseClient, EveryCutIsACutOrStillWaits) {
  const Bytes stream = Snapshot(SomeMessages(5), 6);
  for (size_t cut = 0; cut < stream.size(); ++cut) {
    SnapshotImage image(1 << 16);
    GlimpseClient client({}, &image);
    client.Connected(0);
    Feed(client, std::span(stream).first(cut), 7);
    ASSERT_FALSE(client.done());
    client.Closed(1);
    EXPECT_TRUE(client.done());
    EXPECT_EQ(client.failure(), SnapshotFailure::kCut);
  }
}

SnapshotFailure FailureAfter(const Bytes& stream, const ClientOptions& options = {}, size_t image_bytes = 1 << 16) {
  SnapshotImage image(image_bytes);
  GlimpseClient client(options, &image);
  client.Connected(0);
  Feed(client, stream, 1'000);
  EXPECT_TRUE(client.done());
  return client.failure();
}

TEST(GlimpseClient, SaysWhyItFailed) {
  Bytes not_authorised, no_session, ended, from_the_middle;
  AppendPacket(PacketType::kLoginRejected, Bytes{'A'}, not_authorised);
  AppendPacket(PacketType::kLoginRejected, Bytes{'S'}, no_session);
  AppendAccepted(ended);
  AppendPacket(PacketType::kEndOfSession, {}, ended);
  AppendAccepted(from_the_middle, 2);
  EXPECT_EQ(FailureAfter(not_authorised), SnapshotFailure::kNotAuthorised);
  EXPECT_EQ(FailureAfter(no_session), SnapshotFailure::kNoSession);
  EXPECT_EQ(FailureAfter(ended), SnapshotFailure::kCut);
  EXPECT_EQ(FailureAfter(from_the_middle), SnapshotFailure::kGarbage);
  EXPECT_EQ(FailureAfter({0, 0}), SnapshotFailure::kGarbage);
  EXPECT_EQ(FailureAfter({0xFF, 0xFF}), SnapshotFailure::kGarbage);
  EXPECT_EQ(FailureAfter(Snapshot(SomeMessages(100), 5), {}, 500), SnapshotFailure::kTooLarge);
  // The last message in another form than the settings say, and before the stream begins.
  EXPECT_EQ(FailureAfter(Snapshot({}, 5, {SequenceField::Width::kBinary8, {}})), SnapshotFailure::kGarbage);
  EXPECT_EQ(FailureAfter(Snapshot({}, 0)), SnapshotFailure::kGarbage);
}

TEST(GlimpseClient, ServerThatOnlyLivesIsSilentInTheEnd) {
  SnapshotImage image(1'000);
  GlimpseClient client({}, &image);
  client.Connected(0);
  Bytes accepted, heartbeat;
  AppendAccepted(accepted);
  AppendPacket(PacketType::kServerHeartbeat, {}, heartbeat);
  Feed(client, accepted, 100);
  uint64_t now_ns = 0;
  while (!client.done()) {
    ASSERT_LE(client.next_tick_ns(), ClientOptions().timeout_ns);
    now_ns = client.next_tick_ns();
    client.Tick(now_ns);
    Feed(client, heartbeat, 100, now_ns);
  }
  EXPECT_EQ(now_ns, ClientOptions().timeout_ns);
  EXPECT_EQ(client.failure(), SnapshotFailure::kSilent);
}

TEST(GlimpseClient, DeadServerIsSilentAfterFifteenSeconds) {
  SnapshotImage image(1'000);
  GlimpseClient client({}, &image);
  client.Connected(0);
  client.Tick(soupbintcp::kDeadNs - 1);
  EXPECT_FALSE(client.done());
  client.Tick(soupbintcp::kDeadNs);
  EXPECT_EQ(client.failure(), SnapshotFailure::kSilent);
}

void FuzzOne(std::span<const uint8_t> input) {
  const auto outcome = [input](size_t chunk) {
    SnapshotImage image(600);
    GlimpseClient client({}, &image);
    client.Connected(0);
    Feed(client, input, chunk);
    client.Closed(1);
    EXPECT_TRUE(client.done());
    return std::make_pair(client.failure(), Read(image));
  };
  ASSERT_EQ(outcome(1), outcome(input.size()));
}

TEST(GlimpseClientFuzz, SurvivesAnyBytesInAnyPieces) {
  Bytes rejected;
  AppendPacket(PacketType::kLoginRejected, Bytes{'A'}, rejected);
  FuzzDriver({Snapshot(SomeMessages(8), 9), Snapshot({}, 1), rejected}).Run(FuzzOne, FuzzDriver::kCases / 20);
}

}  // namespace
}  // namespace feedfarm::glimpse
