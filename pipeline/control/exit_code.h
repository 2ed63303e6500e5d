#pragma once

#include "absl/status/status.h"

namespace feedfarm {

// How a child of the agent (feedfarm-handler, feedfarm-profile) ends: whom it accuses.
enum class ChildExit : int {
  kDone = 0,
  kOwnFault = 1,     // the child's own, as a journal that it wrote and cannot read
  kBadFlags = 2,     // whoever started it
  kHostRefused = 11  // the host did not give what is needed
};

// Of a status that ended the program. Its kernel calls say why by errno (absl::ErrnoToStatusCode): those codes are the
// host's. UNKNOWN is the errno without a code of its own, EIO among them. Codes that no kernel call explains are the
// child's own.
ChildExit ExitOf(const absl::Status& status);

}  // namespace feedfarm
