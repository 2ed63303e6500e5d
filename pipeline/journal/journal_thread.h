#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace feedfarm {

// Runs a step again and again on a thread of its own, asleep while there is nothing to do.
class JournalThread {
 public:
  struct Options {
    uint64_t idle_ns = 200'000;
    int cpu = -1;  // -1 = not pinned
  };

  // `step` says whether there was something to do. Runs until Stop.
  JournalThread(const Options& options, std::function<bool()> step);
  ~JournalThread() { Stop(); }
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  // Returns when the last step has ended. Harmless twice.
  void Stop();

 private:
  void Run();

  const Options options_;
  const std::function<bool()> step_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace feedfarm
