#include "coordinator/gate/exit_code.h"

namespace feedfarm {

ExitCode ExitCodeOf(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_PASSED:
      return kExitPassed;
    case v1::VERDICT_FAILED:
      return kExitFailed;
    case v1::VERDICT_BREACHED:
      return kExitBreached;
    case v1::VERDICT_INFRASTRUCTURE_ERROR:
      return kExitInfrastructure;
    case v1::VERDICT_INCONCLUSIVE:
    case v1::VERDICT_NOT_RUN:
      return kExitInconclusive;
    case v1::VERDICT_CANCELLED:
      return kExitInterrupted;
    case v1::VERDICT_SKIPPED:
      return kExitSkipped;
    default:  // unspecified, or a newer coordinator's
      return kExitInternal;
  }
}

const char* VerdictName(v1::Verdict verdict) {
  switch (verdict) {
    case v1::VERDICT_PASSED:
      return "passed";
    case v1::VERDICT_FAILED:
      return "failed";
    case v1::VERDICT_BREACHED:
      return "breached";
    case v1::VERDICT_INFRASTRUCTURE_ERROR:
      return "infrastructure error";
    case v1::VERDICT_INCONCLUSIVE:
      return "inconclusive";
    case v1::VERDICT_CANCELLED:
      return "cancelled";
    case v1::VERDICT_NOT_RUN:
      return "not run";
    case v1::VERDICT_SKIPPED:
      return "skipped";
    default:  // unspecified, or a newer coordinator's
      return "unknown";
  }
}

}  // namespace feedfarm
