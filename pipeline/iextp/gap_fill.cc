#include "pipeline/iextp/gap_fill.h"

#include <glog/logging.h>

#include "pipeline/base/endian.h"
#include "pipeline/iextp/iextp.h"

namespace feedfarm::iextp {
namespace {

std::optional<RangeType> KnownType(uint8_t type) {
  if (type == gapfill::kStreamRange) return RangeType::kStreamOffset;
  if (type == gapfill::kSequenceRange) return RangeType::kSequence;
  return std::nullopt;
}

}  // namespace

bool GapFillRequest::AddRange(const Range& range) {
  if (range_count == kRangesMax || range.first > range.last) return false;
  if (type == RangeType::kSequence && range.first == 0) return false;
  if (range_count > 0 && range.first <= ranges[range_count - 1].last) return false;
  ranges[range_count++] = range;
  return true;
}

size_t GapFillRequest::Encode(std::span<uint8_t> out) const {
  const size_t bytes = gapfill::kHeaderBytes + range_count * gapfill::kRangeBytes;
  CHECK_GE(out.size(), bytes);
  uint8_t* at = out.data();
  at[gapfill::kVersion] = kVersion;
  at[gapfill::kRequestType] = static_cast<uint8_t>(type);
  StoreLittle<uint16_t>(at + gapfill::kProtocol, kProtocolDeep10);
  StoreLittle<uint32_t>(at + gapfill::kChannel, static_cast<uint32_t>(session.high));
  StoreLittle<uint32_t>(at + gapfill::kSession, static_cast<uint32_t>(session.low));
  StoreLittle<uint32_t>(at + gapfill::kRangeCount, range_count);
  at += gapfill::kHeaderBytes;
  for (uint32_t i = 0; i < range_count; ++i, at += gapfill::kRangeBytes) {
    StoreLittle<uint64_t>(at + gapfill::kRangeFirst, ranges[i].first);
    StoreLittle<uint64_t>(at + gapfill::kRangeLast, ranges[i].last);
  }
  return bytes;
}

std::optional<GapFillRequest> GapFillRequest::Parse(std::span<const uint8_t> packet) {
  if (packet.size() < gapfill::kHeaderBytes || packet[gapfill::kVersion] != kVersion) return std::nullopt;
  const uint8_t* at = packet.data();
  if (LoadLittle<uint16_t>(at + gapfill::kProtocol) != kProtocolDeep10) return std::nullopt;
  const std::optional<RangeType> type = KnownType(at[gapfill::kRequestType]);
  if (!type) return std::nullopt;
  const uint32_t count = LoadLittle<uint32_t>(at + gapfill::kRangeCount);
  if (count > kRangesMax || packet.size() != gapfill::kHeaderBytes + count * gapfill::kRangeBytes) return std::nullopt;
  GapFillRequest request(
      MakeSession(LoadLittle<uint32_t>(at + gapfill::kChannel), LoadLittle<uint32_t>(at + gapfill::kSession)), *type);
  at += gapfill::kHeaderBytes;
  for (uint32_t i = 0; i < count; ++i, at += gapfill::kRangeBytes) {
    const Range range{LoadLittle<uint64_t>(at + gapfill::kRangeFirst), LoadLittle<uint64_t>(at + gapfill::kRangeLast)};
    if (!request.AddRange(range)) return std::nullopt;
  }
  return request;
}

size_t Rerequest::Encode(std::span<uint8_t> out) const {
  CHECK_GT(count, 0u) << "a request for nothing";
  GapFillRequest request(session);
  CHECK(request.AddRange({first_sequence, first_sequence + count - 1}));
  return request.Encode(out);
}

std::optional<Rerequest> Rerequest::Parse(std::span<const uint8_t> packet) {
  const std::optional<GapFillRequest> request = GapFillRequest::Parse(packet);
  if (!request || request->is_test() || request->type != RangeType::kSequence) return std::nullopt;
  const Range& range = request->ranges[0];
  return Rerequest(request->session, range.first, range.last - range.first + 1);
}

}  // namespace feedfarm::iextp
