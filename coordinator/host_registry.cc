#include "coordinator/host_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/util/message_differencer.h"

namespace feedfarm {
namespace {

constexpr size_t kNameMax = 63;
// An agent may miss this many heartbeats before it counts as silent.
constexpr uint64_t kHeartbeatsMissed = 3;

std::string Ago(uint64_t then_unix_ns, uint64_t now_unix_ns) {
  if (then_unix_ns == 0) return "never";
  return absl::StrFormat("%.1fs ago", now_unix_ns > then_unix_ns ? static_cast<double>(now_unix_ns - then_unix_ns) / 1e9 : 0.0);
}

}  // namespace

bool IsHostName(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) return false;
  return name[0] != '-' && name[0] != '.' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.';
         });
}

void HostRegistry::Restore(const record::HostRecord& record) {
  Host& host = hosts_[record.name()];
  host.record = record;
  host.stored_seen_unix_ns = record.last_seen_unix_ns();
}

bool HostRegistry::Alive(const Host& host, uint64_t now_ns) const {
  return host.channel != nullptr && now_ns - host.heard_ns <= kHeartbeatsMissed * heartbeat_ns_;
}

absl::StatusOr<Host*> HostRegistry::Hear(AgentChannel* channel, const v1::AgentState& state, Moment now, bool* changed) {
  if (!IsHostName(state.host())) {
    return absl::InvalidArgumentError(absl::StrCat("host name '", state.host().substr(0, kNameMax),
                                                   "': only a-z, 0-9, '-' and '.', at most 63, are a name"));
  }
  if (state.instance_id().empty()) return absl::InvalidArgumentError("an agent needs an instance_id");
  const auto bound = channels_.find(channel);
  if (bound != channels_.end() && bound->second != state.host()) {
    return absl::InvalidArgumentError(absl::StrCat("this connection is host ", bound->second));
  }
  Host& host = hosts_[state.host()];
  const bool same_agent = host.record.instance_id() == state.instance_id();
  if (bound == channels_.end()) {
    if (!same_agent && Alive(host, now.monotonic_ns)) {
      return absl::AlreadyExistsError(absl::StrCat("host ", state.host(), " has a live agent (instance ",
                                                   host.record.instance_id(), ", heard ",
                                                   Ago(host.record.last_seen_unix_ns(), now.unix_ns), ")"));
    }
    if (host.channel != nullptr) {
      host.channel->Close(absl::AbortedError(absl::StrCat("host ", state.host(), " has connected anew")));
    }
    channels_[channel] = state.host();
    host.channel = channel;
  } else if (host.channel != channel) {
    return absl::AbortedError(absl::StrCat("host ", state.host(), " has connected anew"));
  }
  record::HostRecord record = host.record;
  record.set_name(state.host());
  record.set_instance_id(state.instance_id());
  record.set_version(state.version());
  *record.mutable_facts() = state.facts();
  *record.mutable_unfit_reasons() = state.unfit_reasons();
  // An agent that was started anew has put the host back from its journal, and says itself what it could not.
  if (!record.quarantine().empty() && record.quarantine_instance_id() != state.instance_id()) record.clear_quarantine();
  *changed = !google::protobuf::util::MessageDifferencer::Equals(record, host.record);
  record.set_last_seen_unix_ns(now.unix_ns);
  host.record = std::move(record);
  host.heard_ns = now.monotonic_ns;
  host.listed_runs.clear();
  for (const v1::ObservedRun& run : state.runs()) host.listed_runs.insert(run.run_id());
  return &host;
}

void HostRegistry::Disconnect(AgentChannel* channel) {
  const auto bound = channels_.find(channel);
  if (bound == channels_.end()) return;
  if (Host* host = Find(bound->second); host != nullptr && host->channel == channel) host->channel = nullptr;
  channels_.erase(bound);
}

Host* HostRegistry::Find(std::string_view name) {
  const auto at = hosts_.find(name);
  return at != hosts_.end() ? &at->second : nullptr;
}

v1::HostHealth HostRegistry::HealthOf(const Host& host, const LeaseTable& leases, uint64_t now_ns) const {
  const bool heard = host.heard_ns != 0;
  const uint64_t silence_ns = now_ns - host.heard_ns;
  if (!host.record.quarantine().empty()) return v1::HOST_HEALTH_QUARANTINED;
  if (heard && silence_ns <= kHeartbeatsMissed * heartbeat_ns_) {
    return host.record.unfit_reasons().empty() ? v1::HOST_HEALTH_FIT : v1::HOST_HEALTH_UNFIT;
  }
  const uint64_t lost_after_ns = leases.options().length_ns + leases.options().margin_ns;
  const bool leased = leases.Find(host.record.name()) != nullptr;
  return leased || (heard && silence_ns <= lost_after_ns) ? v1::HOST_HEALTH_SUSPECT : v1::HOST_HEALTH_LOST;
}

std::vector<std::string> HostRegistry::Reasons(const Host& host, v1::HostHealth health, Moment now) const {
  const std::string seen = absl::StrCat("last heard ", Ago(host.record.last_seen_unix_ns(), now.unix_ns));
  std::vector<std::string> reasons;
  switch (health) {
    case v1::HOST_HEALTH_QUARANTINED:
      for (const std::string& reason : host.record.quarantine()) reasons.push_back(absl::StrCat("quarantined: ", reason));
      break;
    case v1::HOST_HEALTH_UNFIT:
      for (const std::string& reason : host.record.unfit_reasons()) reasons.push_back(absl::StrCat("unfit: ", reason));
      break;
    case v1::HOST_HEALTH_SUSPECT:
      reasons.push_back(absl::StrCat("silent: ", seen));
      break;
    case v1::HOST_HEALTH_LOST:
      reasons.push_back(absl::StrCat("lost: ", seen));
      break;
    default:
      break;
  }
  return reasons;
}

v1::HostStatus HostRegistry::StatusOf(const Host& host, const LeaseTable& leases, Moment now) const {
  v1::HostStatus status;
  status.set_name(host.record.name());
  status.set_health(HealthOf(host, leases, now.monotonic_ns));
  for (std::string& reason : Reasons(host, status.health(), now)) status.add_reasons(std::move(reason));
  *status.mutable_facts() = host.record.facts();
  status.set_last_seen_unix_ns(host.record.last_seen_unix_ns());
  status.set_agent_version(host.record.version());
  status.set_agent_instance(host.record.instance_id());
  status.set_epoch(leases.EpochOf(host.record.name()));
  if (const Lease* lease = leases.Find(host.record.name()); lease != nullptr) {
    status.set_run_id(lease->run_id);
    status.set_lease_expires_unix_ns(now.unix_ns + leases.RemainingNs(host.record.name(), now.monotonic_ns));
  }
  return status;
}

std::vector<PlacementHost> HostRegistry::ForPlacement(const LeaseTable& leases, Moment now) const {
  std::vector<PlacementHost> all;
  for (const auto& [name, host] : hosts_) {
    if (host.record.name().empty()) continue;
    PlacementHost& place = all.emplace_back();
    place.name = name;
    place.facts = host.record.facts();
    place.blocked_by = Reasons(host, HealthOf(host, leases, now.monotonic_ns), now);
    if (const Lease* lease = leases.Find(name); lease != nullptr) {
      place.blocked_by.push_back(absl::StrCat("busy with ", lease->run_id));
    } else if (!host.listed_runs.empty()) {
      place.blocked_by.push_back(absl::StrCat("still undoing ", *host.listed_runs.begin()));
    }
  }
  return all;
}

}  // namespace feedfarm
