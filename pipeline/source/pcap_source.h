#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// Packets of a capture file (pcap, pcapng, gzip of either) as fast as they are taken: no pacing, no receive time. A
// packet that the capture cut short is given with what is there of it, which its framing calls malformed.
// Owned by one thread. Frames are allocated at Create; each Receive copies the payload once.
class PcapSource final : public PacketSource {
 public:
  // Where a line's packets went when they were captured.
  struct Endpoint {
    uint32_t group = 0;  // IPv4, host byte order
    uint16_t port = 0;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
  };

  struct Options {
    std::string path{};
    // Packets to these endpoints are the lines' packets, all others are passed over. Neither set: every packet is line
    // A's.
    std::optional<Endpoint> line_a{};
    std::optional<Endpoint> line_b{};
    size_t frames = 4 * kBatchMax;  // packets that may be out at once
  };

  // As CaptureReader::Open. INVALID_ARGUMENT also for an ITCH day file: it holds messages, not packets.
  static absl::StatusOr<std::unique_ptr<PcapSource>> Create(const Options& options);

  // 0 at the file's end, on an error (see status()), and while all frames are out.
  size_t Receive(std::span<Packet> out) override;
  void Release(std::span<const Packet> packets) override;
  // Returns at once: a file has its next packet always there.
  void Wait(uint64_t timeout_ns) override;
  bool exhausted() const override { return exhausted_; }
  SourceCounters Counters() const override;

  // Why the file ended: OK at its end, DATA_LOSS where it is damaged. Packets before the damage were given.
  const absl::Status& status() const { return status_; }
  const CaptureCounters& capture_counters() const { return reader_->counters(); }

 private:
  struct Frame {
    std::unique_ptr<uint8_t[]> bytes;
    bool out = false;
  };

  PcapSource(const Options& options, std::unique_ptr<CaptureReader> reader);
  std::optional<LineId> LineOf(const CaptureRecord& record) const;
  std::optional<CaptureRecord> NextOfLines();

  const std::optional<Endpoint> line_a_;
  const std::optional<Endpoint> line_b_;
  std::unique_ptr<CaptureReader> reader_;
  std::vector<Frame> frames_;
  std::vector<uint32_t> free_;
  SourceCounters counters_;
  absl::Status status_;
  bool exhausted_ = false;
};

}  // namespace feedfarm
