#pragma once

#include "absl/status/status.h"

namespace feedfarm {

// How feedfarm-handler ends: whom it accuses.
enum class HandlerExit : int {
  kDone = 0,
  kOwnFault = 1,     // the handler's own, as a journal that it wrote and cannot read
  kBadFlags = 2,     // whoever started it
  kHostRefused = 11  // the host did not give what is needed
};

// Of a status that ended the program. Its kernel calls say why by errno (absl::ErrnoToStatusCode): those codes are the
// host's. UNKNOWN is the errno without a code of its own, EIO among them. Codes that no kernel call explains are the
// handler's own.
HandlerExit ExitOf(const absl::Status& status);

}  // namespace feedfarm
