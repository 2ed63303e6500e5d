#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/endian.h"
#include "pipeline/source/line_endpoint.h"
#include "pipeline/source/live_source_factory.h"
#include "pipeline/source/receive_options.h"
#include "pipeline/source/testing/frame_builder.h"
#include "pipeline/source/testing/veth_lab.h"

namespace feedfarm::testing {

inline constexpr uint32_t kGroup[kLines] = {0xEF0A0001, 0xEF0A0002};  // 239.10.0.1, 239.10.0.2
inline constexpr uint16_t kPort = 26400;
inline constexpr uint32_t kFrames = 1024;
// A test that gets no packet for so long has lost it.
inline constexpr uint64_t kPatienceNs = 3'000'000'000;

// A live source's settings, and what is known of its ways.
struct Method {
  std::string name;
  bool one_interface;
  bool sees_frames;  // trailer and VLAN tags
  ReceiveOptions options;

  bool blocks() const { return options.method == ReceiveMethod::kPacketMmap; }
};
void PrintTo(const Method& method, std::ostream* out);

// Every receive method, each with its lines on two interfaces and on one.
std::vector<Method> ReceiveMethods();
std::string NameOfMethod(const ::testing::TestParamInfo<Method>& info);

// Two lines on veth in a namespace of its own, a sender into each, and the source under test.
class LiveSourceTest : public ::testing::TestWithParam<Method> {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoLab(); !why.empty()) GTEST_SKIP() << why;
    ASSERT_TRUE(EnterNewNamespace().ok());
    const std::string names[kLines] = {"line_a", GetParam().one_interface ? "line_a" : "line_b"};
    for (size_t line = 0; line < kLines; ++line) {
      if (line == 0 || !GetParam().one_interface) {
        const std::string address = "10.99." + std::to_string(line) + ".1/24";
        ASSERT_TRUE(MakeVeth({.name = names[line], .address = address}).ok());
      }
      lines_[line] = {.interface = names[line], .group = kGroup[line], .port = kPort};
      auto sender = FrameSender::Create(names[line] + "_tx");
      ASSERT_TRUE(sender.ok()) << sender.status();
      senders_.push_back(*std::move(sender));
    }
    Make();
  }

  void Make() {
    ReceiveOptions options = GetParam().options;
    options.lines = lines_;
    auto source = MakeLiveSource(options);
    ASSERT_TRUE(source.ok()) << source.status();
    source_ = *std::move(source);
  }

  void Send(LineId line, const FrameSpec& spec) {
    const absl::Status sent = senders_[Index(line)].Send(BuildFrame(spec));
    ASSERT_TRUE(sent.ok()) << sent;
  }

  // A datagram whose first bytes are its number on its line.
  static FrameSpec Numbered(LineId line, uint32_t number, size_t size = 64) {
    FrameSpec spec{.destination = kGroup[Index(line)], .port = kPort};
    spec.payload.assign(size, static_cast<uint8_t>(number));
    StoreBig<uint32_t>(spec.payload.data(), number);
    return spec;
  }

  // Takes packets until there are `count`, or none comes any more. `visit` sees each before it is given back.
  size_t Take(size_t count, const std::function<void(const Packet&)>& visit) {
    std::array<Packet, kBatchMax> batch;
    size_t taken = 0;
    uint64_t give_up_ns = MonotonicNow() + kPatienceNs;
    while (taken < count && MonotonicNow() < give_up_ns) {
      const size_t got = source_->Receive(std::span(batch).first(std::min(kBatchMax, count - taken)));
      for (size_t i = 0; i < got; ++i) visit(batch[i]);
      source_->Release(std::span(batch).first(got));
      taken += got;
      if (got > 0) {
        give_up_ns = MonotonicNow() + kPatienceNs;
      } else {
        source_->Wait(10'000'000);
      }
    }
    return taken;
  }

  void ExpectAllBuffersBack() {
    const SourceCounters counters = source_->Counters();
    EXPECT_GT(counters.pool_frames, 0u);
    if (!GetParam().blocks()) {
      EXPECT_EQ(counters.pool_frames, kFrames);
    }
    EXPECT_EQ(counters.pool_available, counters.pool_frames);
    EXPECT_EQ(counters.pool_misses, 0u);
    EXPECT_EQ(counters.pool_return_drops, 0u);
  }

  std::array<LineEndpoint, kLines> lines_;
  std::vector<FrameSender> senders_;
  std::unique_ptr<LiveSource> source_;
};

}  // namespace feedfarm::testing
