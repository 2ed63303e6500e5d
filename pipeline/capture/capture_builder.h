#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace feedfarm {

// Capture files made by hand, for tests: what a reader must take and what it must refuse.
using FileBytes = std::vector<uint8_t>;

// An Ethernet frame with a UDP/IPv4 datagram to `address`:`port`. Fields may be set wrong on purpose.
struct FrameSpec {
  uint32_t address = 0xE002030A;  // 224.2.3.10
  uint16_t port = 16648;
  std::vector<uint16_t> tags{};  // ethertypes of VLAN tags, outermost first: 0x8100, 0x88A8
  uint8_t ip_option_words = 0;   // 32-bit words of IPv4 options
  uint8_t protocol = 17;         // of the IPv4 header
  uint16_t ethertype = 0x0800;
  uint16_t fragment = 0;      // flags and offset as they stand in the header
  int udp_length_change = 0;  // added to the UDP length
};
FileBytes MakeFrame(std::span<const uint8_t> payload, const FrameSpec& spec = {});
FileBytes MakeFrame(std::string_view payload, const FrameSpec& spec = {});

struct PcapSpec {
  bool big_endian = false;
  bool nanoseconds = false;
  uint32_t link_type = 1;
};

// A pcap file, record by record.
class PcapBuilder {
 public:
  explicit PcapBuilder(const PcapSpec& spec = {});
  // `wire_bytes` 0: the frame was captured whole.
  void Add(std::span<const uint8_t> frame, uint32_t seconds = 1, uint32_t fraction = 2, uint32_t wire_bytes = 0);
  const FileBytes& bytes() const { return bytes_; }

 private:
  void Put32(uint32_t value);
  PcapSpec spec_;
  FileBytes bytes_;
};

// A pcapng file, block by block.
class PcapNgBuilder {
 public:
  explicit PcapNgBuilder(bool big_endian = false) : big_endian_(big_endian) { AddSection(); }

  void AddSection();
  // `options`: as they stand in the file; see MakeOption.
  void AddInterface(uint16_t link_type = 1, uint32_t snap_bytes = 0, const FileBytes& options = {});
  void AddEnhanced(std::span<const uint8_t> frame, uint64_t ticks, uint32_t interface = 0, uint32_t wire_bytes = 0);
  void AddSimple(std::span<const uint8_t> frame);
  void AddObsolete(std::span<const uint8_t> frame, uint64_t ticks, uint16_t interface = 0);
  void AddBlock(uint32_t type, const FileBytes& body);
  FileBytes MakeOption(uint16_t code, const FileBytes& value) const;

  const FileBytes& bytes() const { return bytes_; }

 private:
  void Put16(FileBytes& out, uint16_t value) const;
  void Put32(FileBytes& out, uint32_t value) const;
  static void Pad(FileBytes& out);

  bool big_endian_;
  FileBytes bytes_;
};

// A day file of these messages; `end` writes the length 0 that ends the session.
FileBytes MakeDayFile(const std::vector<FileBytes>& messages, bool end = true);

// One gzip member.
FileBytes Gzip(std::span<const uint8_t> bytes);

}  // namespace feedfarm
