#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/packet_capture_reader.h"

namespace feedfarm {

// pcap (libpcap "savefile", draft-ietf-opsawg-pcap): a header of 24 bytes, then records of a 16-byte header and the
// frame. Microseconds (magic a1b2c3d4) or nanoseconds (a1b23c4d), in the byte order of the machine that wrote it.
class PcapReader final : public PacketCaptureReader {
 public:
  static bool Matches(std::span<const uint8_t> first_bytes);

  // INVALID_ARGUMENT: header cut off, or a link type that is not read.
  static absl::StatusOr<std::unique_ptr<PcapReader>> Create(std::unique_ptr<ByteStream> stream);

  absl::StatusOr<std::optional<CaptureRecord>> Next() override;
  CaptureFormat format() const override { return CaptureFormat::kPcap; }

 private:
  explicit PcapReader(std::unique_ptr<ByteStream> stream) : PacketCaptureReader(std::move(stream)) {}
  uint32_t Load32(const uint8_t* at) const;

  bool big_endian_ = false;
  uint64_t fraction_ns_ = 1000;  // of one unit of the record's fraction of a second
  uint16_t link_type_ = 0;
};

}  // namespace feedfarm
