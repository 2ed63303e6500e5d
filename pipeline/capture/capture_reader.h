#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pipeline/capture/capture_record.h"

namespace feedfarm {

enum class CaptureFormat { kPcap, kPcapNg, kItchDayFile };

// "pcap", "pcapng", "ITCH day file".
std::string_view CaptureFormatName(CaptureFormat format);

// Reads a capture file from its beginning to its end, in a bounded buffer, whatever its size. The format is told by the
// content, never by the name: pcap (microseconds or nanoseconds, either byte order), pcapng, ITCH BinaryFILE day file
// (u16 length and message), and gzip of any of them, unpacked while reading.
//
// Owned by one thread. Cost: one copy out of the file; inflating dominates where the file is packed.
class CaptureReader {
 public:
  // NOT_FOUND, PERMISSION_DENIED ...: as the file system says. INVALID_ARGUMENT: nothing of the above, empty, or a pcap
  // of a link layer that is not read; the message names the file, the byte offset and what stands there.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Open(const std::string& path);

  virtual ~CaptureReader() = default;

  // The next datagram, past VLAN tags and IPv4 options; everything else is skipped and counted. nullopt at the end,
  // and from then on. A file that ends inside a record gives what is there of it, with `truncated`, where the UDP
  // header is whole; it is no error. DATA_LOSS: the content is damaged (names file, offset, what was found); final.
  virtual absl::StatusOr<std::optional<CaptureRecord>> Next() = 0;

  virtual CaptureFormat format() const = 0;
  virtual const CaptureCounters& counters() const = 0;
};

}  // namespace feedfarm
