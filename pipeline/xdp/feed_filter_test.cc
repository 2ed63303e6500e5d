// The XDP program by BPF_PROG_TEST_RUN: packet in; verdict, counters and metadata out.
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/source/testing/frame_builder.h"
#include "pipeline/source/testing/veth_lab.h"
#include "pipeline/xdp/umem_pool.h"
#include "pipeline/xdp/xdp_program.h"
#include "pipeline/xdp/xsk_socket.h"
#include "pipeline/xdp/xsk_umem.h"

namespace feedfarm {
namespace {

using testing::BuildFrame;
using testing::FrameSpec;

constexpr uint32_t kGroupA = 0xEF0A0001, kGroupB = 0xEF0A0002;
constexpr uint16_t kPortA = 26400, kPortB = 26401;
constexpr uint64_t kHourNs = 3'600'000'000'000;

struct Outcome {
  uint32_t verdict = 0;
  std::vector<uint8_t> frame;  // after the program
  bool has_metadata = false;
  feed_filter_metadata metadata{};
};

class FeedFilter : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoLab(); !why.empty()) GTEST_SKIP() << why;
    XdpProgramOptions options;
    options.interface.name = "lo";
    options.interface.index = 1;
    options.endpoints[0] = {.address = __builtin_bswap32(kGroupA), .port = __builtin_bswap16(kPortA), .padding = 0};
    options.endpoints[1] = {.address = __builtin_bswap32(kGroupB), .port = __builtin_bswap16(kPortB), .padding = 0};
    auto program = XdpProgram::Load(options);
    ASSERT_TRUE(program.ok()) << program.status();
    program_ = *std::move(program);
  }

  Outcome Run(const std::vector<uint8_t>& frame) {
    std::vector<uint8_t> out(frame.size() + 256);
    xdp_md context{};
    context.data_end = static_cast<uint32_t>(frame.size());
    bpf_test_run_opts run{};
    run.sz = sizeof(run);
    run.ctx_in = &context;
    run.ctx_size_in = sizeof(context);
    run.data_in = frame.data();
    run.data_size_in = static_cast<uint32_t>(frame.size());
    run.data_out = out.data();
    run.data_size_out = static_cast<uint32_t>(out.size());
    run.ctx_out = &context;
    run.ctx_size_out = sizeof(context);
    run.repeat = 1;
    const int error = bpf_prog_test_run_opts(program_->program_fd(), &run);
    EXPECT_EQ(error, 0) << std::strerror(-error);
    Outcome outcome{.verdict = run.retval, .frame = {}};
    const size_t metadata_bytes = context.data - context.data_meta;
    outcome.has_metadata = metadata_bytes == sizeof(outcome.metadata);
    if (outcome.has_metadata) std::memcpy(&outcome.metadata, out.data(), sizeof(outcome.metadata));
    outcome.frame.assign(out.begin() + static_cast<long>(metadata_bytes), out.begin() + run.data_size_out);
    return outcome;
  }

  feed_filter_counters Counters() {
    const auto counters = program_->Counters();
    EXPECT_TRUE(counters.ok()) << counters.status();
    return counters.value_or(feed_filter_counters{});
  }

  std::unique_ptr<XdpProgram> program_;
};

FrameSpec ToLineA() { return {.destination = kGroupA, .port = kPortA, .payload = {1, 2, 3, 4}}; }

struct FrameCase {
  const char* name;
  std::function<void(FrameSpec&)> change;
  __u64 feed_filter_counters::*counter;  // which grows; null = line A matched
};

TEST_F(FeedFilter, JudgesEveryKindOfFrame) {
  using C = feed_filter_counters;
  const std::vector<FrameCase> cases = {
      {"plain", [](FrameSpec&) {}, nullptr},
      {"empty payload", [](FrameSpec& f) { f.payload.clear(); }, nullptr},
      {"full payload", [](FrameSpec& f) { f.payload.assign(1472, 7); }, nullptr},
      {"send trailer", [](FrameSpec& f) { f.intended_tai_ns = 5; }, nullptr},
      {"one VLAN tag", [](FrameSpec& f) { f.vlan_protocols = {0x8100}; }, nullptr},
      {"service tag", [](FrameSpec& f) { f.vlan_protocols = {0x88A8}; }, nullptr},
      {"two VLAN tags",
       [](FrameSpec& f) {
         f.vlan_protocols = {0x88A8, 0x8100};
       },
       nullptr},
      {"three VLAN tags",
       [](FrameSpec& f) {
         f.vlan_protocols = {0x8100, 0x8100, 0x8100};
       },
       &C::pass_other_protocol},
      {"IP options", [](FrameSpec& f) { f.option_words = 1; }, nullptr},
      {"most IP options", [](FrameSpec& f) { f.option_words = 10; }, nullptr},
      {"options and tags",
       [](FrameSpec& f) {
         f.option_words = 3, f.vlan_protocols = {0x88A8, 0x8100};
       },
       nullptr},
      {"do not fragment", [](FrameSpec& f) { f.fragment_bits = 0x4000; }, nullptr},
      {"first fragment", [](FrameSpec& f) { f.fragment_bits = 0x2000; }, &C::pass_fragment},
      {"later fragment", [](FrameSpec& f) { f.fragment_bits = 0x0010; }, &C::pass_fragment},
      {"IPv6", [](FrameSpec& f) { f.ethernet_type = 0x86DD; }, &C::pass_other_protocol},
      {"ARP", [](FrameSpec& f) { f.ethernet_type = 0x0806; }, &C::pass_other_protocol},
      {"TCP", [](FrameSpec& f) { f.ip_protocol = 6; }, &C::pass_other_protocol},
      {"IGMP", [](FrameSpec& f) { f.ip_protocol = 2; }, &C::pass_other_protocol},
      {"IP version 6 in IPv4", [](FrameSpec& f) { f.ip_version = 6; }, &C::pass_malformed},
      {"other group", [](FrameSpec& f) { f.destination = kGroupA + 5; }, &C::pass_other_endpoint},
      {"other port", [](FrameSpec& f) { f.port = kPortA + 5; }, &C::pass_other_endpoint},
      {"A's group, B's port", [](FrameSpec& f) { f.port = kPortB; }, &C::pass_other_endpoint},
      {"port 0", [](FrameSpec& f) { f.port = 0; }, &C::pass_other_endpoint},
      {"IP longer than the frame", [](FrameSpec& f) { f.ip_total_delta = 1; }, &C::pass_malformed},
      {"IP shorter than its UDP", [](FrameSpec& f) { f.ip_total_delta = -1; }, &C::pass_malformed},
      {"IP without room for UDP", [](FrameSpec& f) { f.ip_total_delta = -5; }, &C::pass_malformed},
      {"UDP longer than IP", [](FrameSpec& f) { f.udp_length_delta = 1; }, &C::pass_malformed},
      {"UDP shorter than IP", [](FrameSpec& f) { f.udp_length_delta = -2; }, nullptr},
      {"UDP shorter than its header", [](FrameSpec& f) { f.udp_length_delta = -5; }, &C::pass_malformed},
  };
  for (const FrameCase& test : cases) {
    SCOPED_TRACE(test.name);
    FrameSpec spec = ToLineA();
    test.change(spec);
    const std::vector<uint8_t> frame = BuildFrame(spec);
    const feed_filter_counters before = Counters();
    const uint64_t before_ns = TaiNow();
    const Outcome outcome = Run(frame);
    const feed_filter_counters after = Counters();
    EXPECT_EQ(outcome.verdict, XDP_PASS);  // matched ones as well: there is no socket here
    EXPECT_EQ(outcome.frame, frame);
    const bool matched = test.counter == nullptr;
    EXPECT_EQ(outcome.has_metadata, matched);
    EXPECT_EQ(after.lines[0].matched - before.lines[0].matched, matched ? 1u : 0u);
    EXPECT_EQ(after.no_socket - before.no_socket, matched ? 1u : 0u);
    for (auto counter : {&C::pass_other_protocol, &C::pass_fragment, &C::pass_malformed, &C::pass_other_endpoint}) {
      EXPECT_EQ(after.*counter - before.*counter, counter == test.counter ? 1u : 0u);
    }
    if (!matched) continue;
    EXPECT_EQ(outcome.metadata.magic, FEED_FILTER_METADATA_MAGIC);
    EXPECT_EQ(outcome.metadata.line, 0);
    EXPECT_EQ(outcome.metadata.timestamp_class, FEED_FILTER_CLASS_SOFTWARE);
    EXPECT_EQ(outcome.metadata.padding, 0);
    EXPECT_GE(outcome.metadata.receive_tai_ns, before_ns);
    EXPECT_LE(outcome.metadata.receive_tai_ns, TaiNow());
  }
}

TEST_F(FeedFilter, PassesEveryFrameThatIsCutShort) {
  FrameSpec spec = ToLineA();
  spec.vlan_protocols = {0x88A8, 0x8100};
  spec.option_words = 2;
  const std::vector<uint8_t> whole = BuildFrame(spec);
  for (size_t size = 14; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    const feed_filter_counters before = Counters();
    const Outcome outcome = Run({whole.begin(), whole.begin() + static_cast<long>(size)});
    EXPECT_EQ(outcome.verdict, XDP_PASS);
    EXPECT_FALSE(outcome.has_metadata);
    EXPECT_EQ(Counters().pass_malformed - before.pass_malformed, 1u);
  }
  EXPECT_EQ(Counters().lines[0].matched, 0u);
}

TEST_F(FeedFilter, TellsTheLinesApart) {
  EXPECT_EQ(Run(BuildFrame({.destination = kGroupB, .port = kPortB})).metadata.line, 1);
  EXPECT_EQ(Run(BuildFrame({.destination = kGroupA, .port = kPortA})).metadata.line, 0);
  EXPECT_EQ(Counters().lines[1].matched, 1u);
}

TEST_F(FeedFilter, CutsOneLineInsideItsWindowOnly) {
  const std::vector<uint8_t> to_a = BuildFrame(ToLineA());
  const std::vector<uint8_t> to_b = BuildFrame({.destination = kGroupB, .port = kPortB});
  // Before the window.
  ASSERT_TRUE(program_->ArmCut(0, TaiNow() + kHourNs / 2, kHourNs / 2).ok());
  EXPECT_EQ(Run(to_a).verdict, XDP_PASS);
  EXPECT_EQ(Counters().lines[0].cut, 0u);
  // Inside.
  const uint64_t start_ns = TaiNow();
  ASSERT_TRUE(program_->ArmCut(0, start_ns, kHourNs).ok());
  EXPECT_EQ(Run(to_a).verdict, XDP_DROP);
  EXPECT_EQ(Run(to_b).verdict, XDP_PASS);
  EXPECT_EQ(Run(to_a).verdict, XDP_DROP);
  feed_filter_line_counters line = Counters().lines[0];
  EXPECT_EQ(line.matched, 3u);
  EXPECT_EQ(line.cut, 2u);
  EXPECT_EQ(line.rule_cut, 2u);
  EXPECT_GE(line.rule_first_tai_ns, start_ns);
  EXPECT_GT(line.rule_last_tai_ns, line.rule_first_tai_ns);
  EXPECT_LE(line.rule_last_tai_ns, TaiNow());
  // Ended by hand.
  ASSERT_TRUE(program_->DisarmCut(0).ok());
  EXPECT_EQ(Run(to_a).verdict, XDP_PASS);
  EXPECT_EQ(Counters().lines[0].cut, 2u);
  EXPECT_EQ(Counters().lines[1].cut, 0u);
}

TEST_F(FeedFilter, ACutEndsByItself) {
  constexpr uint64_t kCutNs = 20'000'000;
  const std::vector<uint8_t> to_a = BuildFrame(ToLineA());
  const uint64_t end_ns = TaiNow() + kCutNs;
  ASSERT_TRUE(program_->ArmCut(0, end_ns - kCutNs, kCutNs).ok());
  Outcome outcome;
  do {
    outcome = Run(to_a);
    if (outcome.verdict == XDP_PASS) break;
    ASSERT_EQ(outcome.verdict, XDP_DROP);
  } while (TaiNow() < end_ns + kHourNs);
  EXPECT_GE(outcome.metadata.receive_tai_ns, end_ns);
  EXPECT_LT(Counters().lines[0].rule_last_tai_ns, end_ns);
}

TEST_F(FeedFilter, CountsEachRuleForItself) {
  const std::vector<uint8_t> to_a = BuildFrame(ToLineA());
  ASSERT_TRUE(program_->ArmCut(0, TaiNow(), kHourNs).ok());
  for (int i = 0; i < 3; ++i) Run(to_a);
  ASSERT_TRUE(program_->ArmCut(0, TaiNow(), kHourNs).ok());
  EXPECT_EQ(Counters().lines[0].rule_cut, 0u);
  Run(to_a);
  EXPECT_EQ(Counters().lines[0].rule_cut, 1u);
  EXPECT_EQ(Counters().lines[0].cut, 4u);
}

TEST_F(FeedFilter, RefusesWindowsThatCannotBeMeant) {
  const uint64_t now = TaiNow();
  EXPECT_EQ(program_->ArmCut(0, now, 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(program_->ArmCut(0, now, kHourNs + 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(program_->ArmCut(0, now - 2, 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(program_->ArmCut(0, ~uint64_t{0}, 5).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(program_->ArmCut(2, now, kHourNs).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(program_->DisarmCut(2).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(FeedFilter, RedirectsToTheSocketOfTheQueue) {
  ASSERT_TRUE(testing::EnterNewNamespace().ok());
  ASSERT_TRUE(testing::MakeVeth({.name = "port"}).ok());
  auto pool = UmemPool::Create(256, 2048);
  ASSERT_TRUE(pool.ok()) << pool.status();
  auto umem = XskUmem::Create(**pool, 128);
  ASSERT_TRUE(umem.ok()) << umem.status();
  auto socket = XskSocket::Create(**umem, {.interface = "port", .queue = 0, .ring_entries = 128});
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_FALSE((*socket)->zero_copy());
  EXPECT_EQ(program_->SetSocket(7, (*socket)->fd()).code(), absl::StatusCode::kOutOfRange);
  ASSERT_TRUE(program_->SetSocket(0, (*socket)->fd()).ok());
  EXPECT_EQ(Run(BuildFrame(ToLineA())).verdict, XDP_REDIRECT);
  EXPECT_EQ(Counters().no_socket, 0u);
}

}  // namespace
}  // namespace feedfarm
