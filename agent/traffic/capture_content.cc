#include "agent/traffic/capture_content.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/traffic/itch_packing.h"
#include "agent/traffic/recorded_stream.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/capture/feed_detector.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

v1::FeedProtocol ProtocolOf(FeedProtocol protocol) {
  return protocol == FeedProtocol::kIexTpDeep10 ? v1::FEED_PROTOCOL_IEXTP_DEEP10 : v1::FEED_PROTOCOL_MOLDUDP64_ITCH50;
}

absl::Status CheckProtocol(const v1::Traffic& traffic, FeedProtocol detected) {
  if (traffic.protocol() == v1::FEED_PROTOCOL_UNSPECIFIED || traffic.protocol() == ProtocolOf(detected)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("carries ", std::string(FeedProtocolName(detected)),
                                                 ", the scenario says ", v1::FeedProtocol_Name(traffic.protocol())));
}

bool TakesMore(const v1::CaptureFeed& capture, uint64_t taken) {
  return capture.limit() == 0 || taken < capture.limit();
}

absl::Status LoadPackets(const v1::Traffic& traffic, const DetectedFeed& feed, CaptureReader& reader,
                         uint64_t packets_max, StreamContent& content) {
  RecordedStream stream(packets_max, content);
  bool timed = false;
  for (uint64_t taken = 0; TakesMore(traffic.capture(), taken);) {
    FEEDFARM_ASSIGN_OR_RETURN(const std::optional<CaptureRecord> record, reader.Next());
    if (!record) break;
    if (record->dst_address != feed.group || record->dst_port != feed.port) {
      ++content.foreign_records;
      continue;
    }
    timed = timed || record->time_ns != 0;
    FEEDFARM_RETURN_IF_ERROR(stream.Add(record->payload, record->time_ns, !record->truncated));
    ++taken;
  }
  content.truncated_records = reader.counters().truncated_records;
  content.foreign_records += reader.counters().foreign_records;
  if (!timed && traffic.schedule_case() == v1::Traffic::kSpeed) {
    return absl::InvalidArgumentError("its packets have no times: give rate_pps instead of speed");
  }
  FEEDFARM_RETURN_IF_ERROR(stream.Finish());
  if (content.missing_messages == 0 || traffic.capture().known_holes()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(content.missing_messages, " sequence numbers are in none of its packets, so nobody can deliver them; ",
                   "capture.known_holes: true replays it all the same"));
}

absl::Status LoadDayFile(const v1::Traffic& traffic, CaptureReader& reader, uint64_t packets_max,
                         StreamContent& content) {
  MessageStore& store = *content.store;
  store.BeginGeneration(moldudp64::MakeSession("DAYFILE"), 1, 0);
  while (TakesMore(traffic.capture(), store.messages())) {
    FEEDFARM_ASSIGN_OR_RETURN(const std::optional<CaptureRecord> record, reader.Next());
    if (!record) break;
    if (record->truncated) continue;
    uint8_t* at = store.Claim(static_cast<uint16_t>(record->payload.size()));
    if (at == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("its messages do not fit ", store.bytes_max(),
                                                     " bytes; the first ", store.messages(),
                                                     " did: capture.limit takes fewer"));
    }
    std::copy(record->payload.begin(), record->payload.end(), at);
  }
  content.truncated_records = reader.counters().truncated_records;
  FEEDFARM_RETURN_IF_ERROR(store.Seal());
  if (store.messages() == 0) return absl::InvalidArgumentError("no whole message");
  return PackItch(traffic.capture().messages_per_packet(), PacketBytesMax(traffic), packets_max, content);
}

absl::StatusOr<StreamContent> Load(const v1::Traffic& traffic, uint64_t store_bytes_max, uint64_t packets_max) {
  const std::string& path = traffic.capture().path();
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<CaptureReader> probe, CaptureReader::Open(path));
  FEEDFARM_ASSIGN_OR_RETURN(const DetectedFeed feed, DetectFeed(*probe));
  FEEDFARM_RETURN_IF_ERROR(CheckProtocol(traffic, feed.protocol));
  StreamContent content;
  content.protocol = ProtocolOf(feed.protocol);
  FEEDFARM_ASSIGN_OR_RETURN(content.store, MessageStore::Create(content.protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10
                                                                    ? MessageStore::BlockOrder::kLittle
                                                                    : MessageStore::BlockOrder::kBig,
                                                                store_bytes_max));
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<CaptureReader> reader, CaptureReader::Open(path));
  if (reader->format() == CaptureFormat::kItchDayFile) {
    FEEDFARM_RETURN_IF_ERROR(LoadDayFile(traffic, *reader, packets_max, content));
  } else {
    FEEDFARM_RETURN_IF_ERROR(LoadPackets(traffic, feed, *reader, packets_max, content));
  }
  return content;
}

// The file's name is in every message; damage inside a file is the input's fault.
absl::Status Explained(const std::string& path, const absl::Status& status) {
  const bool damaged = status.code() == absl::StatusCode::kDataLoss;
  const std::string message(status.message());
  return absl::Status(damaged ? absl::StatusCode::kInvalidArgument : status.code(),
                      message.find(path) != std::string::npos ? message : absl::StrCat(path, ": ", message));
}

}  // namespace

absl::StatusOr<StreamContent> LoadCapture(const v1::Traffic& traffic, uint64_t store_bytes_max, uint64_t packets_max) {
  absl::StatusOr<StreamContent> content = Load(traffic, store_bytes_max, packets_max);
  if (!content.ok()) return Explained(traffic.capture().path(), content.status());
  return content;
}

}  // namespace feedfarm
