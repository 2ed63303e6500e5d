#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace feedfarm {

// The undo journal's framing: u32 payload length, u32 check, u64 hash of the payload, payload; little-endian. Check and
// hash depend on the frame's place in the file, so that bytes that only look like a frame, or one that moved, are none.
// Pure.
inline constexpr size_t kUndoFrameHeaderBytes = 16;
inline constexpr size_t kUndoPayloadBytesMax = 64 * 1024;

// `payload` is at most kUndoPayloadBytesMax long.
std::string EncodeUndoFrame(std::string_view payload, uint64_t offset);

enum class UndoFrameState { kWhole, kTorn, kDamaged, kEnd };

struct UndoFrame {
  UndoFrameState state = UndoFrameState::kEnd;
  std::string_view payload;  // of the file, kWhole only
  uint64_t next = 0;         // offset behind it, kWhole only
};

// The frame at `offset` of a whole file. kTorn: not whole, and no whole frame anywhere behind it: a write that was
// interrupted. kDamaged: not whole although one follows. Cost of those two: a pass over the rest.
UndoFrame ReadUndoFrame(std::string_view file, uint64_t offset);

}  // namespace feedfarm
