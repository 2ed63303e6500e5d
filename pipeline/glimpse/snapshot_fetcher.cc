#include "pipeline/glimpse/snapshot_fetcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "glog/logging.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/glimpse/tcp_connection.h"

namespace feedfarm::glimpse {
namespace {

constexpr uint64_t kMillisecondNs = 1'000'000;

int WaitMs(uint64_t until_ns, uint64_t now_ns) {
  const uint64_t ms = until_ns <= now_ns ? 0 : (until_ns - now_ns + kMillisecondNs - 1) / kMillisecondNs;
  return static_cast<int>(std::min<uint64_t>(ms, 1'000));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SnapshotFetcher>> SnapshotFetcher::Create(const FetcherOptions& options) {
  ScopedFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoStatus("eventfd");
  return std::unique_ptr<SnapshotFetcher>(new SnapshotFetcher(options, std::move(wake)));
}

SnapshotFetcher::SnapshotFetcher(const FetcherOptions& options, ScopedFd wake)
    : options_(options), wake_(std::move(wake)), image_(options.image_bytes), thread_([this] { Run(); }) {}

SnapshotFetcher::~SnapshotFetcher() {
  stop_.store(true, std::memory_order_release);
  Wake();
  thread_.join();
}

void SnapshotFetcher::Wake() const {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof(one));
}

void SnapshotFetcher::Ask() {
  CHECK(state_.load(std::memory_order_relaxed) == State::kIdle) << "asked twice";
  // The image is the thread's again: whatever the hot thread read of it happened before.
  state_.store(State::kAsked, std::memory_order_release);
  Wake();
}

void SnapshotFetcher::Release() {
  CHECK(state_.load(std::memory_order_relaxed) == State::kReady) << "released what was not there";
  state_.store(State::kIdle, std::memory_order_release);
}

void SnapshotFetcher::Run() {
  while (!stop_.load(std::memory_order_acquire)) {
    pollfd wake{wake_.get(), POLLIN, 0};
    (void)::poll(&wake, 1, -1);
    uint64_t count;
    (void)!::read(wake_.get(), &count, sizeof(count));
    // Pairs with Ask's release.
    if (state_.load(std::memory_order_acquire) != State::kAsked) continue;
    answer_.failure = Fetch();
    answer_.image = answer_.failure == SnapshotFailure::kNone ? &image_ : nullptr;
    state_.store(State::kReady, std::memory_order_release);
  }
}

SnapshotFailure SnapshotFetcher::Fetch() {
  const absl::StatusOr<TcpConnection> connection = TcpConnection::Start(options_.address, options_.port);
  if (!connection.ok()) return SnapshotFailure::kUnreachable;
  GlimpseClient client(options_.client, &image_);
  bool connected = false;
  uint64_t now_ns = MonotonicNow();
  const uint64_t connect_by_ns = now_ns + options_.connect_timeout_ns;
  while (!client.done()) {
    pollfd fds[2] = {{connection->fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (!connected || !client.output().empty()) fds[0].events |= POLLOUT;
    (void)::poll(fds, 2, WaitMs(connected ? client.next_tick_ns() : connect_by_ns, now_ns));
    if (stop_.load(std::memory_order_acquire)) return SnapshotFailure::kCut;
    now_ns = MonotonicNow();
    if (!connected) {
      if ((fds[0].revents & (POLLOUT | POLLERR | POLLHUP)) == 0) {
        if (now_ns >= connect_by_ns) return SnapshotFailure::kUnreachable;
        continue;
      }
      if (!connection->Established().ok()) return SnapshotFailure::kUnreachable;
      connected = true;
      client.Connected(now_ns);
    }
    if (!client.output().empty()) {
      const absl::StatusOr<size_t> sent = connection->Send(client.output());
      if (!sent.ok()) return SnapshotFailure::kCut;
      client.Sent(*sent);
    }
    if ((fds[0].revents & (POLLIN | POLLERR | POLLHUP)) != 0) {
      const absl::StatusOr<size_t> received = connection->Receive(client.Space());
      if (received.ok()) {
        client.Filled(*received, now_ns);
      } else {
        client.Closed(now_ns);
      }
    }
    if (!client.done()) client.Tick(now_ns);
  }
  // The logout, as far as it goes at once.
  if (!client.output().empty()) (void)connection->Send(client.output());
  return client.failure();
}

}  // namespace feedfarm::glimpse
