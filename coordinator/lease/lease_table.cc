#include "coordinator/lease/lease_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace feedfarm {

LeaseTable::Row& LeaseTable::At(std::string_view host) {
  const auto at = rows_.find(host);
  return at != rows_.end() ? at->second : rows_[std::string(host)];
}

const LeaseTable::Row* LeaseTable::Look(std::string_view host) const {
  const auto at = rows_.find(host);
  return at != rows_.end() ? &at->second : nullptr;
}

void LeaseTable::Restore(std::string_view host, LeaseEpoch epoch, std::string_view run_id, uint64_t now_ns) {
  Row& row = At(host);
  row.epoch = std::max(row.epoch, epoch);
  if (run_id.empty()) return;
  row.held = true;
  row.lease = {std::string(run_id), epoch, now_ns + options_.length_ns};
}

absl::StatusOr<LeaseEpoch> LeaseTable::Grant(const std::vector<std::string>& hosts, std::string_view run_id,
                                             uint64_t now_ns) {
  LeaseEpoch epoch = 0;
  for (const std::string& host : hosts) {
    if (StateOf(host) != HostLeaseState::kFree) {
      return absl::FailedPreconditionError(absl::StrCat("host ", host, " is not free"));
    }
    epoch = std::max(epoch, EpochOf(host));
  }
  ++epoch;
  for (const std::string& host : hosts) {
    Row& row = At(host);
    row.epoch = epoch;
    row.held = true;
    row.lease = {std::string(run_id), epoch, now_ns + options_.length_ns};
  }
  return epoch;
}

bool LeaseTable::Renew(std::string_view host, uint64_t now_ns) {
  Row& row = At(host);
  if (row.held) row.lease.told_until_ns = std::max(row.lease.told_until_ns, now_ns + options_.length_ns);
  return row.held;
}

void LeaseTable::ObserveEpoch(std::string_view host, LeaseEpoch epoch) {
  Row& row = At(host);
  row.epoch = std::max(row.epoch, epoch);
}

bool LeaseTable::Release(std::string_view host, LeaseEpoch epoch) {
  Row& row = At(host);
  if (!row.held || row.lease.epoch != epoch) return false;
  row.held = false;
  row.lease = {};
  return true;
}

std::vector<std::pair<std::string, Lease>> LeaseTable::Expire(uint64_t now_ns) {
  std::vector<std::pair<std::string, Lease>> expired;
  for (auto& [host, row] : rows_) {
    if (!row.held || now_ns <= row.lease.told_until_ns + options_.margin_ns) continue;
    expired.emplace_back(host, std::exchange(row.lease, {}));
    row.held = false;
  }
  return expired;
}

void LeaseTable::Quarantine(std::string_view host) { At(host).quarantined = true; }

void LeaseTable::EndQuarantine(std::string_view host) { At(host).quarantined = false; }

HostLeaseState LeaseTable::StateOf(std::string_view host) const {
  const Row* row = Look(host);
  if (row == nullptr) return HostLeaseState::kFree;
  if (row->held) return row->quarantined ? HostLeaseState::kHeldQuarantined : HostLeaseState::kHeld;
  return row->quarantined ? HostLeaseState::kQuarantined : HostLeaseState::kFree;
}

const Lease* LeaseTable::Find(std::string_view host) const {
  const Row* row = Look(host);
  return row != nullptr && row->held ? &row->lease : nullptr;
}

LeaseEpoch LeaseTable::EpochOf(std::string_view host) const {
  const Row* row = Look(host);
  return row != nullptr ? row->epoch : 0;
}

uint64_t LeaseTable::RemainingNs(std::string_view host, uint64_t now_ns) const {
  const Lease* lease = Find(host);
  return lease != nullptr && lease->told_until_ns > now_ns ? lease->told_until_ns - now_ns : 0;
}

}  // namespace feedfarm
