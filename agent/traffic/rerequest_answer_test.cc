#include "agent/traffic/rerequest_answer.h"

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "agent/traffic/payload_writer.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/iextp/gap_fill.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/rerequest.h"

namespace feedfarm {
namespace {

constexpr size_t kMessageBytes = 40;

// Two generations of 100 messages of 40 bytes, sequences from 1; in the first one 51 is missing.
StreamContent MakeContent(v1::FeedProtocol protocol) {
  const bool iex = protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10;
  StreamContent content;
  content.protocol = protocol;
  content.store =
      *MessageStore::Create(iex ? MessageStore::BlockOrder::kLittle : MessageStore::BlockOrder::kBig, 1 << 20);
  for (int generation = 0; generation < 2; ++generation) {
    content.store->BeginGeneration(
        iex ? iextp::MakeSession(1, 7) : moldudp64::MakeSession("S" + std::to_string(generation)), 1, 0);
    for (uint64_t sequence = 1; sequence <= 101; ++sequence) {
      if (sequence == (generation == 0 ? 51u : 101u)) continue;
      std::vector<uint8_t> message(kMessageBytes, static_cast<uint8_t>(sequence));
      content.store->Append(sequence, message, (sequence - 1) * (kMessageBytes + 2),
                            1000 * (generation + 1) + sequence);
    }
  }
  EXPECT_TRUE(content.store->Seal().ok());
  return content;
}

std::vector<uint8_t> MoldRequest(const std::string& session, uint64_t first, uint64_t count) {
  std::vector<uint8_t> bytes(moldudp64::Rerequest::kBytesMax);
  moldudp64::StoreHeader(bytes.data(), moldudp64::MakeSession(session), first, static_cast<uint16_t>(count));
  return bytes;
}

std::vector<uint8_t> IexRequest(iextp::RangeType type, const std::vector<iextp::Range>& ranges, uint32_t session = 7) {
  iextp::GapFillRequest request(iextp::MakeSession(1, session), type);
  for (const iextp::Range& range : ranges) EXPECT_TRUE(request.AddRange(range));
  std::vector<uint8_t> bytes(iextp::GapFillRequest::kBytesMax);
  bytes.resize(request.Encode(bytes));
  return bytes;
}

// "sequence+count ..." of the answers.
std::string Text(const std::vector<StreamPacket>& answers) {
  std::string text;
  for (const StreamPacket& answer : answers) {
    if (!text.empty()) text += ' ';
    text += std::to_string(answer.sequence) + "+" + std::to_string(answer.count);
  }
  return text;
}

TEST(RerequestAnswer, MoldTable) {
  const StreamContent content = MakeContent(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  const struct {
    const char* what;
    std::string session;
    uint64_t first, count, published;
    uint32_t messages_max;
    const char* expected;
  } kCases[] = {
      {"what was asked for", "S0", 3, 4, 200, 0, "3+4"},
      {"as many as fit 1,472 bytes", "S0", 1, 60, 200, 0, "1+34"},
      {"as many as the setting allows", "S0", 1, 60, 200, 5, "1+5"},
      {"not past a hole", "S0", 45, 20, 200, 0, "45+6"},
      {"not the hole", "S0", 51, 1, 200, 0, ""},
      {"not what has not been sent", "S0", 8, 20, 10, 0, "8+3"},
      {"nothing that has not been sent", "S0", 11, 1, 10, 0, ""},
      {"nothing before START", "S0", 1, 1, 0, 0, ""},
      {"the last one", "S0", 101, 9, 200, 0, "101+1"},
      {"beyond the end", "S0", 102, 1, 200, 0, ""},
      {"beyond every end", "S0", ~uint64_t{0}, 0xFFFF, 200, 0, ""},
      {"another session", "S9", 1, 1, 200, 0, ""},
      {"the later session", "S1", 1, 2, 200, 0, "1+2"},
      {"the later session before it began", "S1", 1, 2, 100, 0, ""},
      {"count 0", "S0", 1, 0, 200, 0, ""},
      {"sequence 0", "S0", 0, 5, 200, 0, ""},
  };
  for (const auto& c : kCases) {
    const RerequestScope scope{.published = c.published, .messages_max = c.messages_max};
    EXPECT_EQ(Text(AnswerRerequest(content, scope, MoldRequest(c.session, c.first, c.count))), c.expected) << c.what;
  }
}

TEST(RerequestAnswer, IexTable) {
  const StreamContent content = MakeContent(v1::FEED_PROTOCOL_IEXTP_DEEP10);
  using enum iextp::RangeType;
  constexpr uint64_t kBlock = kMessageBytes + 2;
  const struct {
    const char* what;
    iextp::RangeType type;
    std::vector<iextp::Range> ranges;
    uint32_t session;
    uint64_t published;
    const char* expected;
    uint32_t generation;
  } kCases[] = {
      {"a range", kSequence, {{3, 6}}, 7, 100, "3+4", 0},
      {"each range", kSequence, {{3, 6}, {10, 10}, {45, 90}}, 7, 100, "3+4 10+1 45+6", 0},
      {"the newest generation", kSequence, {{3, 6}}, 7, 150, "3+4", 1},
      {"of the newest what was sent", kSequence, {{3, 6}}, 7, 104, "3+2", 1},
      {"everything", kSequence, {{1, ~uint64_t{0}}}, 7, 100, "1+34", 0},
      {"another session", kSequence, {{1, 2}}, 8, 100, "", 0},
      {"beyond the end", kSequence, {{102, 200}}, 7, 100, "", 0},
      {"a test", kSequence, {}, 7, 20, "21+0", 0},
      {"a test before START", kSequence, {}, 7, 0, "", 0},
      {"bytes of one message", kStreamOffset, {{kBlock, 2 * kBlock - 1}}, 7, 100, "2+1", 0},
      {"bytes that touch three", kStreamOffset, {{kBlock + 5, 3 * kBlock}}, 7, 100, "2+3", 0},
      {"bytes beyond the end", kStreamOffset, {{101 * kBlock, 102 * kBlock}}, 7, 100, "", 0},
      {"bytes of the hole", kStreamOffset, {{50 * kBlock, 51 * kBlock - 1}}, 7, 100, "", 0},
      {"all bytes", kStreamOffset, {{0, ~uint64_t{0}}}, 7, 100, "1+34", 0},
  };
  for (const auto& c : kCases) {
    const auto answers = AnswerRerequest(content, {.published = c.published}, IexRequest(c.type, c.ranges, c.session));
    EXPECT_EQ(Text(answers), c.expected) << c.what;
    for (const StreamPacket& answer : answers) EXPECT_EQ(answer.generation, c.generation) << c.what;
  }
}

TEST(RerequestAnswer, HasTheSendTimeOfTheFirstMessagesPacket) {
  const StreamContent content = MakeContent(v1::FEED_PROTOCOL_IEXTP_DEEP10);
  const auto answers = AnswerRerequest(content, {.published = 200}, IexRequest(iextp::RangeType::kSequence, {{9, 20}}));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].send_time_ns, 2009u);
  std::vector<uint8_t> bytes(answers[0].bytes);
  WritePayload(content, answers[0], bytes.data());
  const PacketHeader header = iextp::IexTp::ParseHeader(bytes);
  EXPECT_EQ(header.first_sequence, 9u);
  EXPECT_EQ(header.count, 12u);
  EXPECT_EQ(iextp::StreamOffset(bytes), 8 * (kMessageBytes + 2));
}

// Every answer is a packet of what was published, of bounded size, and can be written.
void FuzzOne(const StreamContent& content, uint64_t published, std::span<const uint8_t> request) {
  const auto answers = AnswerRerequest(content, {.published = published, .messages_max = 0}, request);
  ASSERT_LE(answers.size(), kAnswersMax);
  for (const StreamPacket& answer : answers) {
    ASSERT_LE(answer.end_index(), published);
    ASSERT_LE(answer.bytes, kAnswerBytesMax);
    std::vector<uint8_t> bytes(answer.bytes);
    WritePayload(content, answer, bytes.data());
  }
}

TEST(RerequestAnswer, SurvivesAnyRequest) {
  constexpr uint64_t kSeed = 20260802;
  std::cout << "seed " << kSeed << "\n";
  Rng rng(kSeed);
  const StreamContent mold = MakeContent(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50);
  const StreamContent iex = MakeContent(v1::FEED_PROTOCOL_IEXTP_DEEP10);
  for (int i = 0; i < 400'000; ++i) {
    const bool to_iex = rng.Below(2) == 0;
    std::vector<uint8_t> request;
    if (rng.Below(4) == 0) {
      request.resize(rng.Below(64));
      for (uint8_t& byte : request) byte = static_cast<uint8_t>(rng.Next());
    } else if (to_iex) {
      std::vector<iextp::Range> ranges;
      uint64_t at = rng.Below(150);
      for (uint64_t n = rng.Below(12); n > 0; --n) {
        const uint64_t first = at + 1, last = first + rng.Below(60);
        ranges.push_back({first, last});
        at = last + rng.Below(10);
      }
      request = IexRequest(rng.Below(2) == 0 ? iextp::RangeType::kSequence : iextp::RangeType::kStreamOffset, ranges);
    } else {
      request = MoldRequest("S" + std::to_string(rng.Below(3)), rng.Below(150), rng.Below(1 << 16));
    }
    for (uint64_t n = rng.Below(4); n > 0 && !request.empty(); --n) {
      request[rng.Below(request.size())] = static_cast<uint8_t>(rng.Next());
    }
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[request.size()]);
    std::copy(request.begin(), request.end(), exact.get());
    FuzzOne(to_iex ? iex : mold, rng.Below(201), {exact.get(), request.size()});
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace feedfarm
