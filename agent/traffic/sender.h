#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "agent/traffic/frame_sender.h"
#include "agent/traffic/line_plan.h"
#include "agent/traffic/pacer.h"
#include "agent/traffic/stream_content.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {

// Sends a plan: a thread of its own, pinned, that sleeps until shortly before a packet is due and then spins. How late
// each packet left against its intended time is recorded (latency.send). The thread exists from Create on and waits for
// Start. Methods are thread-safe unless they say otherwise.
class Sender {
 public:
  struct Counters {
    std::array<uint64_t, kLines> packets{};       // taken by the kernel
    std::array<uint64_t, kLines> data_packets{};  // of them, with messages
    uint64_t planned_sent = 0;               // of the plan, errors included
    uint64_t send_errors = 0;
    uint64_t first_send_tai_ns = 0;  // 0 = nothing was sent
    uint64_t last_send_tai_ns = 0;
  };

  // `content` and `plan` outlive it. cpu: core to pin to, -1 = none. FAILED_PRECONDITION: no such core.
  static absl::StatusOr<std::unique_ptr<Sender>> Create(const StreamContent& content, const LinePlan& plan,
                                                        std::array<FrameSender, kLines> lines, int cpu);
  // Stops and joins.
  ~Sender();

  // Once.
  void Start(uint64_t start_tai_ns);
  void Stop();

  // The plan is sent, or Stop has taken effect.
  bool Done() const { return done_.load(std::memory_order_acquire); }
  Counters counters() const;

  // Messages [0, published) have had their time: those of every packet sent, and those before them.
  const std::atomic<uint64_t>& published() const { return published_; }

  // Lateness of the packets since the last call.
  Histogram TakeInterval();
  // Of all packets so far.
  Histogram WholeRun() const;

 private:
  Sender(const StreamContent& content, const LinePlan& plan, std::array<FrameSender, kLines> lines);

  void Run();
  void Send(const Pacer::Step& step, uint64_t start_ns);
  void Record(const Pacer::Step& step, uint64_t start_ns, uint64_t before_ns, uint64_t after_ns);

  const StreamContent& content_;
  const LinePlan& plan_;
  std::array<FrameSender, kLines> lines_;
  uint64_t start_tai_ns_ = 0;  // written before started_

  absl::Notification started_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> done_{false};
  std::atomic<uint64_t> published_{0};
  std::array<std::atomic<uint64_t>, kLines> packets_{};
  std::array<std::atomic<uint64_t>, kLines> data_packets_{};
  std::atomic<uint64_t> planned_sent_{0};
  std::atomic<uint64_t> send_errors_{0};
  std::atomic<uint64_t> first_send_ns_{0};
  std::atomic<uint64_t> last_send_ns_{0};

  // The sender holds only mutex_, and nobody holds that for longer than a merge of two histograms.
  mutable absl::Mutex taking_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  Histogram taken_ ABSL_GUARDED_BY(taking_mutex_);  // the sum of all intervals that were taken
  Histogram interval_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace feedfarm
