#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pipeline/base/endian.h"
#include "pipeline/feed/framing.h"
#include "pipeline/iextp/layout.h"

namespace feedfarm::iextp {

// A session: the channel in `high`, the session id in `low`.
inline SessionId MakeSession(uint32_t channel, uint32_t session) { return {channel, session}; }

// The stream offset of a segment that ParseHeader found well-formed: the bytes of payload before it in its stream.
inline uint64_t StreamOffset(std::span<const uint8_t> payload) {
  return LoadLittle<uint64_t>(payload.data() + segment::kStreamOffset);
}

// The Framing of an IEX-TP feed that carries DEEP 1.0. Stateless; any thread. Offsets: layout.h.
//
// A segment without messages is a heartbeat. The protocol has no end-of-session segment: kEndOfSession never comes.
// Bytes behind the last block are ignored, as in MoldUdp64; no segment of the capture has any.
struct IexTp {
  // kMalformed: shorter than a header; version not 1; message protocol not DEEP 1.0; a payload length that is not what
  // follows the header; no message but a payload; a count whose length fields alone are longer than the payload.
  static PacketHeader ParseHeader(std::span<const uint8_t> payload) {
    PacketHeader header;
    if (payload.size() < segment::kHeaderBytes) return header;
    const uint8_t* at = payload.data();
    if (at[segment::kVersion] != kVersion) return header;
    if (LoadLittle<uint16_t>(at + segment::kProtocol) != kProtocolDeep10) return header;
    const size_t payload_length = LoadLittle<uint16_t>(at + segment::kPayloadLength);
    if (payload_length != payload.size() - segment::kHeaderBytes) return header;
    const uint32_t count = LoadLittle<uint16_t>(at + segment::kMessageCount);
    if (count == 0 ? payload_length != 0 : segment::kLengthBytes * count > payload_length) return header;
    header.kind = count == 0 ? PacketKind::kHeartbeat : PacketKind::kData;
    header.count = count;
    header.session =
        MakeSession(LoadLittle<uint32_t>(at + segment::kChannel), LoadLittle<uint32_t>(at + segment::kSession));
    header.first_sequence = LoadLittle<uint64_t>(at + segment::kFirstSequence);
    header.send_time_ns = LoadLittle<uint64_t>(at + segment::kSendTime);
    return header;
  }

  // False where a block runs past the payload's end, and where there are more than kBlocksMax blocks. On false what
  // stands in `out` means nothing.
  static bool IndexBlocks(std::span<const uint8_t> payload, const PacketHeader& header, BlockIndex& out) {
    if (header.count > kBlocksMax || payload.size() > 0xFFFF) return false;
    return WalkBlocks(payload, header, [&out, i = size_t{0}](size_t at, uint16_t length) mutable {
      out[i++] = {static_cast<uint16_t>(at), length};
    });
  }

  // Calls visit(offset, length) for each block in turn. False where a block runs past the payload's end: those before
  // it were visited.
  template <class Visit>
  static bool WalkBlocks(std::span<const uint8_t> payload, const PacketHeader& header, Visit&& visit) {
    size_t at = segment::kHeaderBytes;
    for (uint32_t i = 0; i < header.count; ++i) {
      if (at + segment::kLengthBytes > payload.size()) return false;
      const uint16_t length = LoadLittle<uint16_t>(payload.data() + at);
      at += segment::kLengthBytes;
      if (length > payload.size() - at) return false;
      visit(at, length);
      at += length;
    }
    return true;
  }
};

static_assert(Framing<IexTp>);

}  // namespace feedfarm::iextp
