#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "pipeline/control/hot_loop.h"

namespace feedfarm {

// The hot thread: pinned where asked, SCHED_FIFO where asked and granted.
//
// The kernel stops a FIFO thread that spins for 50 ms of each second (sched_rt_runtime_us). Where that is so, KeepFifo
// leaves FIFO for one tick of ten, so that the budget is never used up: on a core of its own the thread runs on.
class HotThread {
 public:
  struct Options {
    int cpu = -1;  // -1 = not pinned
    bool fifo = false;
    bool spin = false;
  };

  // Starts it; `loop` ends by a kStop request before Join. One sentence in `not_granted` for what the kernel refused.
  HotThread(const Options& options, std::unique_ptr<HotLoop> loop);
  ~HotThread();
  HotThread(const HotThread&) = delete;
  HotThread& operator=(const HotThread&) = delete;

  void Join();

  // Housekeeping thread, every 100 ms.
  void KeepFifo();

  const std::vector<std::string>& not_granted() const { return not_granted_; }

 private:
  void SetFifo(bool on);

  const Options options_;
  std::unique_ptr<HotLoop> loop_;
  bool throttled_ = false;
  uint32_t tick_ = 0;
  std::atomic<pid_t> thread_id_{0};
  std::vector<std::string> not_granted_;
  std::thread thread_;
};

// Keeps the calling thread, and those it starts later, off the hot thread's core.
void AvoidCpu(int cpu);

// Locks all memory, present and future, and keeps the heap from giving any back: no page faults later. One sentence for
// each thing refused.
std::vector<std::string> SettleMemory();

}  // namespace feedfarm
