#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/lease/lease_table.h"
#include "coordinator/scheduler/placement.h"
#include "coordinator/scheduler/run_lifecycle.h"
#include "coordinator/store/record.pb.h"
#include "proto/agent_service.pb.h"
#include "proto/farm_service.pb.h"

namespace feedfarm {

// Where the coordinator puts what one agent should do; one connection. Must never block: the latest replaces what is not sent yet.
class AgentChannel {
 public:
  virtual ~AgentChannel() = default;
  virtual void Send(const v1::DesiredState& desired) = 0;
  // Nothing more comes; the agent is told why.
  virtual void Close(const absl::Status& why) = 0;
};

// One registered host. Times are CLOCK_MONOTONIC.
struct Host {
  record::HostRecord record;
  // Null: no connection. Borrowed.
  AgentChannel* channel = nullptr;
  // 0 = not since this coordinator started.
  uint64_t heard_ns = 0;
  // Runs that its agent still lists.
  std::set<std::string> listed_runs;
  uint64_t stored_seen_unix_ns = 0;
};

// Every host that ever came, and which agent speaks for it. Pure. Not thread-safe.
//
// One agent a name: a second one is refused while the first is connected and was heard within three heartbeats; a silent or
// disconnected one is replaced. Messages over a connection that was replaced are refused.
class HostRegistry {
 public:
  explicit HostRegistry(uint64_t heartbeat_ns) : heartbeat_ns_(heartbeat_ns) {}

  void Restore(const record::HostRecord& record);

  // What an agent said. The record is worth storing anew when `*changed` is set. INVALID_ARGUMENT: no host name or no instance.
  // ALREADY_EXISTS: another agent has the name. ABORTED: the connection was replaced by a newer one.
  absl::StatusOr<Host*> Hear(AgentChannel* channel, const v1::AgentState& state, Moment now, bool* changed);
  // The connection is gone.
  void Disconnect(AgentChannel* channel);

  Host* Find(std::string_view name);
  std::map<std::string, Host, std::less<>>& hosts() { return hosts_; }

  v1::HostHealth HealthOf(const Host& host, const LeaseTable& leases, uint64_t now_ns) const;
  v1::HostStatus StatusOf(const Host& host, const LeaseTable& leases, Moment now) const;
  // For the scheduler, by name.
  std::vector<PlacementHost> ForPlacement(const LeaseTable& leases, Moment now) const;

 private:
  bool Alive(const Host& host, uint64_t now_ns) const;
  std::vector<std::string> Reasons(const Host& host, v1::HostHealth health, Moment now) const;

  const uint64_t heartbeat_ns_;
  std::map<std::string, Host, std::less<>> hosts_;
  std::map<AgentChannel*, std::string> channels_;
};

// Host names: [a-z0-9][a-z0-9.-]*, at most 63 characters.
bool IsHostName(std::string_view name);

}  // namespace feedfarm
