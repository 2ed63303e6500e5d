// The framing and the request parser against damaged and random bytes. FuzzOne is what a coverage-guided fuzzer would
// call.
#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/packet_writer.h"
#include "pipeline/moldudp64/rerequest.h"

namespace feedfarm::moldudp64 {
namespace {

void FuzzFraming(std::span<const uint8_t> input) {
  static const auto blocks = std::make_unique<BlockIndex>();
  static PacketWriter writer(65'507);
  const PacketHeader header = MoldUdp64::ParseHeader(input);
  ASSERT_TRUE(header.kind == PacketKind::kData || header.count == 0);
  if (header.kind == PacketKind::kMalformed || !MoldUdp64::IndexBlocks(input, header, *blocks)) return;
  // Writing the messages that were found gives the packet again, but for bytes behind its last block.
  writer.Start(header.session, header.first_sequence);
  for (uint32_t i = 0; i < header.count; ++i) {
    const BlockRef& block = (*blocks)[i];
    ASSERT_TRUE(writer.Append(input.subspan(block.offset, block.length)));
  }
  const auto again = header.kind == PacketKind::kEndOfSession
                         ? writer.EndOfSession(header.session, header.first_sequence)
                         : writer.Finish();
  ASSERT_LE(again.size(), input.size());
  ASSERT_TRUE(std::equal(again.begin(), again.end(), input.begin()));
}

void FuzzRerequest(std::span<const uint8_t> input) {
  const auto request = Rerequest::Parse(input);
  if (!request) return;
  std::vector<uint8_t> again(Rerequest::kBytesMax);
  ASSERT_EQ(request->Encode(again), input.size());
  ASSERT_TRUE(std::equal(again.begin(), again.end(), input.begin()));
}

void FuzzOne(std::span<const uint8_t> input) {
  FuzzFraming(input);
  FuzzRerequest(input);
}

std::vector<std::vector<uint8_t>> ValidInputs() {
  PacketWriter writer;
  const SessionId session = MakeSession("000010059B");
  std::vector<std::vector<uint8_t>> inputs;
  const auto add = [&inputs](std::span<const uint8_t> packet) { inputs.emplace_back(packet.begin(), packet.end()); };
  add(writer.Heartbeat(session, 7));
  add(writer.EndOfSession(session, 8));
  std::vector<uint8_t> message(36, 'A');
  for (const int count : {1, 2, 38}) {
    writer.Start(session, 100);
    for (int i = 0; i < count; ++i) writer.Append(std::span(message).first(i % 37));
    add(writer.Finish());
  }
  std::vector<uint8_t> request(Rerequest::kBytesMax);
  Rerequest(session, 12, 34).Encode(request);
  add(request);
  return inputs;
}

TEST(MoldUdp64Fuzz, SurvivesAnyBytes) {
  FuzzDriver driver(ValidInputs());
  driver.Run(FuzzOne);
}

}  // namespace
}  // namespace feedfarm::moldudp64
