#include "agent/traffic/payload_writer.h"

#include <glog/logging.h>

#include <cstring>

#include "pipeline/base/endian.h"
#include "pipeline/iextp/layout.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

static_assert(HeaderBytes(v1::FEED_PROTOCOL_MOLDUDP64_ITCH50) == moldudp64::kHeaderBytes);
static_assert(HeaderBytes(v1::FEED_PROTOCOL_IEXTP_DEEP10) == iextp::segment::kHeaderBytes);

void WriteMoldHeader(const SessionId& session, const StreamPacket& packet, uint8_t* out) {
  uint16_t count = static_cast<uint16_t>(packet.count);
  if (packet.kind == StreamPacket::Kind::kEndOfSession) count = moldudp64::kEndOfSessionCount;
  moldudp64::StoreHeader(out, session, packet.sequence, count);
}

void WriteIexHeader(const StreamContent& content, const StreamPacket& packet, uint8_t* out) {
  namespace segment = iextp::segment;
  const MessageStore& store = *content.store;
  const SessionId& session = store.generations()[packet.generation].session;
  out[segment::kVersion] = iextp::kVersion;
  out[segment::kReserved] = 0;
  StoreLittle<uint16_t>(out + segment::kProtocol, iextp::kProtocolDeep10);
  StoreLittle<uint32_t>(out + segment::kChannel, static_cast<uint32_t>(session.high));
  StoreLittle<uint32_t>(out + segment::kSession, static_cast<uint32_t>(session.low));
  StoreLittle<uint16_t>(out + segment::kPayloadLength, static_cast<uint16_t>(packet.bytes - segment::kHeaderBytes));
  StoreLittle<uint16_t>(out + segment::kMessageCount, static_cast<uint16_t>(packet.count));
  StoreLittle<uint64_t>(out + segment::kStreamOffset,
                        packet.count > 0 ? store.stream_offset(packet.first_index)
                                         : store.stream_offset_before(packet.generation, packet.first_index));
  StoreLittle<uint64_t>(out + segment::kFirstSequence, packet.sequence);
  StoreLittle<uint64_t>(out + segment::kSendTime, packet.send_time_ns);
}

}  // namespace

void WritePayload(const StreamContent& content, const StreamPacket& packet, uint8_t* out) {
  if (packet.kind == StreamPacket::Kind::kRaw) {
    const std::span<const uint8_t> raw = content.raw(packet.sequence);
    if (!raw.empty()) std::memcpy(out, raw.data(), raw.size());
    return;
  }
  const MessageStore& store = *content.store;
  if (content.protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10) {
    WriteIexHeader(content, packet, out);
  } else {
    WriteMoldHeader(store.generations()[packet.generation].session, packet, out);
  }
  if (packet.count == 0) return;
  const std::span<const uint8_t> blocks = store.blocks(packet.first_index, packet.count);
  DCHECK_EQ(blocks.size() + HeaderBytes(content.protocol), packet.bytes);
  std::memcpy(out + HeaderBytes(content.protocol), blocks.data(), blocks.size());
}

}  // namespace feedfarm
