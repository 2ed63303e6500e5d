#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "pipeline/source/live_source.h"
#include "pipeline/source/receive_options.h"

namespace feedfarm {

// The source of `options.method`: AfXdpSource, RecvmmsgSource or PacketMmapSource. Errors are those of its Create; what
// is required and was not granted is FailedPrecondition, with the kernel's reason.
absl::StatusOr<std::unique_ptr<LiveSource>> MakeLiveSource(const ReceiveOptions& options);

}  // namespace feedfarm
