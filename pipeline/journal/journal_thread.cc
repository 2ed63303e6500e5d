#include "pipeline/journal/journal_thread.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

namespace feedfarm {

JournalThread::JournalThread(const Options& options, std::function<bool()> step)
    : options_(options), step_(std::move(step)), thread_([this] { Run(); }) {}

void JournalThread::Stop() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void JournalThread::Run() {
  ::pthread_setname_np(::pthread_self(), "journal");
  if (options_.cpu >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(options_.cpu, &cpus);
    (void)::pthread_setaffinity_np(::pthread_self(), sizeof cpus, &cpus);  // a wish
  }
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (step_()) continue;
    const timespec idle = {static_cast<time_t>(options_.idle_ns / 1'000'000'000u),
                           static_cast<long>(options_.idle_ns % 1'000'000'000u)};
    ::nanosleep(&idle, nullptr);
  }
}

}  // namespace feedfarm
