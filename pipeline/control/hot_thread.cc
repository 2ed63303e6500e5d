#include "pipeline/control/hot_thread.h"

#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

constexpr int kFifoPriority = 50;
constexpr uint32_t kTicksPerSecond = 10;
// Intervals' text and encodings, and the growing latency log, live here: about ten minutes of it.
constexpr size_t kHeapBytes = 32u << 20;

std::string Refused(const char* what) { return absl::StrCat(what, ": ", std::strerror(errno)); }

// True where the kernel stops real-time threads that use more than their share.
bool RealTimeIsThrottled() {
  long runtime_us = 0;
  std::ifstream("/proc/sys/kernel/sched_rt_runtime_us") >> runtime_us;
  return runtime_us >= 0;
}

}  // namespace

HotThread::HotThread(const Options& options, std::unique_ptr<HotLoop> loop)
    : options_(options), loop_(std::move(loop)), throttled_(RealTimeIsThrottled()) {
  thread_ = std::thread([this] {
    thread_id_.store(static_cast<pid_t>(::syscall(SYS_gettid)), std::memory_order_release);
    loop_->Run();
  });
  while (thread_id_.load(std::memory_order_acquire) == 0) std::this_thread::yield();
  if (options_.cpu >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(options_.cpu, &cpus);
    if (::sched_setaffinity(thread_id_, sizeof(cpus), &cpus) != 0) {
      not_granted_.push_back(Refused(absl::StrCat("pinning to cpu ", options_.cpu).c_str()));
    }
  }
  if (options_.fifo) SetFifo(true);
}

HotThread::~HotThread() { Join(); }

void HotThread::Join() {
  if (thread_.joinable()) thread_.join();
}

void HotThread::SetFifo(bool on) {
  sched_param parameters{};
  parameters.sched_priority = on ? kFifoPriority : 0;
  if (::sched_setscheduler(thread_id_, on ? SCHED_FIFO : SCHED_OTHER, &parameters) != 0 && tick_ == 0) {
    not_granted_.push_back(Refused("SCHED_FIFO"));
  }
}

void HotThread::KeepFifo() {
  if (!options_.fifo || !options_.spin || !throttled_) return;
  ++tick_;
  if (tick_ % kTicksPerSecond == 0) SetFifo(false);
  if (tick_ % kTicksPerSecond == 1) SetFifo(true);
}

void AvoidCpu(int cpu) {
  cpu_set_t cpus;
  if (cpu < 0 || ::sched_getaffinity(0, sizeof(cpus), &cpus) != 0 || CPU_COUNT(&cpus) < 2) return;
  CPU_CLR(cpu, &cpus);
  if (CPU_COUNT(&cpus) != 0) ::sched_setaffinity(0, sizeof(cpus), &cpus);
}

std::vector<std::string> SettleMemory() {
  std::vector<std::string> refused;
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, -1);
  ::mallopt(M_TOP_PAD, 4 << 20);
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) refused.push_back(Refused("mlockall"));
  // Grown, touched and given back to malloc, which keeps it.
  if (void* heap = std::malloc(kHeapBytes)) {
    std::memset(heap, 1, kHeapBytes);
    std::free(heap);
  }
  return refused;
}

}  // namespace feedfarm
