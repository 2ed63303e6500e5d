#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/store/database.h"

namespace feedfarm {

// The coordinator's durable state: one database, migrated at Open. What is in the tables is read and written with the functions
// of campaigns.h, runs.h, results.h, hosts.h, leases.h, telemetry.h and artifacts.h inside Write or Read. Thread-safe.
class Store {
 public:
  // Errors as Database::Open and Migrate; DATA_LOSS also where SQLite's own quick check finds damage.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path);

  // Runs `change` in one transaction. OK: all of it is durable. Otherwise none of it happened.
  // Cost: one fsync.
  absl::Status Write(absl::FunctionRef<absl::Status(Database&)> change) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Read(absl::FunctionRef<absl::Status(Database&)> look) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  explicit Store(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  absl::Mutex mutex_;
  const std::unique_ptr<Database> database_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace feedfarm
