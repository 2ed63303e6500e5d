#pragma once

#include <cstdint>
#include <span>

namespace feedfarm {

// One UDP/IPv4 datagram of a capture, or one message of an ITCH day file.
struct CaptureRecord {
  uint64_t time_ns = 0;      // capture time since the Unix epoch; 0 where the file has none (day files, simple packets)
  uint32_t dst_address = 0;  // IPv4, host byte order: 224.2.3.10 is 0xE002030A; 0 in a day file
  uint16_t dst_port = 0;     // 0 in a day file
  bool truncated = false;    // `payload` is shorter than the datagram (or message) was
  std::span<const uint8_t> payload{};  // UDP payload, or the message; lives until the reader's next call
};

// What a reader met so far, totals.
struct CaptureCounters {
  uint64_t records = 0;            // whole and truncated ones, of any kind
  uint64_t datagrams = 0;          // handed out, truncated ones included (day file: messages)
  uint64_t foreign_records = 0;    // not UDP over IPv4, fragments, headers that contradict each other
  uint64_t truncated_records = 0;  // captured shorter than the datagram was, or cut off by the file's end
  bool cut_short = false;          // the file ends inside a record, or its gzip stream does not end
};

}  // namespace feedfarm
