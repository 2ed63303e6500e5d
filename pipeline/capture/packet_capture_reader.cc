#include "pipeline/capture/packet_capture_reader.h"

#include <algorithm>

namespace feedfarm {

std::optional<CaptureRecord> PacketCaptureReader::Take(const Frame& frame) {
  ++counters_.records;
  if (frame.there.size() < frame.captured_bytes) counters_.cut_short = true;
  const Datagram datagram =
      FindDatagram(frame.link_type, frame.there, std::max(frame.wire_bytes, frame.captured_bytes));
  switch (datagram.kind) {
    case Datagram::Kind::kForeign:
      ++counters_.foreign_records;
      return std::nullopt;
    case Datagram::Kind::kTruncated:
      ++counters_.truncated_records;
      return std::nullopt;
    case Datagram::Kind::kUdp:
      break;
  }
  ++counters_.datagrams;
  if (datagram.truncated) ++counters_.truncated_records;
  return CaptureRecord{frame.time_ns, datagram.dst_address, datagram.dst_port, datagram.truncated, datagram.payload};
}

void PacketCaptureReader::EndInsideRecord() {
  ++counters_.records;
  ++counters_.truncated_records;
  counters_.cut_short = true;
}

}  // namespace feedfarm
