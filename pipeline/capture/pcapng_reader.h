#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/packet_capture_reader.h"

namespace feedfarm {

// pcapng (draft-ietf-opsawg-pcapng): blocks of u32 type, u32 total length, body, u32 total length again. Read are
// section headers (several, each in its own byte order), interface descriptions (link type, time resolution and
// offset), and enhanced, simple and obsolete packet blocks; all others are skipped. Frames of a link type that is not
// read count as foreign.
class PcapNgReader final : public PacketCaptureReader {
 public:
  static bool Matches(std::span<const uint8_t> first_bytes);

  // INVALID_ARGUMENT: the first section header is cut off or has no byte-order mark.
  static absl::StatusOr<std::unique_ptr<PcapNgReader>> Create(std::unique_ptr<ByteStream> stream);

  absl::StatusOr<std::optional<CaptureRecord>> Next() override;
  CaptureFormat format() const override { return CaptureFormat::kPcapNg; }

 private:
  struct Interface {
    uint16_t link_type = 0;
    uint32_t snap_bytes = 0;  // 0 = no limit
    uint8_t resolution = 6;   // if_tsresol: 10^-n s, or 2^-n with the top bit set
    uint64_t offset_s = 0;    // if_tsoffset, as two's complement
  };
  struct BlockHead {
    uint32_t type = 0;
    uint32_t bytes = 0;  // of the whole block
  };

  explicit PcapNgReader(std::unique_ptr<ByteStream> stream) : PacketCaptureReader(std::move(stream)) {}

  // Takes the next block; ended_ where there is none. The record where it holds a datagram.
  absl::StatusOr<std::optional<CaptureRecord>> TakeBlock();
  absl::Status BeginSection();
  absl::Status CheckBlock(const BlockHead& head, std::span<const uint8_t> block) const;
  void AddInterface(std::span<const uint8_t> body);
  absl::StatusOr<std::optional<CaptureRecord>> TakePacket(uint32_t type, std::span<const uint8_t> body,
                                                          size_t body_bytes);
  uint64_t TimeNs(const Interface& interface, uint64_t ticks) const;

  uint16_t Load16(const uint8_t* at) const;
  uint32_t Load32(const uint8_t* at) const;

  bool big_endian_ = false;
  bool ended_ = false;
  std::vector<Interface> interfaces_;
};

}  // namespace feedfarm
