#include "coordinator/telemetry_inbox.h"

#include <glog/logging.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/store/telemetry.h"
#include "pipeline/base/status_macros.h"
#include "proto/role_name.h"

namespace feedfarm {

void TelemetryInbox::Sequence::Take(uint64_t sequence) {
  ahead.insert(sequence);
  while (!ahead.empty() && *ahead.begin() == through + 1) {
    ++through;
    ahead.erase(ahead.begin());
  }
}

uint64_t TelemetryInbox::Sequence::Holes(uint64_t last) const {
  if (!ahead.empty()) last = std::max(last, *ahead.rbegin());
  return last > through ? last - through - ahead.size() : 0;
}

void TelemetryInbox::Merge(const v1::TelemetryInterval& interval, Run* run) {
  run->sequences[interval.role()].Take(interval.sequence());
  for (const v1::Histogram& histogram : interval.histograms()) {
    const absl::Status status = run->latencies.Add(histogram);
    if (status.ok()) continue;
    LOG(ERROR) << interval.run_id() << ": interval " << interval.sequence() << ": " << status;
    ++run->unreadable;
    return;
  }
  ++run->merged;
}

absl::StatusOr<TelemetryInbox::Run*> TelemetryInbox::Find(const std::string& run_id) {
  const auto at = runs_.find(run_id);
  if (at != runs_.end()) return at->second.get();
  std::vector<v1::TelemetryInterval> stored;
  FEEDFARM_RETURN_IF_ERROR(store_->Read([&](Database& database) -> absl::Status {
    FEEDFARM_ASSIGN_OR_RETURN(stored, IntervalsOf(database, run_id));
    return absl::OkStatus();
  }));
  auto run = std::make_unique<Run>();
  for (const v1::TelemetryInterval& interval : stored) Merge(interval, run.get());
  return (runs_[run_id] = std::move(run)).get();
}

absl::StatusOr<uint64_t> TelemetryInbox::Add(const v1::TelemetryInterval& interval) {
  if (interval.sequence() == 0 || !IsRole(interval.role())) {
    return absl::InvalidArgumentError(absl::StrCat(interval.run_id(), ": an interval needs a role and a sequence from 1"));
  }
  absl::MutexLock lock(&mutex_);
  FEEDFARM_ASSIGN_OR_RETURN(Run* const run, Find(interval.run_id()));
  if (!run->sequences[interval.role()].Has(interval.sequence())) {
    FEEDFARM_RETURN_IF_ERROR(store_->Write([&](Database& database) { return AddInterval(database, interval); }));
    Merge(interval, run);
  }
  return run->sequences[interval.role()].through;
}

absl::StatusOr<uint64_t> TelemetryInbox::Through(const std::string& run_id, v1::Role role) {
  absl::MutexLock lock(&mutex_);
  FEEDFARM_ASSIGN_OR_RETURN(Run* const run, Find(run_id));
  return run->sequences[role].through;
}

absl::StatusOr<MergedTelemetry> TelemetryInbox::Take(const std::string& run_id,
                                                     const std::map<v1::Role, uint64_t>& last) {
  absl::MutexLock lock(&mutex_);
  FEEDFARM_ASSIGN_OR_RETURN(Run* const run, Find(run_id));
  MergedTelemetry telemetry;
  telemetry.intervals_merged = run->merged;
  telemetry.intervals_missing = run->unreadable;
  for (const auto& [role, sequence] : last) telemetry.intervals_missing += run->sequences[role].Holes(sequence);
  telemetry.latencies = std::move(run->latencies);
  runs_.erase(run_id);
  return telemetry;
}

void TelemetryInbox::Forget(const std::string& run_id) {
  absl::MutexLock lock(&mutex_);
  runs_.erase(run_id);
}

}  // namespace feedfarm
