#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/capture_reader.h"

namespace feedfarm {

// CaptureReader::Open over a stream that is open already.
absl::StatusOr<std::unique_ptr<CaptureReader>> OpenCapture(std::unique_ptr<ByteStream> stream);

}  // namespace feedfarm
