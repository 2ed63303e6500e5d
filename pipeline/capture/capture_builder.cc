#include "pipeline/capture/capture_builder.h"

#include <glog/logging.h>
#include <zlib.h>

#include <algorithm>

#include "pipeline/base/endian.h"

namespace feedfarm {
namespace {

void PutBig16(FileBytes& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}

void PutBig32(FileBytes& out, uint32_t value) {
  PutBig16(out, static_cast<uint16_t>(value >> 16));
  PutBig16(out, static_cast<uint16_t>(value));
}

void PutIn(FileBytes& out, uint32_t value, bool big_endian) {
  PutBig32(out, big_endian ? value : __builtin_bswap32(value));
}

void Append(FileBytes& out, std::span<const uint8_t> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

FileBytes MakeFrame(std::span<const uint8_t> payload, const FrameSpec& spec) {
  const size_t ip_bytes = 20 + 4 * spec.ip_option_words;
  FileBytes frame(12, 0x02);
  for (const uint16_t tag : spec.tags) {
    PutBig16(frame, tag);
    PutBig16(frame, 0x0064);
  }
  PutBig16(frame, spec.ethertype);
  frame.push_back(static_cast<uint8_t>(0x40 | (ip_bytes / 4)));
  frame.push_back(0);
  PutBig16(frame, static_cast<uint16_t>(ip_bytes + 8 + payload.size()));
  PutBig16(frame, 0);
  PutBig16(frame, spec.fragment);
  frame.push_back(1);
  frame.push_back(spec.protocol);
  PutBig16(frame, 0);
  PutBig32(frame, 0x0A000001);
  PutBig32(frame, spec.address);
  frame.insert(frame.end(), 4 * spec.ip_option_words, 1);  // no operation
  PutBig16(frame, 5555);
  PutBig16(frame, spec.port);
  PutBig16(frame, static_cast<uint16_t>(8 + static_cast<int>(payload.size()) + spec.udp_length_change));
  PutBig16(frame, 0);
  Append(frame, payload);
  return frame;
}

FileBytes MakeFrame(std::string_view payload, const FrameSpec& spec) {
  return MakeFrame(std::span(reinterpret_cast<const uint8_t*>(payload.data()), payload.size()), spec);
}

PcapBuilder::PcapBuilder(const PcapSpec& spec) : spec_(spec) {
  Put32(spec.nanoseconds ? 0xA1B23C4D : 0xA1B2C3D4);
  Put32(spec.big_endian ? 0x00020004 : 0x00040002);
  Put32(0);
  Put32(0);
  Put32(65535);
  Put32(spec.link_type);
}

void PcapBuilder::Put32(uint32_t value) { PutIn(bytes_, value, spec_.big_endian); }

void PcapBuilder::Add(std::span<const uint8_t> frame, uint32_t seconds, uint32_t fraction, uint32_t wire_bytes) {
  Put32(seconds);
  Put32(fraction);
  Put32(static_cast<uint32_t>(frame.size()));
  Put32(wire_bytes == 0 ? static_cast<uint32_t>(frame.size()) : wire_bytes);
  Append(bytes_, frame);
}

void PcapNgBuilder::Put16(FileBytes& out, uint16_t value) const {
  PutBig16(out, big_endian_ ? value : __builtin_bswap16(value));
}

void PcapNgBuilder::Put32(FileBytes& out, uint32_t value) const { PutIn(out, value, big_endian_); }

void PcapNgBuilder::Pad(FileBytes& out) { out.resize((out.size() + 3) / 4 * 4); }

void PcapNgBuilder::AddBlock(uint32_t type, const FileBytes& body) {
  FileBytes padded = body;
  Pad(padded);
  const uint32_t bytes = static_cast<uint32_t>(padded.size() + 12);
  Put32(bytes_, type);
  Put32(bytes_, bytes);
  Append(bytes_, padded);
  Put32(bytes_, bytes);
}

void PcapNgBuilder::AddSection() {
  FileBytes body;
  Put32(body, 0x1A2B3C4D);
  Put16(body, 1);
  Put16(body, 0);
  body.insert(body.end(), 8, 0xFF);  // section length unknown
  AddBlock(0x0A0D0D0A, body);
}

void PcapNgBuilder::AddInterface(uint16_t link_type, uint32_t snap_bytes, const FileBytes& options) {
  FileBytes body;
  Put16(body, link_type);
  Put16(body, 0);
  Put32(body, snap_bytes);
  Append(body, options);
  AddBlock(1, body);
}

FileBytes PcapNgBuilder::MakeOption(uint16_t code, const FileBytes& value) const {
  FileBytes option;
  Put16(option, code);
  Put16(option, static_cast<uint16_t>(value.size()));
  Append(option, value);
  Pad(option);
  return option;
}

void PcapNgBuilder::AddEnhanced(std::span<const uint8_t> frame, uint64_t ticks, uint32_t interface,
                                uint32_t wire_bytes) {
  FileBytes body;
  Put32(body, interface);
  Put32(body, static_cast<uint32_t>(ticks >> 32));
  Put32(body, static_cast<uint32_t>(ticks));
  Put32(body, static_cast<uint32_t>(frame.size()));
  Put32(body, wire_bytes == 0 ? static_cast<uint32_t>(frame.size()) : wire_bytes);
  Append(body, frame);
  AddBlock(6, body);
}

void PcapNgBuilder::AddSimple(std::span<const uint8_t> frame) {
  FileBytes body;
  Put32(body, static_cast<uint32_t>(frame.size()));
  Append(body, frame);
  AddBlock(3, body);
}

void PcapNgBuilder::AddObsolete(std::span<const uint8_t> frame, uint64_t ticks, uint16_t interface) {
  FileBytes body;
  Put16(body, interface);
  Put16(body, 0);
  Put32(body, static_cast<uint32_t>(ticks >> 32));
  Put32(body, static_cast<uint32_t>(ticks));
  Put32(body, static_cast<uint32_t>(frame.size()));
  Put32(body, static_cast<uint32_t>(frame.size()));
  Append(body, frame);
  AddBlock(2, body);
}

FileBytes MakeDayFile(const std::vector<FileBytes>& messages, bool end) {
  FileBytes file;
  for (const FileBytes& message : messages) {
    PutBig16(file, static_cast<uint16_t>(message.size()));
    Append(file, message);
  }
  if (end) PutBig16(file, 0);
  return file;
}

FileBytes Gzip(std::span<const uint8_t> bytes) {
  z_stream deflate_stream{};
  // 15 bits of window, + 16: a gzip header.
  CHECK_EQ(deflateInit2(&deflate_stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  FileBytes packed(deflateBound(&deflate_stream, bytes.size()));
  deflate_stream.next_in = const_cast<uint8_t*>(bytes.data());
  deflate_stream.avail_in = static_cast<uInt>(bytes.size());
  deflate_stream.next_out = packed.data();
  deflate_stream.avail_out = static_cast<uInt>(packed.size());
  CHECK_EQ(deflate(&deflate_stream, Z_FINISH), Z_STREAM_END);
  packed.resize(deflate_stream.total_out);
  deflateEnd(&deflate_stream);
  return packed;
}

}  // namespace feedfarm
