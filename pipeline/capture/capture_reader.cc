#include "pipeline/capture/capture_reader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/day_file_reader.h"
#include "pipeline/capture/open_capture.h"
#include "pipeline/capture/pcap_reader.h"
#include "pipeline/capture/pcapng_reader.h"

namespace feedfarm {

std::string_view CaptureFormatName(CaptureFormat format) {
  switch (format) {
    case CaptureFormat::kPcap:
      return "pcap";
    case CaptureFormat::kPcapNg:
      return "pcapng";
    case CaptureFormat::kItchDayFile:
      return "ITCH day file";
  }
  return "unknown";
}

absl::StatusOr<std::unique_ptr<CaptureReader>> CaptureReader::Open(const std::string& path) {
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> stream, ByteStream::Open(path));
  return OpenCapture(std::move(stream));
}

absl::StatusOr<std::unique_ptr<CaptureReader>> OpenCapture(std::unique_ptr<ByteStream> stream) {
  FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> first, stream->Peek(DayFileReader::kMatchBytes));
  if (first.empty()) return absl::InvalidArgumentError(absl::StrCat(stream->name(), ": is empty"));
  if (PcapReader::Matches(first)) return PcapReader::Create(std::move(stream));
  if (PcapNgReader::Matches(first)) return PcapNgReader::Create(std::move(stream));
  if (DayFileReader::Matches(first)) return std::make_unique<DayFileReader>(std::move(stream));
  return absl::InvalidArgumentError(absl::StrCat(stream->name(),
                                                 ": offset 0: no pcap, pcapng or ITCH day file: starts with ",
                                                 HexBytes(first.first(std::min<size_t>(first.size(), 8)))));
}

}  // namespace feedfarm
