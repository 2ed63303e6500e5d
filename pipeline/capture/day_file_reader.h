#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/capture_reader.h"

namespace feedfarm {

// ITCH day file (Nasdaq BinaryFILE 1.00): u16 big-endian length and message, again and again; length 0 ends the
// session, what follows it is not read. A message of a type that ITCH 5.0 has not is handed out as it is.
class DayFileReader final : public CaptureReader {
 public:
  // Enough of the file's first bytes for Matches.
  static constexpr size_t kMatchBytes = 1024;

  // True where `first_bytes` begin with at least one whole message of ITCH 5.0 and hold nothing else.
  static bool Matches(std::span<const uint8_t> first_bytes);

  explicit DayFileReader(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  // DATA_LOSS: a known type with another length than its own.
  absl::StatusOr<std::optional<CaptureRecord>> Next() override;
  CaptureFormat format() const override { return CaptureFormat::kItchDayFile; }
  const CaptureCounters& counters() const override { return counters_; }

 private:
  std::optional<CaptureRecord> EndOfFile(bool inside_record);

  std::unique_ptr<ByteStream> stream_;
  CaptureCounters counters_;
  bool ended_ = false;
};

}  // namespace feedfarm
