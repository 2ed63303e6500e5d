#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/capture/datagram.h"

namespace feedfarm {

// What the readers of captured frames (pcap, pcapng) have in common: counting, and finding the datagram in a frame.
class PacketCaptureReader : public CaptureReader {
 public:
  const CaptureCounters& counters() const override { return counters_; }

 protected:
  // A frame's place in the capture file; `there` may be less than `captured_bytes` where the file ends inside it.
  struct Frame {
    uint16_t link_type = 0;
    uint64_t time_ns = 0;
    std::span<const uint8_t> there{};
    size_t captured_bytes = 0;
    size_t wire_bytes = 0;
  };

  explicit PacketCaptureReader(std::unique_ptr<ByteStream> stream) : stream_(std::move(stream)) {}

  // Counts the frame; the record where it is a datagram.
  std::optional<CaptureRecord> Take(const Frame& frame);

  // The file ends inside a record whose frame did not even begin.
  void EndInsideRecord();

  // The file ended between two records.
  void EndBetweenRecords() { counters_.cut_short |= stream_->cut_short(); }

  std::unique_ptr<ByteStream> stream_;
  CaptureCounters counters_;
};

}  // namespace feedfarm
