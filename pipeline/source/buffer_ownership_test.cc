// Whatever becomes of a packet, its buffer goes back to its source, for every receive method: through the whole feed
// handler, and where receiving itself fails. (The full queue is live_source_test's, hostile frames are
// block_ring_test's.)
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/feed/feed_event_queue.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/feed/feed_protocol.h"
#include "pipeline/feed/latency_histograms.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/source/live_source.h"
#include "pipeline/source/testing/live_source_test_base.h"

namespace feedfarm {
namespace {

using testing::BuildFrame;
using testing::FrameSpec;
using testing::kGroup;
using testing::kPatienceNs;
using testing::kPort;

using Handler = FeedHandler<MoldItchProtocol>;

class BufferOwnershipTest : public testing::LiveSourceTest {
 protected:
  void SetUp() override {
    LiveSourceTest::SetUp();
    if (source_ == nullptr) return;
    auto handler = Handler::Create({}, source_.get(), nullptr, &events_, &histograms_, nullptr);
    ASSERT_TRUE(handler.ok()) << handler.status();
    handler_ = *std::move(handler);
  }

  // A packet of system event messages.
  static std::vector<uint8_t> Messages(uint64_t sequence, uint16_t count, const char* session = "OWNERSHIP") {
    constexpr uint16_t kBytes = 12;
    std::vector<uint8_t> payload(moldudp64::kHeaderBytes);
    moldudp64::StoreHeader(payload.data(), moldudp64::MakeSession(session), sequence, count);
    for (uint16_t i = 0; i < count; ++i) {
      const size_t at = payload.size();
      payload.resize(at + moldudp64::kLengthBytes + kBytes);
      StoreBig<uint16_t>(&payload[at], kBytes);
      payload[at + moldudp64::kLengthBytes] = 'S';
      payload.back() = 'O';
    }
    return payload;
  }

  void SendPayload(LineId line, const std::vector<uint8_t>& payload) {
    Send(line, FrameSpec{.destination = kGroup[Index(line)], .port = kPort, .payload = payload});
  }

  // Polls until the handler has taken `packets` in all. Buffers must be back after each Poll.
  void PollUntil(uint64_t packets) {
    const uint64_t give_up_ns = MonotonicNow() + kPatienceNs;
    while (Taken() < packets && MonotonicNow() < give_up_ns) {
      if (handler_->Poll() == 0) source_->Wait(1'000'000);
      const SourceCounters counters = source_->Counters();
      ASSERT_EQ(counters.pool_available, counters.pool_frames);
    }
    ASSERT_EQ(Taken(), packets);
  }

  uint64_t Taken() const {
    const FeedCounters counters = handler_->Snapshot();
    return counters.lines[0].packets + counters.lines[1].packets;
  }

  FeedEventQueue events_;
  LatencyHistograms histograms_;
  std::unique_ptr<Handler> handler_;
};

TEST_P(BufferOwnershipTest, EveryKindOfPacketGivesItsBufferBack) {
  struct Step {
    const char* what;
    LineId line;
    std::vector<uint8_t> payload;
    std::function<uint64_t(const FeedCounters&)> counted;  // grows by one, or by the packet's messages
  };
  const auto line = [](LineId id, uint64_t LineCounters::*field) {
    return [id, field](const FeedCounters& counters) { return counters.lines[Index(id)].*field; };
  };
  std::vector<uint8_t> cut_short = Messages(3, 2);
  cut_short.resize(cut_short.size() - 5);
  const Step steps[] = {
      {"first of all: a copy is held", LineId::kA, Messages(1, 2), line(LineId::kA, &LineCounters::packets)},
      {"the other line's copy, which bears it out", LineId::kB, Messages(1, 2),
       line(LineId::kB, &LineCounters::second_copies)},
      {"duplicate on its own line", LineId::kA, Messages(1, 2), line(LineId::kA, &LineCounters::second_copies)},
      {"partly new", LineId::kB, Messages(2, 2), [](const FeedCounters& c) { return c.partial_overlaps; }},
      {"malformed: shorter than its blocks", LineId::kA, cut_short, line(LineId::kA, &LineCounters::malformed_packets)},
      {"malformed: no header", LineId::kA, {1, 2, 3}, line(LineId::kA, &LineCounters::malformed_packets)},
      {"malformed: empty", LineId::kB, {}, line(LineId::kB, &LineCounters::malformed_packets)},
      {"heartbeat", LineId::kB, Messages(4, 0), line(LineId::kB, &LineCounters::heartbeats)},
      {"held behind a gap", LineId::kA, Messages(10, 1), line(LineId::kA, &LineCounters::first_copies)},
      {"far ahead: a copy is held", LineId::kA, Messages(1'000'000'000, 1), line(LineId::kA, &LineCounters::packets)},
      {"out of the window, once it is borne out", LineId::kB, Messages(1'000'000'001, 0),
       [](const FeedCounters& c) { return c.window_full; }},
  };
  uint64_t sent = 0;
  for (const Step& step : steps) {
    SCOPED_TRACE(step.what);
    const uint64_t before = step.counted(handler_->Snapshot());
    SendPayload(step.line, step.payload);
    PollUntil(++sent);
    EXPECT_EQ(step.counted(handler_->Snapshot()), before + 1);
  }
  // Another session, and then a packet of the first one again: stale.
  SendPayload(LineId::kA, Messages(1, 1, "NEXT"));
  SendPayload(LineId::kA, Messages(2, 1, "NEXT"));
  PollUntil(sent += 2);
  const uint64_t give_up_ns = MonotonicNow() + kPatienceNs;
  while (handler_->busy() && MonotonicNow() < give_up_ns) handler_->Poll();
  SendPayload(LineId::kB, Messages(1, 1));
  PollUntil(++sent);
  EXPECT_EQ(handler_->Snapshot().lines[1].stale_packets, 1u);

  handler_->Finish();
  const SourceCounters counters = source_->Counters();
  EXPECT_EQ(counters.pool_available, counters.pool_frames);
  EXPECT_EQ(counters.pool_misses + counters.pool_return_drops, 0u);
}

TEST_P(BufferOwnershipTest, NoProgressKeepsNoBuffer) {
  std::array<Packet, kBatchMax> batch;
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(source_->Receive(batch), 0u);
    if (i % 100 == 0) source_->Wait(100'000);
  }
  const SourceCounters counters = source_->Counters();
  EXPECT_EQ(counters.pool_available, counters.pool_frames);
  EXPECT_EQ(counters.pool_misses, 0u);
  EXPECT_EQ(counters.receive_errors, 0u);
}

TEST_P(BufferOwnershipTest, InterfaceThatGoesAwayTakesNoBufferWithIt) {
  SendPayload(LineId::kA, Messages(1, 1));
  std::array<Packet, kBatchMax> held;
  size_t count = 0;
  const uint64_t give_up_ns = MonotonicNow() + kPatienceNs;
  while (count == 0 && MonotonicNow() < give_up_ns) {
    count = source_->Receive(held);
    if (count == 0) source_->Wait(1'000'000);
  }
  ASSERT_EQ(count, 1u);
  ASSERT_EQ(std::system("ip link del line_a"), 0);
  std::array<Packet, kBatchMax> batch;
  EXPECT_EQ(source_->Receive(batch), 0u);
  source_->Release(std::span(held).first(count));
  source_->Wait(1'000'000);
  EXPECT_EQ(source_->Receive(batch), 0u);
  const SourceCounters counters = source_->Counters();
  EXPECT_EQ(counters.pool_available, counters.pool_frames);
  // An UDP socket is not told.
  if (GetParam().options.method != ReceiveMethod::kRecvmmsg) {
    EXPECT_GT(counters.receive_errors, 0u);
  }
}

// The UDP sockets among this process's open files.
std::vector<int> UdpSockets() {
  std::vector<int> found;
  for (int fd = 3; fd < 1024; ++fd) {
    int domain = 0, type = 0;
    socklen_t size = sizeof(int);
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_INET) continue;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM) found.push_back(fd);
  }
  return found;
}

TEST_P(BufferOwnershipTest, FatalReceiveErrorKeepsNoBuffer) {
  if (GetParam().options.method != ReceiveMethod::kRecvmmsg) {
    GTEST_SKIP() << "receives without system calls: its fatal error is the interface's end, tested above";
  }
  SendPayload(LineId::kA, Messages(1, 1));
  PollUntil(1);
  const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(null_fd, 0);
  for (int fd : UdpSockets()) ASSERT_EQ(dup2(null_fd, fd), fd);  // every further call says ENOTSOCK
  close(null_fd);
  std::array<Packet, kBatchMax> batch;
  EXPECT_EQ(source_->Receive(batch), 0u);
  const SourceCounters counters = source_->Counters();
  EXPECT_GE(counters.receive_errors, 2u);
  EXPECT_EQ(counters.pool_available, counters.pool_frames);
}

INSTANTIATE_TEST_SUITE_P(Methods, BufferOwnershipTest, ::testing::ValuesIn(testing::ReceiveMethods()),
                         testing::NameOfMethod);

}  // namespace
}  // namespace feedfarm
