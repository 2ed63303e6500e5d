#include "agent/undo/undo_frame.h"

#define XXH_INLINE_ALL
#include <glog/logging.h>
#include <xxhash.h>

#include "pipeline/base/endian.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSeed = 0x756E646F6A726E6Cu;

uint32_t LengthCheck(uint32_t length, uint64_t offset) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(&length, sizeof length, kSeed + offset));
}

uint64_t PayloadHash(std::string_view payload, uint64_t offset) {
  return XXH3_64bits_withSeed(payload.data(), payload.size(), kSeed + offset);
}

bool WholeAt(std::string_view file, uint64_t offset, UndoFrame& frame) {
  if (file.size() < offset || file.size() - offset < kUndoFrameHeaderBytes) return false;
  const uint8_t* const header = reinterpret_cast<const uint8_t*>(file.data()) + offset;
  const uint32_t length = LoadLittle<uint32_t>(header);
  if (length > kUndoPayloadBytesMax || LoadLittle<uint32_t>(header + 4) != LengthCheck(length, offset)) return false;
  if (file.size() - offset - kUndoFrameHeaderBytes < length) return false;
  const std::string_view payload = file.substr(offset + kUndoFrameHeaderBytes, length);
  if (LoadLittle<uint64_t>(header + 8) != PayloadHash(payload, offset)) return false;
  frame = {.state = UndoFrameState::kWhole, .payload = payload, .next = offset + kUndoFrameHeaderBytes + length};
  return true;
}

}  // namespace

std::string EncodeUndoFrame(std::string_view payload, uint64_t offset) {
  CHECK_LE(payload.size(), kUndoPayloadBytesMax);
  std::string frame(kUndoFrameHeaderBytes, '\0');
  uint8_t* const header = reinterpret_cast<uint8_t*>(frame.data());
  const uint32_t length = static_cast<uint32_t>(payload.size());
  StoreLittle<uint32_t>(header, length);
  StoreLittle<uint32_t>(header + 4, LengthCheck(length, offset));
  StoreLittle<uint64_t>(header + 8, PayloadHash(payload, offset));
  frame.append(payload);
  return frame;
}

UndoFrame ReadUndoFrame(std::string_view file, uint64_t offset) {
  UndoFrame frame;
  if (offset >= file.size()) return frame;
  if (WholeAt(file, offset, frame)) return frame;
  UndoFrame later;
  for (uint64_t at = offset + 1; at < file.size(); ++at) {
    if (WholeAt(file, at, later)) return {.state = UndoFrameState::kDamaged, .payload = {}, .next = 0};
  }
  return {.state = UndoFrameState::kTorn, .payload = {}, .next = 0};
}

}  // namespace feedfarm
