#include "pipeline/capture/feed_detector.h"

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/deep/message_length.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/itch/message_length.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

// Endpoints named in a message, at most: the busiest.
constexpr size_t kDescribedMax = 3;

}  // namespace

std::string_view FeedProtocolName(FeedProtocol protocol) {
  switch (protocol) {
    case FeedProtocol::kMoldUdp64Itch50:
      return "moldudp64-itch50";
    case FeedProtocol::kIexTpDeep10:
      return "iextp-deep10";
  }
  return "unknown";
}

std::string EndpointText(uint32_t address, uint16_t port) {
  return absl::StrFormat("%u.%u.%u.%u:%u", address >> 24, (address >> 16) & 0xFF, (address >> 8) & 0xFF, address & 0xFF,
                         port);
}

FeedDetector::FeedDetector() : blocks_(1) {}

// Heartbeats are no evidence: any 20 bytes that end in two zeros look like one.
bool FeedDetector::IsMoldItch(std::span<const uint8_t> payload) {
  BlockIndex& blocks = blocks_.front();
  const PacketHeader header = moldudp64::MoldUdp64::ParseHeader(payload);
  if (header.kind != PacketKind::kData || !moldudp64::MoldUdp64::IndexBlocks(payload, header, blocks)) return false;
  const BlockRef& last = blocks[header.count - 1];
  if (size_t{last.offset} + last.length != payload.size()) return false;
  return std::all_of(blocks.begin(), blocks.begin() + header.count, [payload](const BlockRef& block) {
    return block.length > 0 && itch::MessageLength(payload[block.offset]) == block.length;
  });
}

bool FeedDetector::IsIexDeep(std::span<const uint8_t> payload) {
  BlockIndex& blocks = blocks_.front();
  const PacketHeader header = iextp::IexTp::ParseHeader(payload);
  if (header.kind == PacketKind::kHeartbeat) return true;
  if (header.kind != PacketKind::kData || !iextp::IexTp::IndexBlocks(payload, header, blocks)) return false;
  return std::all_of(blocks.begin(), blocks.begin() + header.count, [payload](const BlockRef& block) {
    if (block.length == 0) return false;
    const size_t least = deep::MessageLength(payload[block.offset]);
    return least != 0 && block.length >= least;
  });
}

void FeedDetector::Add(const CaptureRecord& record) {
  ++records_;
  Seen& seen = endpoints_[{record.dst_address, record.dst_port}];
  if (seen.records++ == 0) {
    seen.first_size = record.payload.size();
    std::copy_n(record.payload.begin(), std::min(seen.first_size, seen.first_bytes.size()), seen.first_bytes.begin());
  }
  if (record.truncated) return;
  if (IsMoldItch(record.payload)) {
    ++seen.mold;
  } else if (IsIexDeep(record.payload)) {
    ++seen.iex;
  }
}

absl::StatusOr<DetectedFeed> FeedDetector::Decide() const {
  DetectedFeed feed;
  for (const auto& [endpoint, seen] : endpoints_) {
    const uint64_t evidence = std::max(seen.mold, seen.iex);
    if (evidence <= feed.feed_records) continue;
    feed.feed_records = evidence;
    feed.protocol = seen.mold >= seen.iex ? FeedProtocol::kMoldUdp64Itch50 : FeedProtocol::kIexTpDeep10;
    std::tie(feed.group, feed.port) = endpoint;
    feed.other_records = records_ - seen.records;
  }
  if (feed.feed_records == 0) return absl::InvalidArgumentError(Describe());
  return feed;
}

std::string FeedDetector::Describe() const {
  std::vector<std::pair<std::pair<uint32_t, uint16_t>, Seen>> busiest(endpoints_.begin(), endpoints_.end());
  std::stable_sort(busiest.begin(), busiest.end(),
                   [](const auto& a, const auto& b) { return a.second.records > b.second.records; });
  std::string text = absl::StrCat("no market data (moldudp64-itch50 or iextp-deep10) in ", records_, " datagrams");
  for (size_t i = 0; i < std::min(busiest.size(), kDescribedMax); ++i) {
    const auto& [endpoint, seen] = busiest[i];
    const size_t shown = std::min(seen.first_size, seen.first_bytes.size());
    absl::StrAppend(&text, i == 0 ? ": " : "; ", EndpointText(endpoint.first, endpoint.second), " x ", seen.records,
                    " (first ", seen.first_size, " bytes: ", HexBytes({seen.first_bytes.data(), shown}), ")");
  }
  if (busiest.size() > kDescribedMax) {
    absl::StrAppend(&text, "; and ", busiest.size() - kDescribedMax, " more endpoints");
  }
  return text;
}

absl::StatusOr<DetectedFeed> DetectFeed(CaptureReader& reader) {
  if (reader.format() == CaptureFormat::kItchDayFile) return DetectedFeed{};
  FeedDetector detector;
  for (size_t i = 0; i < FeedDetector::kRecordsMax; ++i) {
    FEEDFARM_ASSIGN_OR_RETURN(const std::optional<CaptureRecord> record, reader.Next());
    if (!record) break;
    detector.Add(*record);
  }
  absl::StatusOr<DetectedFeed> feed = detector.Decide();
  if (feed.ok()) return feed;
  return absl::InvalidArgumentError(absl::StrCat(std::string(CaptureFormatName(reader.format())), ": ",
                                                 feed.status().message(), "; ", reader.counters().foreign_records,
                                                 " records are not UDP over IPv4"));
}

}  // namespace feedfarm
