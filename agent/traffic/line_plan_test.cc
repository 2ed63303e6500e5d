#include "agent/traffic/line_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/traffic/line_faults.h"
#include "agent/traffic/line_schedule.h"
#include "agent/traffic/payload_writer.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

using Kind = StreamPacket::Kind;

constexpr v1::FeedProtocol kMold = v1::FEED_PROTOCOL_MOLDUDP64_ITCH50;
constexpr v1::FeedProtocol kIex = v1::FEED_PROTOCOL_IEXTP_DEEP10;
constexpr uint64_t kMillisecond = 1'000'000;

struct Shape {
  v1::FeedProtocol protocol = kMold;
  std::vector<std::vector<uint32_t>> generations;  // message counts of the packets of each; 0 = heartbeat
  uint64_t hole_every = 0;                         // a sequence number is missing before every n-th packet
};

// Content whose packets lie a millisecond apart. Message i of the stream is "i" padded to 20 bytes.
StreamContent MakeContent(const Shape& shape) {
  StreamContent content;
  content.protocol = shape.protocol;
  content.store = *MessageStore::Create(
      shape.protocol == kIex ? MessageStore::BlockOrder::kLittle : MessageStore::BlockOrder::kBig, 1 << 22);
  uint64_t index = 0, number = 0, send_time = 1'000'000;
  for (uint32_t generation = 0; generation < shape.generations.size(); ++generation) {
    const SessionId session =
        shape.protocol == kIex ? iextp::MakeSession(1, 7) : moldudp64::MakeSession("S" + std::to_string(generation));
    content.store->BeginGeneration(session, 1, 0);
    uint64_t sequence = 1, offset = 0;
    for (const uint32_t count : shape.generations[generation]) {
      if (shape.hole_every != 0 && ++number % shape.hole_every == 0 && count != 0) ++sequence;
      send_time += 1000;
      StreamPacket packet{.due_ns = content.packets.size() * kMillisecond,
                          .first_index = index,
                          .sequence = sequence,
                          .send_time_ns = shape.protocol == kIex ? send_time : 0,
                          .count = count,
                          .generation = generation,
                          .bytes = HeaderBytes(shape.protocol),
                          .kind = count == 0 ? Kind::kHeartbeat : Kind::kData};
      for (uint32_t i = 0; i < count; ++i, ++index, ++sequence) {
        std::string text = std::to_string(index);
        text.resize(20, ' ');
        content.store->Append(sequence, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, offset,
                              packet.send_time_ns);
        offset += text.size() + 2;
        packet.bytes += static_cast<uint16_t>(text.size() + 2);
      }
      content.packets.push_back(packet);
    }
  }
  EXPECT_TRUE(content.store->Seal().ok());
  return content;
}

Shape Plain(uint32_t packets, uint32_t messages, v1::FeedProtocol protocol = kMold) {
  return {.protocol = protocol, .generations = {std::vector<uint32_t>(packets, messages)}};
}

v1::Scenario Speed(double speed = 1) {
  v1::Scenario scenario;
  scenario.mutable_traffic()->set_speed(speed);
  return scenario;
}

v1::Fault* AddGap(v1::Scenario& scenario, uint64_t at_ns, uint64_t messages, v1::Line lines) {
  v1::Fault* fault = scenario.add_faults();
  fault->set_at_ns(at_ns);
  fault->mutable_gap()->set_messages(messages);
  fault->mutable_gap()->set_lines(lines);
  return fault;
}

v1::Fault* AddDuplicate(v1::Scenario& scenario, uint64_t at_ns, uint64_t packets, v1::Line lines) {
  v1::Fault* fault = scenario.add_faults();
  fault->set_at_ns(at_ns);
  fault->mutable_duplicate()->set_packets(packets);
  fault->mutable_duplicate()->set_lines(lines);
  return fault;
}

v1::Fault* AddReorder(v1::Scenario& scenario, uint64_t at_ns, uint64_t packets, uint32_t distance, v1::Line lines) {
  v1::Fault* fault = scenario.add_faults();
  fault->set_at_ns(at_ns);
  fault->mutable_reorder()->set_packets(packets);
  fault->mutable_reorder()->set_distance(distance);
  fault->mutable_reorder()->set_lines(lines);
  return fault;
}

LinePlan Plan(const v1::Scenario& scenario, StreamContent& content, uint64_t seed = 1) {
  absl::StatusOr<LinePlan> plan = PlanLines(scenario, seed, 1 << 20, content);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *std::move(plan) : LinePlan();
}

// "0-3 4-5 h6 e6": data packets by index (end excluded), heartbeats and ends of session by their sequence.
std::string Text(const std::vector<StreamPacket>& packets, size_t limit = SIZE_MAX) {
  std::string text;
  for (const StreamPacket& packet : packets) {
    if (limit-- == 0) break;
    if (!text.empty()) text += ' ';
    if (packet.kind == Kind::kData) {
      text += std::to_string(packet.first_index) + "-" + std::to_string(packet.end_index());
    } else {
      text += (packet.kind == Kind::kHeartbeat ? "h"
               : packet.kind == Kind::kRaw     ? "r"
                                               : "e") +
              std::to_string(packet.sequence);
    }
  }
  return text;
}

std::vector<uint64_t> Carried(const std::vector<StreamPacket>& packets, uint64_t messages) {
  std::vector<uint64_t> times(messages);
  for (const StreamPacket& packet : packets) {
    if (packet.kind != Kind::kData) continue;
    for (uint64_t i = packet.first_index; i < packet.end_index(); ++i) ++times[i];
  }
  return times;
}

TEST(LineSchedule, FixedRateIsEven) {
  StreamContent content = MakeContent(Plain(4, 2));
  v1::Scenario scenario;
  scenario.mutable_traffic()->set_rate_pps(20'000);
  const LinePlan plan = Plan(scenario, content);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(plan.lines[0][i].due_ns, i * 50'000u);
}

TEST(LineSchedule, SpeedDividesTheContentsTimesWhichNeverFall) {
  StreamContent content = MakeContent(Plain(4, 1));
  content.packets[2].due_ns = 0;  // the capture's clock stepped back
  const LinePlan plan = Plan(Speed(2), content);
  EXPECT_EQ(plan.lines[0][1].due_ns, kMillisecond / 2);
  EXPECT_EQ(plan.lines[0][2].due_ns, kMillisecond / 2);
  EXPECT_EQ(plan.lines[0][3].due_ns, 3 * kMillisecond / 2);
}

TEST(LineSchedule, NoScheduleIsRefused) {
  for (const double value : {0.0, -1.0}) {
    StreamContent content = MakeContent(Plain(4, 1));
    EXPECT_EQ(PlanLines(Speed(value), 1, 100, content).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(LinePlan, SkewDelaysTheLaterLine) {
  for (const int64_t skew : {300'000, -300'000}) {
    StreamContent content = MakeContent(Plain(3, 1));
    v1::Scenario scenario = Speed();
    scenario.mutable_traffic()->set_skew_b_ns(skew);
    const LinePlan plan = Plan(scenario, content);
    EXPECT_EQ(plan.lines[0][1].due_ns, kMillisecond + (skew < 0 ? 300'000 : 0));
    EXPECT_EQ(plan.lines[1][1].due_ns, kMillisecond + (skew > 0 ? 300'000 : 0));
  }
}

TEST(LinePlan, TailShowsTheEnd) {
  StreamContent content = MakeContent(Plain(2, 3));
  const LinePlan plan = Plan(Speed(), content);
  EXPECT_EQ(Text(plan.lines[0], 7), "0-3 3-6 h7 h7 h7 e7 e7");
  EXPECT_EQ(plan.lines[0].size(), 2u + kTailHeartbeats + kEndPacketsWithoutFaults);
  EXPECT_EQ(plan.lines[0].back().due_ns - plan.lines[0][5].due_ns, 400 * kMillisecond);
  // A cut or a killed handler may last beyond the end.
  v1::Scenario faulty = Speed();
  faulty.add_faults()->mutable_kill_handler();
  StreamContent again = MakeContent(Plain(2, 3));
  const LinePlan longer = Plan(faulty, again);
  EXPECT_EQ(longer.lines[0].size(), 2u + kTailHeartbeats + kEndPackets);
  EXPECT_EQ(longer.lines[0].back().due_ns - longer.lines[0][5].due_ns, 1'000 * kMillisecond);
  StreamContent iex = MakeContent(Plain(2, 3, kIex));
  const LinePlan iex_plan = Plan(Speed(), iex);
  EXPECT_EQ(Text(iex_plan.lines[0], 7), "0-3 3-6 h7 h7 h7 h7 h7");
  EXPECT_EQ(iex_plan.trailing[0].kind, Kind::kHeartbeat);
  EXPECT_EQ(iex_plan.trailing[0].send_time_ns, iex_plan.lines[0][1].send_time_ns);
}

TEST(LinePlan, IdleLineGetsHeartbeats) {
  StreamContent content = MakeContent(Plain(3, 1));
  content.packets[2].due_ns = 6 * kMillisecond;
  v1::Scenario scenario = Speed();
  scenario.mutable_traffic()->set_heartbeat_ns(2 * kMillisecond);
  const LinePlan plan = Plan(scenario, content);
  EXPECT_EQ(Text(plan.lines[0], 6), "0-1 1-2 h3 h3 2-3 h4");
  EXPECT_EQ(plan.lines[0][2].due_ns, 3 * kMillisecond);
}

// What is left out was published all the same: a heartbeat names what comes after it.
TEST(LinePlan, HeartbeatsInAGapNameWhatWasLeftOut) {
  StreamContent content = MakeContent(Plain(8, 1));
  v1::Scenario scenario = Speed();
  scenario.mutable_traffic()->set_heartbeat_ns(2 * kMillisecond);
  AddGap(scenario, 3 * kMillisecond, 4, v1::LINE_BOTH);
  const LinePlan plan = Plan(scenario, content);
  EXPECT_EQ(Text(plan.lines[0], 7), "0-1 1-2 2-3 h6 h8 7-8 h9");
  EXPECT_EQ(plan.gap_messages, 4u);
}

TEST(LinePlan, GapAtTheEndIsShownByTheTail) {
  StreamContent content = MakeContent(Plain(4, 2));
  v1::Scenario scenario = Speed();
  AddGap(scenario, 2 * kMillisecond, 4, v1::LINE_BOTH);
  const LinePlan plan = Plan(scenario, content);
  EXPECT_EQ(Text(plan.lines[1], 3), "0-2 2-4 h9");
  EXPECT_GT(plan.lines[1][2].due_ns, 3 * kMillisecond);
}

TEST(LinePlan, GapOnOneLineIsNoGapOfBoth) {
  StreamContent content = MakeContent(Plain(4, 2));
  v1::Scenario scenario = Speed();
  AddGap(scenario, kMillisecond, 3, v1::LINE_B);
  const LinePlan plan = Plan(scenario, content);
  EXPECT_EQ(Text(plan.lines[0], 4), "0-2 2-4 4-6 6-8");
  EXPECT_EQ(Text(plan.lines[1], 3), "0-2 5-6 6-8");
  EXPECT_EQ(plan.gap_messages, 0u);
}

TEST(LinePlan, FaultAfterTheLastPacketIsRefused) {
  StreamContent content = MakeContent(Plain(4, 2));
  v1::Scenario scenario = Speed();
  AddGap(scenario, 4 * kMillisecond, 1, v1::LINE_BOTH)->set_line(17);
  const absl::Status status = PlanLines(scenario, 1, 100, content).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(status.message()).find("fault of line 17"), std::string::npos) << status;
}

TEST(LinePlan, TooManyPacketsAreRefused) {
  StreamContent content = MakeContent(Plain(2, 1));
  content.packets[1].due_ns = 1000 * kMillisecond;
  v1::Scenario scenario = Speed();
  scenario.mutable_traffic()->set_heartbeat_ns(1);
  EXPECT_EQ(PlanLines(scenario, 1, 100, content).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(LineFaults, GapStaysInsideOneGenerationAndSparesItsEnds) {
  const struct {
    uint64_t at_packet, messages;
    MessageRange expected;
  } kCases[] = {
      {0, 2, {2, 4}},    // the first packet of the stream is spared
      {2, 3, {4, 7}},    // [4, 8) would take the last message of generation 0
      {2, 4, {10, 14}},  // begins behind the first packet of generation 1
      {3, 3, {10, 13}},  //
      {4, 2, {10, 12}},  // generation 1's first packet is spared
      {6, 4, {12, 16}},  // the stream's end may be taken
      {6, 9, {12, 16}},  // and no more
  };
  for (const auto& c : kCases) {
    StreamContent content = MakeContent({.protocol = kIex, .generations = {{2, 2, 2, 2}, {2, 2, 2, 2}}});
    EXPECT_EQ(ChooseGap(*content.store, content.packets, c.at_packet * kMillisecond, c.messages), c.expected)
        << c.at_packet << " " << c.messages;
  }
}

TEST(LineFaults, LeaveOutCutsPacketsThatHoldOthersToo) {
  const struct {
    std::vector<MessageRange> ranges;
    const char* expected;
  } kCases[] = {
      {{}, "0-4 4-8 8-12"},
      {{{4, 8}}, "0-4 8-12"},
      {{{3, 5}}, "0-3 5-8 8-12"},
      {{{1, 2}, {3, 9}}, "0-1 2-3 9-12"},
      {{{0, 12}}, ""},
      {{{5, 6}, {7, 8}, {11, 12}}, "0-4 4-5 6-7 8-11"},
  };
  for (const auto& c : kCases) {
    StreamContent content = MakeContent(Plain(3, 4));
    LeaveOut(content, c.ranges, content.packets);
    EXPECT_EQ(Text(content.packets), c.expected);
    for (const StreamPacket& packet : content.packets) {
      EXPECT_EQ(packet.sequence, packet.first_index + 1);
      EXPECT_EQ(packet.bytes, PayloadBytes(content, packet.first_index, packet.count));
    }
  }
}

TEST(LineFaults, ReorderMovesEachPacketItsDistance) {
  const struct {
    Shape shape;
    uint64_t at_packet, count;
    uint32_t distance;
    uint64_t moved;
    const char* expected;
  } kCases[] = {
      {Plain(6, 1), 1, 1, 1, 1, "0-1 2-3 1-2 3-4 4-5 5-6"},
      {Plain(6, 1), 1, 2, 1, 2, "0-1 2-3 1-2 4-5 3-4 5-6"},
      {Plain(6, 1), 1, 1, 3, 1, "0-1 2-3 3-4 4-5 1-2 5-6"},
      {Plain(6, 1), 0, 1, 2, 1, "0-1 2-3 3-4 1-2 4-5 5-6"},  // never the first of a generation
      {Plain(6, 1), 4, 5, 2, 0, "0-1 1-2 2-3 3-4 4-5 5-6"},  // nothing left to pass
      {Plain(6, 1), 1, 9, 0, 0, "0-1 1-2 2-3 3-4 4-5 5-6"},
      {{.generations = {{1, 1, 1}, {1, 1, 1}}}, 1, 2, 1, 2, "0-1 2-3 1-2 3-4 5-6 4-5"},  // nor past another
      {{.generations = {{1, 1, 0, 1}}}, 1, 1, 2, 1, "0-1 h3 2-3 1-2"},
  };
  for (const auto& c : kCases) {
    StreamContent content = MakeContent(c.shape);
    EXPECT_EQ(Reorder(c.at_packet * kMillisecond, c.count, c.distance, content.packets), c.moved);
    EXPECT_EQ(Text(content.packets), c.expected);
    EXPECT_TRUE(std::is_sorted(content.packets.begin(), content.packets.end(),
                               [](const auto& a, const auto& b) { return a.due_ns < b.due_ns; }));
  }
}

TEST(LineFaults, DuplicateSendsDataTwice) {
  StreamContent content = MakeContent({.generations = {{1, 1, 0, 1, 1}}});
  EXPECT_EQ(Duplicate(kMillisecond, 2, content.packets), 2u);
  EXPECT_EQ(Text(content.packets), "0-1 1-2 1-2 h3 2-3 2-3 3-4");
  EXPECT_EQ(Duplicate(4 * kMillisecond, 9, content.packets), 1u);
}

TEST(LineFaults, RangesAreJoinedAndIntersected) {
  const std::vector<MessageRange> joined = Normalize({{5, 9}, {1, 3}, {3, 4}, {8, 12}, {20, 20}});
  EXPECT_EQ(joined, (std::vector<MessageRange>{{1, 4}, {5, 12}}));
  EXPECT_EQ(MessagesIn(joined), 10u);
  EXPECT_EQ(Intersect(joined, {{0, 2}, {3, 6}, {11, 30}}),
            (std::vector<MessageRange>{{1, 2}, {3, 4}, {5, 6}, {11, 12}}));
}

// Every byte of every packet says what the store says.
template <class F>
void CheckBytes(const StreamContent& content, const std::vector<StreamPacket>& packets) {
  const MessageStore& store = *content.store;
  std::vector<uint8_t> bytes(2048);
  static BlockIndex blocks;
  for (const StreamPacket& packet : packets) {
    WritePayload(content, packet, bytes.data());
    const std::span<const uint8_t> payload(bytes.data(), packet.bytes);
    const PacketHeader header = F::ParseHeader(payload);
    ASSERT_EQ(header.session, store.generations()[packet.generation].session);
    ASSERT_EQ(header.first_sequence, packet.sequence);
    ASSERT_EQ(header.send_time_ns, packet.send_time_ns);
    ASSERT_EQ(header.count, packet.count);
    ASSERT_EQ(static_cast<int>(header.kind),
              static_cast<int>(packet.kind == Kind::kData        ? PacketKind::kData
                               : packet.kind == Kind::kHeartbeat ? PacketKind::kHeartbeat
                                                                 : PacketKind::kEndOfSession));
    if (packet.kind != Kind::kData) continue;
    ASSERT_TRUE(F::IndexBlocks(payload, header, blocks));
    for (uint32_t i = 0; i < header.count; ++i) {
      const uint64_t index = packet.first_index + i;
      ASSERT_EQ(store.sequence(index), header.first_sequence + i);
      ASSERT_EQ(store.segment(index).generation, packet.generation);
      const auto message = store.message(index);
      ASSERT_TRUE(std::equal(message.begin(), message.end(), payload.begin() + blocks[i].offset,
                             payload.begin() + blocks[i].offset + blocks[i].length));
    }
  }
}

Shape RandomShape(Rng& rng) {
  Shape shape;
  shape.protocol = rng.Below(2) == 0 ? kMold : kIex;
  shape.hole_every = rng.Below(3) == 0 ? 2 + rng.Below(10) : 0;
  const uint64_t generations = 1 + rng.Below(4);
  for (uint64_t g = 0; g < generations; ++g) {
    std::vector<uint32_t> packets(1 + rng.Below(30));
    for (uint32_t& count : packets) count = rng.Below(8) == 0 ? 0 : 1 + static_cast<uint32_t>(rng.Below(8));
    if (g == 0) packets.push_back(3);
    shape.generations.push_back(packets);
  }
  return shape;
}

v1::Scenario RandomScenario(Rng& rng, uint64_t packets) {
  v1::Scenario scenario;
  if (rng.Below(2) == 0) {
    scenario.mutable_traffic()->set_rate_pps(1000);
  } else {
    scenario.mutable_traffic()->set_speed(1);
  }
  scenario.mutable_traffic()->set_repack_b(rng.Below(2) == 0);
  scenario.mutable_traffic()->set_packet_bytes_max(64 + static_cast<uint32_t>(rng.Below(300)));
  scenario.mutable_traffic()->set_skew_b_ns(static_cast<int64_t>(rng.Below(4'000'000)) - 2'000'000);
  scenario.mutable_traffic()->set_heartbeat_ns(rng.Below(3) * kMillisecond);
  const uint64_t faults = rng.Below(6);
  for (uint64_t i = 0; i < faults; ++i) {
    const auto lines = static_cast<v1::Line>(1 + rng.Below(3));
    const uint64_t at_ns = rng.Below(packets) * kMillisecond;
    const uint64_t kind = rng.Below(3), amount = 1 + rng.Below(20);
    if (kind == 0) AddGap(scenario, at_ns, amount, lines);
    if (kind == 1) AddDuplicate(scenario, at_ns, amount, lines);
    if (kind == 2) AddReorder(scenario, at_ns, amount, static_cast<uint32_t>(1 + rng.Below(4)), lines);
  }
  return scenario;
}

TEST(LinePlan, AnyFaultsLeaveOutExactlyTheGapsAndNothingElse) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    StreamContent content = MakeContent(RandomShape(rng));
    const uint64_t messages = content.store->messages();
    const v1::Scenario scenario = RandomScenario(rng, content.packets.size());
    const LinePlan plan = Plan(scenario, content, seed);
    const bool gaps = std::any_of(scenario.faults().begin(), scenario.faults().end(),
                                  [](const v1::Fault& fault) { return fault.has_gap(); });
    std::set<uint64_t> missing;
    const auto a = Carried(plan.lines[0], messages), b = Carried(plan.lines[1], messages);
    for (uint64_t i = 0; i < messages; ++i) {
      if (a[i] == 0 && b[i] == 0) missing.insert(i);
      ASSERT_TRUE(gaps || (a[i] > 0 && b[i] > 0)) << i;
    }
    ASSERT_EQ(missing.size(), plan.gap_messages);
    uint64_t twice = 0;
    for (const auto& packets : plan.lines) {
      uint32_t generation = 0;
      std::map<std::pair<uint64_t, uint64_t>, int> copies;
      for (size_t i = 0; i < packets.size(); ++i) {
        ASSERT_GE(packets[i].due_ns, i == 0 ? 0 : packets[i - 1].due_ns);
        ASSERT_GE(packets[i].generation, generation);
        generation = packets[i].generation;
        if (packets[i].kind == Kind::kData && ++copies[{packets[i].first_index, packets[i].end_index()}] == 2) ++twice;
        ASSERT_GT(plan.trailing_interval_ns, 0u);
      }
    }
    ASSERT_LE(twice, plan.duplicate_packets);
    for (const auto& packets : plan.lines) {
      if (content.protocol == kIex) {
        CheckBytes<iextp::IexTp>(content, packets);
      } else {
        CheckBytes<moldudp64::MoldUdp64>(content, packets);
      }
      if (HasFatalFailure()) return;
    }
  }
}

TEST(LinePlan, GapOfAThousandOnBothLinesIsAThousandWhateverElseHappens) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Rng rng(seed);
    StreamContent content = MakeContent(Plain(500, 7, seed % 2 == 0 ? kMold : kIex));
    const uint64_t messages = content.store->messages();
    v1::Scenario scenario = Speed();
    scenario.mutable_traffic()->set_repack_b(true);
    scenario.mutable_traffic()->set_skew_b_ns(1'500'000);
    AddGap(scenario, rng.Below(300) * kMillisecond, 1000, v1::LINE_BOTH);
    AddDuplicate(scenario, rng.Below(200) * kMillisecond, 100, v1::LINE_BOTH);
    AddReorder(scenario, rng.Below(200) * kMillisecond, 50, 4, v1::LINE_BOTH);
    const LinePlan plan = Plan(scenario, content, seed);
    EXPECT_EQ(plan.gap_messages, 1000u);
    EXPECT_EQ(plan.duplicate_packets, 200u);
    EXPECT_GT(plan.reordered_packets, 0u);
    for (const auto& packets : plan.lines) {
      const auto carried = Carried(packets, messages);
      EXPECT_EQ(std::count(carried.begin(), carried.end(), 0), 1000);
    }
  }
}

TEST(LineSchedule, RepackedLineIsCutDifferentlyAndIsNeverFarBehind) {
  for (const bool fixed : {false, true}) {
    StreamContent content = MakeContent(Plain(300, 6, kIex));
    v1::Scenario scenario = Speed(100);
    if (fixed) scenario.mutable_traffic()->set_rate_pps(100'000);
    scenario.mutable_traffic()->set_repack_b(true);
    const LinePlan plan = Plan(scenario, content);
    EXPECT_NE(Text(plan.lines[0]), Text(plan.lines[1]));
    std::vector<uint64_t> due_a(content.store->messages());
    for (const StreamPacket& packet : plan.lines[0]) {
      for (uint64_t i = packet.first_index; i < packet.end_index(); ++i) due_a[i] = packet.due_ns;
    }
    std::set<uint64_t> dues;
    for (const StreamPacket& packet : plan.lines[1]) {
      if (packet.kind != Kind::kData) continue;
      dues.insert(packet.due_ns);
      EXPECT_LE(packet.due_ns, due_a[packet.first_index] + kRepackSpanNs);
      EXPECT_LE(packet.due_ns, due_a[packet.end_index() - 1]);
      EXPECT_EQ(packet.send_time_ns, content.store->send_time(packet.first_index));
    }
    EXPECT_GT(dues.size(), 200u);
  }
}

}  // namespace
}  // namespace feedfarm
