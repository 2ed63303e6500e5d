#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// Grows with every lease of a host; an agent refuses what carries a smaller one than it has seen.
using LeaseEpoch = uint64_t;

// A run's exclusive right to one host, all its ports and cores, for a time.
struct Lease {
  std::string run_id;
  LeaseEpoch epoch = 0;
  // CLOCK_MONOTONIC of the coordinator: until when the agent was told that it may act.
  uint64_t told_until_ns = 0;
};

enum class HostLeaseState : uint8_t {
  kFree,
  kHeld,
  // Free of a lease, but never given away: the host was not put back as it was.
  kQuarantined,
  // Held, and never given away afterwards.
  kHeldQuarantined,
};

// Who holds which host. Pure: no clock, no I/O. Not thread-safe.
//
// Invariants: at most one lease a host. A host's epoch never falls, not even over Restore. A lease ends by Release (its agent said that
// everything is undone) or by Expire, and Expire ends it only `margin_ns` after the time that the agent was last told: silence
// alone frees nothing. The caller makes a grant durable before it tells the agent.
class LeaseTable {
 public:
  struct Options {
    // How long an agent may act without hearing anything.
    uint64_t length_ns = 10'000'000'000;
    // For the way to the agent and for clocks that run apart: the agent counts from receipt.
    uint64_t margin_ns = 2'000'000'000;
  };

  explicit LeaseTable(Options options) : options_(options) {}

  // A row of the store. A held lease is taken as if it had just been renewed: the clock before the restart is not known.
  void Restore(std::string_view host, LeaseEpoch epoch, std::string_view run_id, uint64_t now_ns);

  // One epoch for all of `hosts`, above all that any of them has seen. FAILED_PRECONDITION: one is held or quarantined;
  // nothing was granted then.
  absl::StatusOr<LeaseEpoch> Grant(const std::vector<std::string>& hosts, std::string_view run_id, uint64_t now_ns);

  // The host was heard: its lease, if it holds one, counts from now. True if it does.
  bool Renew(std::string_view host, uint64_t now_ns);
  // An agent says that it has seen this epoch: later grants are above it.
  void ObserveEpoch(std::string_view host, LeaseEpoch epoch);

  // False: the host holds no lease of this epoch (any more).
  bool Release(std::string_view host, LeaseEpoch epoch);
  // Ends what ran out and returns it, by host.
  std::vector<std::pair<std::string, Lease>> Expire(uint64_t now_ns);

  void Quarantine(std::string_view host);
  void EndQuarantine(std::string_view host);

  HostLeaseState StateOf(std::string_view host) const;
  // Null: free.
  const Lease* Find(std::string_view host) const;
  // Largest epoch granted to or seen by the host.
  LeaseEpoch EpochOf(std::string_view host) const;
  // What the agent may be told now; 0: no lease.
  uint64_t RemainingNs(std::string_view host, uint64_t now_ns) const;
  const Options& options() const { return options_; }

 private:
  struct Row {
    LeaseEpoch epoch = 0;
    bool held = false;
    bool quarantined = false;
    Lease lease;
  };
  Row& At(std::string_view host);
  const Row* Look(std::string_view host) const;

  const Options options_;
  std::map<std::string, Row, std::less<>> rows_;
};

}  // namespace feedfarm
