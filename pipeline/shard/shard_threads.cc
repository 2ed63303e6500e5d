#include "pipeline/shard/shard_threads.h"

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

// Long enough to leave the core to others, short enough not to be seen in a latency histogram of milliseconds.
constexpr std::chrono::microseconds kNap(50);

}  // namespace

ShardThreads::ShardThreads(std::vector<Turn> turns, bool spin) : spin_(spin) {
  for (Turn& turn : turns) {
    threads_.emplace_back([this, poll = std::move(turn.poll)] { Run(poll); });
    if (turn.cpu < 0) continue;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(turn.cpu, &cpus);
    const int error = ::pthread_setaffinity_np(threads_.back().native_handle(), sizeof(cpus), &cpus);
    if (error != 0)
      not_granted_.push_back(absl::StrCat("pinning a shard to cpu ", turn.cpu, ": ", std::strerror(error)));
  }
}

void ShardThreads::Run(const std::function<bool()>& poll) {
  for (;;) {
    // Read before the turn: what was handed over before Stop is then seen by it.
    const bool stop = stop_.load(std::memory_order_acquire);
    if (poll()) continue;
    if (stop) return;
    if (spin_) {
      __builtin_ia32_pause();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
}

void ShardThreads::Stop() {
  stop_.store(true, std::memory_order_release);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace feedfarm
