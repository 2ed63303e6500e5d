#include "pipeline/capture/pcap_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr size_t kFileHeaderBytes = 24;
constexpr size_t kRecordHeaderBytes = 16;
constexpr uint32_t kMagicMicroseconds = 0xA1B2C3D4;
constexpr uint32_t kMagicNanoseconds = 0xA1B23C4D;
// libpcap's own limit of a record (MAXIMUM_SNAPLEN): a longer one is a sign of damage.
constexpr uint32_t kFrameBytesMax = 262'144;

bool IsMagic(uint32_t magic) { return magic == kMagicMicroseconds || magic == kMagicNanoseconds; }

}  // namespace

bool PcapReader::Matches(std::span<const uint8_t> first) {
  return first.size() >= 4 && (IsMagic(LoadBig<uint32_t>(first.data())) || IsMagic(LoadLittle<uint32_t>(first.data())));
}

uint32_t PcapReader::Load32(const uint8_t* at) const {
  return big_endian_ ? LoadBig<uint32_t>(at) : LoadLittle<uint32_t>(at);
}

absl::StatusOr<std::unique_ptr<PcapReader>> PcapReader::Create(std::unique_ptr<ByteStream> stream) {
  FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> header, stream->Peek(kFileHeaderBytes));
  if (header.size() < kFileHeaderBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(stream->name(), ": pcap header cut off: ", header.size(), " of 24 bytes"));
  }
  std::unique_ptr<PcapReader> reader(new PcapReader(std::move(stream)));
  reader->big_endian_ = IsMagic(LoadBig<uint32_t>(header.data()));
  reader->fraction_ns_ = reader->Load32(header.data()) == kMagicNanoseconds ? 1 : 1000;
  // The upper half says how long the frame check sequence is, where it is captured.
  reader->link_type_ = static_cast<uint16_t>(reader->Load32(header.data() + 20));
  if (!IsReadLinkType(reader->link_type_)) {
    return absl::InvalidArgumentError(absl::StrCat(reader->stream_->name(), ": offset 20: link type ",
                                                   reader->link_type_, " (read: Ethernet, raw IP, Linux cooked)"));
  }
  reader->stream_->Consume(kFileHeaderBytes);
  return reader;
}

absl::StatusOr<std::optional<CaptureRecord>> PcapReader::Next() {
  while (true) {
    FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> header, stream_->Peek(kRecordHeaderBytes));
    if (header.size() < kRecordHeaderBytes) {
      if (header.empty()) {
        EndBetweenRecords();
      } else {
        EndInsideRecord();
        stream_->Consume(header.size());
      }
      return std::nullopt;
    }
    Frame frame{.link_type = link_type_};
    frame.time_ns = Load32(header.data()) * uint64_t{1'000'000'000} + Load32(header.data() + 4) * fraction_ns_;
    frame.captured_bytes = Load32(header.data() + 8);
    frame.wire_bytes = Load32(header.data() + 12);
    if (frame.captured_bytes > kFrameBytesMax) {
      return stream_->Damaged(absl::StrCat("no pcap record: a frame of ", frame.captured_bytes, " bytes, more than ",
                                           kFrameBytesMax, " (", HexBytes(header), ")"));
    }
    stream_->Consume(kRecordHeaderBytes);
    FEEDFARM_ASSIGN_OR_RETURN(frame.there, stream_->Peek(frame.captured_bytes));
    stream_->Consume(frame.there.size());
    if (std::optional<CaptureRecord> record = Take(frame)) return record;
  }
}

}  // namespace feedfarm
