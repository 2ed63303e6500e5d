#pragma once

#include "proto/result.pb.h"

namespace feedfarm {

// What a program of the farm exits with: the one table of the README, section "Exit codes".
enum ExitCode : int {
  kExitPassed = 0,
  kExitInternal = 1,
  kExitUsage = 2,            // usage, or an invalid file
  kExitSkipped = 4,          // no capable host
  kExitFailed = 10,          // a correctness gate broke, or the handler crashed
  kExitInfrastructure = 11,  // no verdict on the subject
  kExitReportFailed = 12,    // verdict reached and stored, but writing its report failed
  kExitInconclusive = 20,    // or no data, or not run
  kExitBreached = 99,        // a service-level gate
  kExitInterrupted = 130,    // cancelled by the user
};

ExitCode ExitCodeOf(v1::Verdict verdict);

// "passed", "failed", "breached", "infrastructure error", "inconclusive", "cancelled", "not run", "skipped"; "unknown"
// otherwise.
const char* VerdictName(v1::Verdict verdict);

}  // namespace feedfarm
