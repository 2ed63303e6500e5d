#include "pipeline/capture/pcapng_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr uint32_t kInterfaceDescription = 1;
constexpr uint32_t kObsoletePacket = 2;
constexpr uint32_t kSimplePacket = 3;
constexpr uint32_t kEnhancedPacket = 6;
constexpr uint32_t kByteOrderMark = 0x1A2B3C4D;
constexpr size_t kSectionHeaderBytesMin = 28;
constexpr size_t kBlockBytesMin = 12;
constexpr size_t kBlockHeadBytes = 8;
constexpr size_t kBlockTailBytes = 4;
constexpr size_t kPacketHeadBytes = 20;  // of an enhanced or obsolete packet block, before the frame
// A block that is read may be this long: far more than any frame with its options, and a bound for the buffer.
constexpr uint32_t kBlockBytesMax = 16 * 1024 * 1024;
// More interfaces than this in one section are a sign of damage, and would only fill the memory.
constexpr size_t kInterfacesMax = 65'536;
constexpr uint16_t kOptionEnd = 0;
constexpr uint16_t kOptionTimeResolution = 9;
constexpr uint16_t kOptionTimeOffset = 14;

bool IsRead(uint32_t type) {
  return type == kInterfaceDescription || type == kEnhancedPacket || type == kSimplePacket || type == kObsoletePacket;
}

constexpr uint64_t PowerOfTen(int exponent) {
  uint64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

}  // namespace

bool PcapNgReader::Matches(std::span<const uint8_t> first) {
  return first.size() >= 4 && LoadBig<uint32_t>(first.data()) == kSectionHeader;
}

uint16_t PcapNgReader::Load16(const uint8_t* at) const {
  return big_endian_ ? LoadBig<uint16_t>(at) : LoadLittle<uint16_t>(at);
}

uint32_t PcapNgReader::Load32(const uint8_t* at) const {
  return big_endian_ ? LoadBig<uint32_t>(at) : LoadLittle<uint32_t>(at);
}

absl::StatusOr<std::unique_ptr<PcapNgReader>> PcapNgReader::Create(std::unique_ptr<ByteStream> stream) {
  std::unique_ptr<PcapNgReader> reader(new PcapNgReader(std::move(stream)));
  if (absl::Status section = reader->BeginSection(); !section.ok()) {
    if (section.code() != absl::StatusCode::kDataLoss) return section;
    return absl::InvalidArgumentError(section.message());
  }
  return reader;
}

absl::Status PcapNgReader::BeginSection() {
  FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> head, stream_->Peek(kSectionHeaderBytesMin));
  if (head.size() < kSectionHeaderBytesMin) {
    return stream_->Damaged(absl::StrCat("pcapng section header cut off: ", head.size(), " of 28 bytes"));
  }
  const uint32_t mark = LoadBig<uint32_t>(head.data() + 8);
  big_endian_ = mark == kByteOrderMark;
  if (!big_endian_ && mark != __builtin_bswap32(kByteOrderMark)) {
    return stream_->Damaged(absl::StrFormat("pcapng section header without byte-order mark: %08x", mark));
  }
  const uint32_t bytes = Load32(head.data() + 4);
  if (bytes < kSectionHeaderBytesMin || bytes % 4 != 0) {
    return stream_->Damaged(absl::StrCat("pcapng section header of ", bytes, " bytes"));
  }
  interfaces_.clear();
  FEEDFARM_ASSIGN_OR_RETURN(const uint64_t skipped, stream_->Skip(bytes));
  if (skipped < bytes) counters_.cut_short = true;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<CaptureRecord>> PcapNgReader::Next() {
  while (!ended_) {
    FEEDFARM_ASSIGN_OR_RETURN(std::optional<CaptureRecord> record, TakeBlock());
    if (record) return record;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<CaptureRecord>> PcapNgReader::TakeBlock() {
  FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> start, stream_->Peek(kBlockHeadBytes));
  if (start.size() < kBlockHeadBytes) {
    ended_ = true;
    start.empty() ? EndBetweenRecords() : EndInsideRecord();
    return std::nullopt;
  }
  const BlockHead head{Load32(start.data()), Load32(start.data() + 4)};
  if (head.type == kSectionHeader) {
    FEEDFARM_RETURN_IF_ERROR(BeginSection());
    return std::nullopt;
  }
  if (head.bytes < kBlockBytesMin || head.bytes % 4 != 0 || (IsRead(head.type) && head.bytes > kBlockBytesMax)) {
    return stream_->Damaged(absl::StrFormat("no pcapng block: type %u of %u bytes", head.type, head.bytes));
  }
  if (!IsRead(head.type)) {
    FEEDFARM_ASSIGN_OR_RETURN(const uint64_t skipped, stream_->Skip(head.bytes));
    if (skipped < head.bytes) counters_.cut_short = true;
    return std::nullopt;
  }
  FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> block, stream_->Peek(head.bytes));
  FEEDFARM_RETURN_IF_ERROR(CheckBlock(head, block));
  if (block.size() < head.bytes) counters_.cut_short = true;
  const size_t body_bytes = head.bytes - kBlockHeadBytes - kBlockTailBytes;
  const auto body = block.subspan(kBlockHeadBytes, std::min(body_bytes, block.size() - kBlockHeadBytes));
  stream_->Consume(block.size());
  if (head.type != kInterfaceDescription) return TakePacket(head.type, body, body_bytes);
  if (body.size() == body_bytes && interfaces_.size() < kInterfacesMax) AddInterface(body);
  return std::nullopt;
}

absl::Status PcapNgReader::CheckBlock(const BlockHead& head, std::span<const uint8_t> block) const {
  if (block.size() < head.bytes) return absl::OkStatus();  // the file ends inside it
  const uint32_t again = Load32(block.data() + head.bytes - kBlockTailBytes);
  if (again == head.bytes) return absl::OkStatus();
  return stream_->Damaged(absl::StrFormat("pcapng block of type %u: %u bytes at its beginning, %u at its end",
                                          head.type, head.bytes, again));
}

void PcapNgReader::AddInterface(std::span<const uint8_t> body) {
  constexpr size_t kFixedBytes = 8;
  Interface interface;
  if (body.size() < kFixedBytes) {  // keeps the numbering of the interfaces behind it
    interfaces_.push_back(interface);
    return;
  }
  interface.link_type = Load16(body.data());
  interface.snap_bytes = Load32(body.data() + 4);
  size_t at = kFixedBytes;
  while (at + 4 <= body.size()) {
    const uint16_t code = Load16(body.data() + at);
    const size_t bytes = Load16(body.data() + at + 2);
    at += 4;
    if (code == kOptionEnd || bytes > body.size() - at) break;
    if (code == kOptionTimeResolution && bytes == 1) interface.resolution = body[at];
    if (code == kOptionTimeOffset && bytes == 8) {
      const uint8_t* value = body.data() + at;
      interface.offset_s = big_endian_ ? LoadBig<uint64_t>(value) : LoadLittle<uint64_t>(value);
    }
    at += (bytes + 3) / 4 * 4;
  }
  interfaces_.push_back(interface);
}

absl::StatusOr<std::optional<CaptureRecord>> PcapNgReader::TakePacket(uint32_t type, std::span<const uint8_t> body,
                                                                      size_t body_bytes) {
  const size_t head_bytes = type == kSimplePacket ? 4 : kPacketHeadBytes;
  if (body_bytes < head_bytes) {
    return stream_->Damaged(absl::StrFormat("pcapng packet block of type %u with %u bytes", type, body_bytes));
  }
  if (body.size() < head_bytes) {
    EndInsideRecord();
    return std::nullopt;
  }
  const uint8_t* at = body.data();
  const uint32_t number = type == kEnhancedPacket ? Load32(at) : type == kObsoletePacket ? Load16(at) : 0;
  if (number >= interfaces_.size()) {
    return stream_->Damaged(
        absl::StrFormat("pcapng packet of interface %u, the section has %u", number, interfaces_.size()));
  }
  const Interface& interface = interfaces_[number];
  Frame frame{.link_type = interface.link_type};
  const size_t room = body_bytes - head_bytes;
  if (type == kSimplePacket) {
    frame.wire_bytes = Load32(at);
    frame.captured_bytes = std::min(frame.wire_bytes, room);
    if (interface.snap_bytes != 0) frame.captured_bytes = std::min<size_t>(frame.captured_bytes, interface.snap_bytes);
  } else {
    const uint64_t ticks = (static_cast<uint64_t>(Load32(at + 4)) << 32) | Load32(at + 8);
    frame.time_ns = TimeNs(interface, ticks);
    frame.captured_bytes = Load32(at + 12);
    frame.wire_bytes = Load32(at + 16);
    if (frame.captured_bytes > room) {
      return stream_->Damaged(
          absl::StrFormat("pcapng packet of %u bytes in a block with room for %u", frame.captured_bytes, room));
    }
  }
  const auto behind = body.subspan(head_bytes);
  frame.there = behind.first(std::min(frame.captured_bytes, behind.size()));
  return Take(frame);
}

uint64_t PcapNgReader::TimeNs(const Interface& interface, uint64_t ticks) const {
  using Wide = unsigned __int128;
  constexpr uint64_t kNsPerSecond = 1'000'000'000;
  const int exponent = interface.resolution & 0x7F;
  uint64_t ns = 0;
  if (interface.resolution & 0x80) {
    ns = static_cast<uint64_t>((static_cast<Wide>(ticks) * kNsPerSecond) >> exponent);
  } else if (exponent <= 9) {
    ns = ticks * PowerOfTen(9 - exponent);
  } else if (exponent <= 28) {  // beyond, 2^64 ticks are less than a nanosecond
    ns = ticks / PowerOfTen(exponent - 9);
  }
  return ns + interface.offset_s * kNsPerSecond;
}

}  // namespace feedfarm
