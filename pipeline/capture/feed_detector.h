#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/capture/capture_record.h"
#include "pipeline/feed/framing.h"

namespace feedfarm {

enum class FeedProtocol { kMoldUdp64Itch50, kIexTpDeep10 };

// "moldudp64-itch50", "iextp-deep10": the names that scenarios and flags use.
std::string_view FeedProtocolName(FeedProtocol protocol);

// "224.2.3.10:16648".
std::string EndpointText(uint32_t address, uint16_t port);

// What a capture carries. `group` and `port` are 0 for a day file, whose messages have none.
struct DetectedFeed {
  FeedProtocol protocol = FeedProtocol::kMoldUdp64Itch50;
  uint32_t group = 0;  // IPv4, host byte order
  uint16_t port = 0;
  uint64_t feed_records = 0;   // of the records seen, those that are packets of this feed
  uint64_t other_records = 0;  // the others: other groups and ports
};

// Tells from a capture's first records which protocol it carries and on which group and port: the endpoint with the
// most packets that can be nothing else (MoldUDP64: blocks fill the datagram exactly, each one a type of ITCH 5.0 with
// that type's length; IEX-TP: version, protocol and lengths agree, each message a type of DEEP 1.0 or longer than it).
// Owned by one thread.
class FeedDetector {
 public:
  // Enough to get past other traffic, few enough to be done at once.
  static constexpr size_t kRecordsMax = 10'000;

  FeedDetector();

  void Add(const CaptureRecord& record);

  // INVALID_ARGUMENT: none of the records is market data; the message says what was seen.
  absl::StatusOr<DetectedFeed> Decide() const;

 private:
  struct Seen {
    uint64_t records = 0;
    uint64_t mold = 0;
    uint64_t iex = 0;
    std::array<uint8_t, 8> first_bytes{};
    size_t first_size = 0;  // of the first payload
  };

  bool IsMoldItch(std::span<const uint8_t> payload);
  bool IsIexDeep(std::span<const uint8_t> payload);
  std::string Describe() const;

  std::map<std::pair<uint32_t, uint16_t>, Seen> endpoints_;
  uint64_t records_ = 0;
  std::vector<BlockIndex> blocks_;  // one; on the heap because of its size
};

// Reads up to FeedDetector::kRecordsMax records of `reader` (open the file again to replay it) and decides. A day file
// is decided by its format. Adds to the detector's error how many records were not UDP over IPv4 at all.
absl::StatusOr<DetectedFeed> DetectFeed(CaptureReader& reader);

}  // namespace feedfarm
