#include "agent/traffic/sender.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/traffic/payload_writer.h"
#include "agent/traffic/thread_scheduling.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

void SleepUntil(uint64_t tai_ns) {
  const timespec until{static_cast<time_t>(tai_ns / 1'000'000'000), static_cast<long>(tai_ns % 1'000'000'000)};
  (void)::clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &until, nullptr);
}

absl::Status Pin(std::thread& thread, int cpu) {
  if (cpu < 0) return absl::OkStatus();
  if (cpu >= CPU_SETSIZE) return absl::FailedPreconditionError(absl::StrCat("no core ", cpu));
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const int error = ::pthread_setaffinity_np(thread.native_handle(), sizeof(set), &set);
  if (error == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("pin the sender to core ", cpu, ": ", std::string(ErrnoStatus("", error).message())));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sender>> Sender::Create(const StreamContent& content, const LinePlan& plan,
                                                       std::array<FrameSender, kLines> lines, int cpu) {
  std::unique_ptr<Sender> sender(new Sender(content, plan, std::move(lines)));
  FEEDFARM_RETURN_IF_ERROR(Pin(sender->thread_, cpu));
  return sender;
}

Sender::Sender(const StreamContent& content, const LinePlan& plan, std::array<FrameSender, kLines> lines)
    : content_(content), plan_(plan), lines_(std::move(lines)), thread_([this] { Run(); }) {}

Sender::~Sender() {
  Stop();
  if (!started_.HasBeenNotified()) started_.Notify();
  thread_.join();
}

void Sender::Start(uint64_t start_tai_ns) {
  start_tai_ns_ = start_tai_ns;
  started_.Notify();
}

void Sender::Stop() {
  stop_.store(true, std::memory_order_release);
  // A sender that was never started has nothing to end.
  if (!started_.HasBeenNotified()) done_.store(true, std::memory_order_release);
}

void Sender::Run() {
  FavourSpinningThread();
  started_.WaitForNotification();
  Pacer pacer(plan_, start_tai_ns_, FrameSender::kSlots);
  uint64_t now_ns = TaiNow();
  while (!stop_.load(std::memory_order_acquire)) {
    const Pacer::Step step = pacer.Next(now_ns);
    switch (step.action) {
      case Pacer::Action::kSend:
        Send(step, pacer.start_ns());
        if (pacer.planned_done()) done_.store(true, std::memory_order_release);
        break;
      case Pacer::Action::kSleep:
        SleepUntil(step.until_ns);
        break;
      case Pacer::Action::kSpin:
        break;
    }
    now_ns = TaiNow();
  }
  done_.store(true, std::memory_order_release);
}

void Sender::Send(const Pacer::Step& step, uint64_t start_ns) {
  FrameSender& line = lines_[Index(step.line)];
  uint64_t published = published_.load(std::memory_order_relaxed);
  uint64_t data = 0;
  for (size_t slot = 0; slot < step.count; ++slot) {
    const StreamPacket& packet = step.first[slot];
    WritePayload(content_, packet, line.payload(slot));
    line.Prepare(slot, packet.bytes, start_ns + packet.due_ns);
    published = std::max(published, packet.end_index());
    data += packet.kind == StreamPacket::Kind::kData ? 1 : 0;
  }
  // Before the packets are out, so that no receiver can ask for what it has seen and be refused.
  published_.store(published, std::memory_order_release);
  const uint64_t before_ns = TaiNow();
  const size_t sent = line.SendBatch(step.count);
  const uint64_t after_ns = TaiNow();
  packets_[Index(step.line)].fetch_add(sent, std::memory_order_relaxed);
  // Which of a batch were refused is not known: those with messages are taken for them.
  const uint64_t refused = step.count - sent;
  data_packets_[Index(step.line)].fetch_add(data - std::min(data, refused), std::memory_order_relaxed);
  if (sent < step.count) send_errors_.fetch_add(refused, std::memory_order_relaxed);
  if (!step.trailing) planned_sent_.fetch_add(step.count, std::memory_order_relaxed);
  if (first_send_ns_.load(std::memory_order_relaxed) == 0) first_send_ns_.store(before_ns, std::memory_order_relaxed);
  last_send_ns_.store(after_ns, std::memory_order_relaxed);
  Record(step, start_ns, before_ns, after_ns);
}

// A batch's packets leave one after the other between `before` and `after`: each has its share of that time.
void Sender::Record(const Pacer::Step& step, uint64_t start_ns, uint64_t before_ns, uint64_t after_ns) {
  const uint64_t each_ns = (after_ns - std::min(after_ns, before_ns)) / step.count;
  absl::MutexLock lock(&mutex_);
  for (size_t i = 0; i < step.count; ++i) {
    const uint64_t due_ns = start_ns + step.first[i].due_ns;
    const uint64_t sent_ns = before_ns + i * each_ns;
    interval_.Record(sent_ns - std::min(sent_ns, due_ns));
  }
}

Sender::Counters Sender::counters() const {
  Counters counters;
  for (size_t line = 0; line < kLines; ++line) {
    counters.packets[line] = packets_[line].load(std::memory_order_relaxed);
    counters.data_packets[line] = data_packets_[line].load(std::memory_order_relaxed);
  }
  counters.planned_sent = planned_sent_.load(std::memory_order_relaxed);
  counters.send_errors = send_errors_.load(std::memory_order_relaxed);
  counters.first_send_tai_ns = first_send_ns_.load(std::memory_order_relaxed);
  counters.last_send_tai_ns = last_send_ns_.load(std::memory_order_relaxed);
  return counters;
}

Histogram Sender::TakeInterval() {
  Histogram taken;
  absl::MutexLock taking(&taking_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    std::swap(taken, interval_);
  }
  taken_.Merge(taken);
  return taken;
}

Histogram Sender::WholeRun() const {
  absl::MutexLock taking(&taking_mutex_);
  Histogram sum = taken_;
  absl::MutexLock lock(&mutex_);
  sum.Merge(interval_);
  return sum;
}

}  // namespace feedfarm
