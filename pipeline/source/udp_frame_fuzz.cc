// Any bytes are safe for ParseUdpFrame, and what it accepts lies inside the frame.
#include <cstring>
#include <iostream>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/source/send_trailer.h"
#include "pipeline/source/testing/frame_builder.h"
#include "pipeline/source/udp_frame.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSeed = 0x5EEDF00D;
constexpr int kCases = 300'000;

// `frame` has exactly its size on the heap: a read past it is seen by asan.
void FuzzOne(std::span<const uint8_t> frame) {
  const std::optional<UdpFrame> parsed = ParseUdpFrame(frame);
  if (!parsed.has_value()) return;
  const uint8_t* end = frame.data() + frame.size();
  ASSERT_GE(parsed->payload.data(), frame.data() + 42);
  ASSERT_LE(parsed->payload.data() + parsed->payload.size(), parsed->behind.data());
  ASSERT_EQ(parsed->behind.data() + parsed->behind.size(), end);
  LoadSendTrailer(parsed->behind);
}

std::vector<uint8_t> SomeFrame(Rng& rng) {
  testing::FrameSpec spec;
  spec.payload.assign(rng.Below(80), static_cast<uint8_t>(rng.Next()));
  if (rng.Below(2) == 0) spec.vlan_protocols.assign(rng.Below(4), rng.Below(2) == 0 ? 0x8100 : 0x88A8);
  if (rng.Below(2) == 0) spec.option_words = static_cast<uint8_t>(rng.Below(11));
  if (rng.Below(2) == 0) spec.intended_tai_ns = rng.Next() | 1;
  return testing::BuildFrame(spec);
}

TEST(UdpFrameFuzz, AnyBytesAreSafe) {
  std::cout << "seed " << kSeed << "\n";
  Rng rng(kSeed);
  for (int i = 0; i < kCases; ++i) {
    std::vector<uint8_t> bytes;
    if (i % 4 == 0) {
      bytes.resize(rng.Below(128));
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng.Next());
    } else {
      bytes = SomeFrame(rng);
      // Headers are where it matters.
      for (uint64_t flips = rng.Below(4); flips > 0; --flips) {
        bytes[rng.Below(std::min<size_t>(bytes.size(), 64))] = static_cast<uint8_t>(rng.Next());
      }
      if (rng.Below(3) == 0) bytes.resize(rng.Below(bytes.size() + 1));
    }
    const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
    if (!bytes.empty()) std::memcpy(exact.get(), bytes.data(), bytes.size());
    FuzzOne({exact.get(), bytes.size()});
    if (HasFatalFailure()) {
      FAIL() << "case " << i;
    }
  }
}

}  // namespace
}  // namespace feedfarm
