#include "pipeline/control/exit_code.h"

namespace feedfarm {

ChildExit ExitOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ChildExit::kDone;
    case absl::StatusCode::kInvalidArgument:
      return ChildExit::kBadFlags;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
      return ChildExit::kHostRefused;
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
      return ChildExit::kOwnFault;
    // absl asks for one.
    default:
      return ChildExit::kOwnFault;
  }
}

}  // namespace feedfarm
