#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace feedfarm {

// Threads that each call a turn again and again: shards, and the merge behind them. A turn that had nothing to do is
// followed by a pause of the processor while spinning, or by a short sleep.
class ShardThreads {
 public:
  struct Turn {
    std::function<bool()> poll;  // false: there was nothing to do
    int cpu = -1;                // -1 = where the scheduler likes
  };

  ShardThreads(std::vector<Turn> turns, bool spin);
  ~ShardThreads() { Stop(); }
  ShardThreads(const ShardThreads&) = delete;
  ShardThreads& operator=(const ShardThreads&) = delete;

  // Each thread ends when it has nothing left to do. Harmless twice.
  void Stop();

  // One sentence for each core that was refused.
  const std::vector<std::string>& not_granted() const { return not_granted_; }

 private:
  void Run(const std::function<bool()>& poll);

  const bool spin_;
  std::atomic<bool> stop_{false};
  std::vector<std::string> not_granted_;
  std::vector<std::thread> threads_;
};

}  // namespace feedfarm
