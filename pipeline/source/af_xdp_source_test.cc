// What only the AF_XDP source has: cuts, modes, frame sizes, and an end that leaves nothing behind.
#include "pipeline/source/af_xdp_source.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/endian.h"
#include "pipeline/source/testing/frame_builder.h"
#include "pipeline/source/testing/veth_lab.h"

namespace feedfarm {
namespace {

using testing::BuildFrame;
using testing::FrameSender;
using testing::FrameSpec;
using testing::HasXdpProgram;
using testing::TransmitDrops;

constexpr uint32_t kGroup[kLines] = {0xEF0A0001, 0xEF0A0002};
constexpr uint16_t kPort = 26400;
constexpr uint64_t kPatienceNs = 3'000'000'000;

class AfXdpSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoLab(); !why.empty()) GTEST_SKIP() << why;
    ASSERT_TRUE(testing::EnterNewNamespace().ok());
  }

  static void MakeLines(uint32_t mtu = 1500, uint32_t queues = 1) {
    ASSERT_TRUE(testing::MakeVeth({.name = "line_a", .mtu = mtu, .queues = queues}).ok());
    ASSERT_TRUE(testing::MakeVeth({.name = "line_b", .mtu = mtu, .queues = queues}).ok());
  }

  static ReceiveOptions Options() {
    ReceiveOptions options;
    options.lines[0] = {.interface = "line_a", .group = kGroup[0], .port = kPort};
    options.lines[1] = {.interface = "line_b", .group = kGroup[1], .port = kPort};
    options.frames = 2048;
    return options;
  }

  static std::vector<uint8_t> Frame(LineId line, size_t payload_bytes = 64) {
    FrameSpec spec{.destination = kGroup[Index(line)], .port = kPort};
    spec.payload.assign(payload_bytes, 3);
    return BuildFrame(spec);
  }

  // The next packet's payload size, or -1 where none comes.
  static int TakeOne(AfXdpSource& source) {
    std::array<Packet, 1> packet;
    const uint64_t give_up_ns = MonotonicNow() + kPatienceNs;
    while (MonotonicNow() < give_up_ns) {
      if (source.Receive(packet) == 1) {
        source.Release(packet);
        return static_cast<int>(packet[0].size);
      }
      source.Wait(10'000'000);
    }
    return -1;
  }
};

TEST_F(AfXdpSourceTest, ReportsWhatTheKernelGranted) {
  MakeLines();
  auto source = AfXdpSource::Create(Options());
  ASSERT_TRUE(source.ok()) << source.status();
  const SourceGrants& grants = (*source)->grants();
  EXPECT_EQ(grants.xdp_mode, "native");
  EXPECT_EQ(grants.bind_mode, "copy");
  EXPECT_EQ(grants.timestamp_class, TimestampClass::kSoftware);
  EXPECT_EQ(grants.frame_bytes, 2048u);
  EXPECT_EQ(grants.queues[0], 1u);
  std::string all;
  for (const Refusal& refusal : grants.not_granted) all += Sentence(refusal) + "\n";
  EXPECT_NE(all.find("zero-copy"), std::string::npos) << all;
  EXPECT_NE(all.find("hardware-time"), std::string::npos) << all;

  source->reset();
  ReceiveOptions skb = Options();
  skb.force_skb_mode = true;
  auto weaker = AfXdpSource::Create(skb);
  ASSERT_TRUE(weaker.ok()) << weaker.status();
  EXPECT_EQ((*weaker)->grants().xdp_mode, "skb");
}

TEST_F(AfXdpSourceTest, FailsWithTheReasonWhereARequirementIsNotGranted) {
  MakeLines();
  ReceiveOptions options = Options();
  options.required = {Grant::kZeroCopy};
  auto source = AfXdpSource::Create(options);
  EXPECT_EQ(source.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(source.status().message().find("zero-copy: AF_XDP socket on line_a queue 0"), std::string::npos)
      << source.status();
  // Nothing of it stays, and what can be had is had.
  EXPECT_FALSE(HasXdpProgram("line_a").value_or(true));
  options.required = {Grant::kNativeXdp};
  source = AfXdpSource::Create(options);
  EXPECT_TRUE(source.ok()) << source.status();
  source->reset();

  options.timestamps = WantedTime::kHardware;
  options.required = {Grant::kHardwareTime};
  source = AfXdpSource::Create(options);
  EXPECT_EQ(source.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(source.status().message().find("SIOCSHWTSTAMP line_a"), std::string::npos) << source.status();
  options.required = {};
  source = AfXdpSource::Create(options);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->grants().timestamp_class, TimestampClass::kSoftware);
}

TEST_F(AfXdpSourceTest, GrantsBusyPollingWhereItIsAskedFor) {
  MakeLines();
  ReceiveOptions options = Options();
  options.busy_poll_us = 20;
  options.required = {Grant::kBusyPoll};
  EXPECT_TRUE(AfXdpSource::Create(options).ok());
}

TEST_F(AfXdpSourceTest, ServesEveryQueue) {
  MakeLines(1500, 2);
  ReceiveOptions options = Options();
  auto source = AfXdpSource::Create(options);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->grants().queues[0], 2u);
  EXPECT_EQ((*source)->grants().queues[1], 2u);
  auto sender = FrameSender::Create("line_a_tx");
  ASSERT_TRUE(sender.ok());
  // Each CPU sends on a transmit queue of its own, which is the peer's receive queue.
  const unsigned cpus = std::thread::hardware_concurrency();
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    std::thread([&] {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(cpu, &set);
      sched_setaffinity(0, sizeof(set), &set);
      for (int i = 0; i < 10; ++i) EXPECT_TRUE(sender->Send(Frame(LineId::kA)).ok());
    }).join();
    for (int i = 0; i < 10; ++i) ASSERT_EQ(TakeOne(**source), 64);
  }
  EXPECT_EQ((*source)->Counters().packets[0], 10u * cpus);
}

TEST_F(AfXdpSourceTest, HoldsTheLongestFrameOfItsMtu) {
  for (uint32_t mtu : {1500u, 1738u, 1739u, 2000u}) {
    SCOPED_TRACE(mtu);
    ASSERT_TRUE(testing::EnterNewNamespace().ok());
    MakeLines(mtu);
    auto source = AfXdpSource::Create(Options());
    ASSERT_TRUE(source.ok()) << source.status();
    EXPECT_EQ((*source)->grants().frame_bytes, mtu <= 1738 ? 2048u : 4096u);
    auto sender = FrameSender::Create("line_b_tx");
    ASSERT_TRUE(sender.ok());
    ASSERT_TRUE(sender->Send(Frame(LineId::kB, mtu - 28)).ok());
    EXPECT_EQ(TakeOne(**source), static_cast<int>(mtu - 28));
    EXPECT_EQ((*source)->Counters().invalid, 0u);
  }
}

TEST_F(AfXdpSourceTest, RefusesWhatCannotWorkWithAReason) {
  MakeLines(9000);
  auto source = AfXdpSource::Create(Options());
  EXPECT_EQ(source.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(source.status().message().find("MTU 9000"), std::string::npos) << source.status();

  ReceiveOptions options = Options();
  options.lines[1] = options.lines[0];
  EXPECT_EQ(AfXdpSource::Create(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Options();
  options.frames = 1000;
  EXPECT_EQ(AfXdpSource::Create(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Options();
  options.queues = 64;
  EXPECT_EQ(AfXdpSource::Create(options).status().code(), absl::StatusCode::kInvalidArgument);
  options = Options();
  options.lines[0].interface = "nowhere";
  EXPECT_EQ(AfXdpSource::Create(options).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(HasXdpProgram("line_a").value_or(true));
}

TEST_F(AfXdpSourceTest, SaysWhenAnotherProgramHasTheInterface) {
  MakeLines();
  auto first = AfXdpSource::Create(Options());
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = AfXdpSource::Create(Options());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
  EXPECT_NE(second.status().message().find("another XDP program"), std::string::npos) << second.status();
}

TEST_F(AfXdpSourceTest, EndLeavesNoProgram) {
  MakeLines();
  auto source = AfXdpSource::Create(Options());
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_TRUE(HasXdpProgram("line_a").value_or(false));
  source->reset();
  EXPECT_FALSE(HasXdpProgram("line_a").value_or(true));
  EXPECT_FALSE(HasXdpProgram("line_b").value_or(true));
}

TEST_F(AfXdpSourceTest, KillLeavesNoProgramAndTheNextOneStartsAtOnce) {
  MakeLines();
  for (int round = 0; round < 3; ++round) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto source = AfXdpSource::Create(Options());
      const char answer = source.ok() ? '1' : '0';
      if (write(ready[1], &answer, 1) != 1) _exit(1);
      while (true) pause();
    }
    close(ready[1]);
    char answer = '0';
    EXPECT_EQ(read(ready[0], &answer, 1), 1);
    close(ready[0]);
    EXPECT_EQ(answer, '1');
    EXPECT_TRUE(HasXdpProgram("line_a").value_or(false));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_FALSE(HasXdpProgram("line_a").value_or(true));
    EXPECT_FALSE(HasXdpProgram("line_b").value_or(true));

    auto source = AfXdpSource::Create(Options());
    ASSERT_TRUE(source.ok()) << source.status();
    auto sender = FrameSender::Create("line_a_tx");
    ASSERT_TRUE(sender.ok());
    ASSERT_TRUE(sender->Send(Frame(LineId::kA)).ok());
    EXPECT_EQ(TakeOne(**source), 64);
  }
}

// What one cut did, as the receiver saw it.
struct CutSeen {
  uint64_t last_before_ns = 0;  // receive times on the cut line
  uint64_t first_after_ns = 0;
  uint64_t inside = 0;  // packets with a receive time inside the window
  uint64_t packets[kLines] = {};
};

TEST_F(AfXdpSourceTest, CutsALineForExactlyItsTime) {
  constexpr uint64_t kPeriodNs = 50'000;  // 20,000 packets a second
  constexpr uint64_t kCutNs = 200'000'000, kLeadNs = 60'000'000, kMarginNs = 1'000'000;
  MakeLines();
  ReceiveOptions options = Options();
  options.frames =
      32768;  // rings for 0.4 s: a busy machine may keep the receiver waiting, and nothing may be lost by that
  auto created = AfXdpSource::Create(options);
  ASSERT_TRUE(created.ok()) << created.status();
  AfXdpSource& source = **created;
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    const uint64_t first_ns = TaiNow() + 5'000'000;
    const uint64_t start_ns = first_ns + kLeadNs, end_ns = start_ns + kCutNs;
    const SourceCounters before = source.Counters();
    const uint64_t lab_lost_a = TransmitDrops("line_a_tx").value_or(0),
                   lab_lost_b = TransmitDrops("line_b_tx").value_or(0);
    ASSERT_TRUE(source.ArmCut(LineId::kA, start_ns, kCutNs).ok());

    // The sender's own stamps: how long it slept through an edge is not the cut's doing.
    uint64_t sent_last_before_ns = first_ns, sent_first_after_ns = 0;
    std::atomic<uint64_t> sent{0};
    std::atomic<bool> done{false};
    std::thread sending([&] {
      // Real-time, but asleep between packets: veth delivers in a softirq of this very CPU, which needs time as well.
      const sched_param priority{.sched_priority = 10};
      sched_setscheduler(0, SCHED_FIFO, &priority);
      auto to_a = FrameSender::Create("line_a_tx"), to_b = FrameSender::Create("line_b_tx");
      const std::vector<uint8_t> frame_a = Frame(LineId::kA), frame_b = Frame(LineId::kB);
      for (uint64_t due_ns = first_ns; due_ns < end_ns + kLeadNs; due_ns += kPeriodNs) {
        const timespec due{static_cast<time_t>(due_ns / 1'000'000'000), static_cast<long>(due_ns % 1'000'000'000)};
        clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &due, nullptr);
        const uint64_t now_ns = TaiNow();
        if (!to_a->Send(frame_a).ok() || !to_b->Send(frame_b).ok()) continue;
        sent.fetch_add(1);
        if (now_ns < start_ns) sent_last_before_ns = now_ns;
        if (now_ns >= end_ns && sent_first_after_ns == 0) sent_first_after_ns = now_ns;
      }
      done = true;
    });

    CutSeen seen;
    std::array<Packet, kBatchMax> batch;
    uint64_t quiet_since_ns = MonotonicNow();
    // A busy machine hands packets over long after they were sent.
    const auto all_here = [&] {
      const auto account = source.Cut(LineId::kA);
      return account.ok() &&
             seen.packets[0] + account->packets + TransmitDrops("line_a_tx").value_or(0) - lab_lost_a >= sent.load() &&
             seen.packets[1] + TransmitDrops("line_b_tx").value_or(0) - lab_lost_b >= sent.load();
    };
    while (!done || (MonotonicNow() - quiet_since_ns < kPatienceNs && !all_here())) {
      const size_t got = source.Receive(batch);
      for (size_t i = 0; i < got; ++i) {
        const Packet& packet = batch[i];
        ++seen.packets[Index(packet.line)];
        if (packet.line != LineId::kA) continue;
        if (packet.receive_tai_ns < start_ns) seen.last_before_ns = packet.receive_tai_ns;
        if (packet.receive_tai_ns >= start_ns && packet.receive_tai_ns < end_ns) ++seen.inside;
        if (packet.receive_tai_ns >= end_ns && seen.first_after_ns == 0) seen.first_after_ns = packet.receive_tai_ns;
      }
      source.Release(std::span(batch).first(got));
      if (got > 0) quiet_since_ns = MonotonicNow();
      if (got == 0) source.Wait(1'000'000);
    }
    sending.join();

    // Exact, whatever the machine did meanwhile: nothing inside came through, nothing outside was dropped.
    const auto account = source.Cut(LineId::kA);
    ASSERT_TRUE(account.ok()) << account.status();
    EXPECT_EQ(seen.inside, 0u);
    EXPECT_GE(account->first_tai_ns, start_ns);
    EXPECT_LT(account->last_tai_ns, end_ns);
    const uint64_t lost_a = TransmitDrops("line_a_tx").value_or(0) - lab_lost_a;
    const uint64_t lost_b = TransmitDrops("line_b_tx").value_or(0) - lab_lost_b;
    EXPECT_EQ(seen.packets[0] + account->packets + lost_a, sent.load());
    EXPECT_EQ(seen.packets[1] + lost_b, sent.load());
    const SourceCounters after = source.Counters();
    EXPECT_EQ(after.cut_packets[0] - before.cut_packets[0], account->packets);
    EXPECT_EQ(after.cut_packets[1], 0u);
    EXPECT_EQ(after.ring_full + after.fill_ring_empty + after.invalid, 0u);

    // The receiver's measure of it.
    ASSERT_GT(seen.last_before_ns, 0u);
    ASSERT_GT(seen.first_after_ns, seen.last_before_ns);
    const uint64_t measured_ns = seen.first_after_ns - seen.last_before_ns;
    const uint64_t sender_late_ns = (start_ns - sent_last_before_ns) + (sent_first_after_ns - end_ns);
    std::cout << "cut measured by the receiver: " << static_cast<double>(measured_ns) / 1e6 << " ms, "
              << account->packets << " packets; at the edges the sender was late by "
              << static_cast<double>(sender_late_ns) / 1e6 << " ms\n";
    EXPECT_GE(measured_ns, kCutNs);
    if (lost_a > 0) {
      std::cout << "the lab's veth lost " << lost_a << " packets of line A: this measure says nothing\n";
      continue;
    }
    EXPECT_LE(measured_ns, kCutNs + sender_late_ns + kMarginNs);
  }
}

}  // namespace
}  // namespace feedfarm
