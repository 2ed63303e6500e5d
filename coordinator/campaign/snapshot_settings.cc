#include "coordinator/campaign/snapshot_settings.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "coordinator/campaign/duration_estimate.h"
#include "coordinator/campaign/units.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMessagesMax = 10'000'000'000;
constexpr uint32_t kGlimpsePort = 26'491;
constexpr uint32_t kSnapshotTries = 8;

constexpr Choice kSnapshotMethods[] = {{"none", v1::SNAPSHOT_METHOD_NONE}, {"glimpse", v1::SNAPSHOT_METHOD_GLIMPSE}};

}  // namespace

void ReadGlimpse(const YamlNode* node, v1::Glimpse* out, Diagnostics& diagnostics) {
  if (node == nullptr) return;
  MapReader reader(*node, "glimpse", diagnostics);
  uint32_t port = kGlimpsePort;
  uint32_t lag_logins = 0;
  uint32_t cut_logins = 0;
  uint64_t lag_messages = 0;
  uint64_t cut_after_bytes = 0;
  uint64_t delay_ns = 0;
  bool reject_login = false;
  reader.Count32("port", 0, 65'535, &port);
  reader.Bool("reject_login", &reject_login);
  reader.Count("lag_messages", 0, kMessagesMax, &lag_messages);
  reader.Count32("lag_logins", 0, 1'000, &lag_logins);
  reader.Count("cut_after_bytes", 0, kMessagesMax, &cut_after_bytes);
  reader.Count32("cut_logins", 0, 1'000, &cut_logins);
  reader.Duration("delay", 0, 10 * kSecond, &delay_ns);
  reader.Finish();
  out->set_port(port);
  out->set_reject_login(reject_login);
  out->set_lag_messages(lag_messages);
  out->set_lag_logins(lag_logins);
  out->set_cut_after_bytes(cut_after_bytes);
  out->set_cut_logins(cut_logins);
  out->set_delay_ns(delay_ns);
}

void ReadSnapshot(MapReader* reader, v1::HandlerConfig* out) {
  int snapshot = v1::SNAPSHOT_METHOD_NONE;
  uint32_t tries = kSnapshotTries;
  uint64_t start_after_ns = 0;
  if (reader != nullptr) {
    reader->OneOf("snapshot", kSnapshotMethods, &snapshot);
    reader->Count32("snapshot_tries", 1, 100, &tries);
    reader->Duration("start_after", 0, 3600 * kSecond, &start_after_ns);
  }
  out->set_snapshot(static_cast<v1::SnapshotMethod>(snapshot));
  out->set_snapshot_tries(tries);
  out->set_start_after_ns(start_after_ns);
}

void CheckSnapshot(const v1::Scenario& scenario, Position position, Diagnostics& diagnostics) {
  const v1::Traffic& traffic = scenario.traffic();
  const v1::HandlerConfig& handler = scenario.handler();
  const bool glimpse = handler.snapshot() == v1::SNAPSHOT_METHOD_GLIMPSE;
  if (glimpse && traffic.glimpse().port() == 0) {
    diagnostics.Add(position, "snapshot: glimpse needs the source's server: give traffic a glimpse: {}");
  }
  if ((glimpse || traffic.glimpse().port() != 0) && traffic.protocol() == v1::FEED_PROTOCOL_IEXTP_DEEP10) {
    diagnostics.Add(position, "GLIMPSE has snapshots of ITCH feeds: it needs protocol: moldudp64-itch50");
  }
  if (handler.start_after_ns() == 0) return;
  if (!glimpse) {
    diagnostics.Add(position, "start_after needs snapshot: glimpse: a late handler has no other way to the state");
  }
  const std::optional<uint64_t> traffic_ns = EstimateTrafficNs(scenario);
  if (traffic_ns.has_value() && handler.start_after_ns() >= *traffic_ns) {
    diagnostics.Add(position, absl::StrCat("start_after ", FormatDurationNs(handler.start_after_ns()),
                                           " is never: the traffic ends after about ", FormatDurationNs(*traffic_ns)));
  }
}

}  // namespace feedfarm
