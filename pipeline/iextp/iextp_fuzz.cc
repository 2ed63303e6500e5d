// The framing and the request parser against damaged and random bytes. FuzzOne is what a coverage-guided fuzzer would
// call.
#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/iextp/gap_fill.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/iextp/segment_writer.h"

namespace feedfarm::iextp {
namespace {

void FuzzFraming(std::span<const uint8_t> input) {
  static const auto blocks = std::make_unique<BlockIndex>();
  static SegmentWriter writer(65'507);
  const PacketHeader header = IexTp::ParseHeader(input);
  ASSERT_TRUE(header.kind == PacketKind::kData || header.count == 0);
  if (header.kind == PacketKind::kMalformed || !IexTp::IndexBlocks(input, header, *blocks)) return;
  writer.Start({header.session, header.first_sequence, StreamOffset(input), header.send_time_ns});
  for (uint32_t i = 0; i < header.count; ++i) {
    const BlockRef& block = (*blocks)[i];
    ASSERT_TRUE(writer.Append(input.subspan(block.offset, block.length)));
  }
  const auto again = writer.Finish();
  if (again.size() != input.size() || input[segment::kReserved] != 0) return;  // bytes that mean nothing
  ASSERT_TRUE(std::equal(again.begin(), again.end(), input.begin()));
}

void FuzzGapFill(std::span<const uint8_t> input) {
  const auto request = GapFillRequest::Parse(input);
  if (!request) return;
  std::vector<uint8_t> again(GapFillRequest::kBytesMax);
  ASSERT_EQ(request->Encode(again), input.size());
  ASSERT_TRUE(std::equal(input.begin(), input.end(), again.begin()));
  const auto first = Rerequest::Parse(input);
  ASSERT_EQ(first.has_value(), !request->is_test() && request->type == RangeType::kSequence);
}

void FuzzOne(std::span<const uint8_t> input) {
  FuzzFraming(input);
  FuzzGapFill(input);
}

std::vector<std::vector<uint8_t>> ValidInputs() {
  SegmentWriter writer;
  SegmentStart start{.session = MakeSession(1, 2), .first_sequence = 9, .stream_offset = 100, .send_time_ns = 1};
  std::vector<std::vector<uint8_t>> inputs;
  const auto add = [&inputs](std::span<const uint8_t> packet) { inputs.emplace_back(packet.begin(), packet.end()); };
  add(writer.Heartbeat(start));
  std::vector<uint8_t> message(38, 'T');
  for (const int count : {1, 2, 30}) {
    writer.Start(start);
    for (int i = 0; i < count; ++i) writer.Append(std::span(message).first(i % 39));
    add(writer.Finish());
  }
  GapFillRequest request(start.session);
  for (const uint64_t first : {1, 10, 20}) {
    request.AddRange({first, first + 5});
    std::vector<uint8_t> bytes(GapFillRequest::kBytesMax);
    bytes.resize(request.Encode(bytes));
    add(bytes);
  }
  return inputs;
}

TEST(IexTpFuzz, SurvivesAnyBytes) {
  FuzzDriver driver(ValidInputs());
  driver.Run(FuzzOne);
}

}  // namespace
}  // namespace feedfarm::iextp
