#include "agent/traffic/rewinder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/traffic/frame_sender.h"
#include "agent/traffic/payload_writer.h"
#include "agent/traffic/rerequest_answer.h"
#include "agent/traffic/thread_scheduling.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr uint64_t kPart = 0x3E71;
constexpr size_t kDatagramBytesMax = 65'536;
// Requests taken, and answers sent, in one turn: more than a client has under way at one time, and less than a
// millisecond's work.
constexpr int kTurn = 64;
// Between turns that were full, so that a flood of requests does not keep the sender, which this thread goes before,
// from its core: about as long as a turn.
constexpr uint64_t kBreathNs = 200'000;

timespec ToTimespec(uint64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Rewinder>> Rewinder::Create(const std::string& bind_address,
                                                           const v1::Rerequest& settings, uint64_t seed,
                                                           const StreamContent& content,
                                                           const std::atomic<uint64_t>& published, int sender_cpu) {
  if (settings.port() > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("rerequest.port ", settings.port(), " is no UDP port"));
  }
  FEEDFARM_ASSIGN_OR_RETURN(const uint32_t address, ParseAddress(bind_address));
  ScopedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return ErrnoStatus("socket for the re-request server");
  sockaddr_in bound{};
  bound.sin_family = AF_INET;
  bound.sin_port = htons(static_cast<uint16_t>(settings.port()));
  bound.sin_addr.s_addr = htonl(address);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&bound), sizeof(bound)) != 0) {
    return ErrnoStatus(absl::StrCat("bind the re-request server to ", bind_address, ":", settings.port()));
  }
  ScopedFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return ErrnoStatus("eventfd for the re-request server");
  return std::unique_ptr<Rewinder>(
      new Rewinder(std::move(socket), std::move(stop), settings, seed, content, published, sender_cpu));
}

Rewinder::Rewinder(ScopedFd socket, ScopedFd stop, const v1::Rerequest& settings, uint64_t seed,
                   const StreamContent& content, const std::atomic<uint64_t>& published, int sender_cpu)
    : socket_(std::move(socket)),
      stop_(std::move(stop)),
      settings_(settings),
      content_(content),
      published_(published),
      sender_cpu_(sender_cpu),
      rng_(Rng(seed).Fork(kPart)),
      buffer_(kDatagramBytesMax),
      thread_([this] { Run(); }) {}

Rewinder::~Rewinder() {
  const uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

void Rewinder::Run() {
  FavourWakingThread();
  StandBeside(sender_cpu_);
  std::array<pollfd, 2> waits = {pollfd{stop_.get(), POLLIN, 0}, pollfd{socket_.get(), POLLIN, 0}};
  while (true) {
    timespec timeout{};
    if (!waiting_.empty()) {
      const uint64_t now_ns = MonotonicNow();
      timeout = ToTimespec(waiting_.front().due_ns - std::min(waiting_.front().due_ns, now_ns));
    }
    (void)::ppoll(waits.data(), waits.size(), waiting_.empty() ? nullptr : &timeout, nullptr);
    if ((waits[0].revents & POLLIN) != 0) return;
    const bool received_all = ReceiveTurn();
    const bool sent_all = SendTurn();
    if (received_all && sent_all) continue;
    const timespec breath = ToTimespec(kBreathNs);
    (void)::clock_nanosleep(CLOCK_MONOTONIC, 0, &breath, nullptr);
  }
}

bool Rewinder::ReceiveTurn() {
  std::array<uint8_t, 2048> request;
  for (int i = 0; i < kTurn; ++i) {
    sockaddr_in from{};
    socklen_t from_bytes = sizeof(from);
    // MSG_TRUNC: the true length, so that a longer datagram is not taken for its beginning.
    const ssize_t bytes = ::recvfrom(socket_.get(), request.data(), request.size(), MSG_TRUNC,
                                     reinterpret_cast<sockaddr*>(&from), &from_bytes);
    if (bytes < 0) return true;
    if (static_cast<size_t>(bytes) <= request.size()) Answer(from, {request.data(), static_cast<size_t>(bytes)});
  }
  return false;
}

void Rewinder::Answer(const sockaddr_in& to, std::span<const uint8_t> request) {
  const RerequestScope scope{.published = published_.load(std::memory_order_acquire),
                             .messages_max = settings_.messages_max(),
                             .keep_messages = settings_.keep_messages()};
  const uint64_t due_ns = MonotonicNow() + settings_.delay_ns();
  for (const StreamPacket& packet : AnswerRerequest(content_, scope, request)) {
    if (rng_.Uniform() < settings_.loss() || waiting_.size() >= kWaitingMax) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
    } else {
      waiting_.push_back({due_ns, to, packet});
    }
  }
}

bool Rewinder::SendTurn() {
  const uint64_t now_ns = MonotonicNow();
  for (int i = 0; i < kTurn; ++i) {
    if (waiting_.empty() || waiting_.front().due_ns > now_ns) return true;
    const Waiting& answer = waiting_.front();
    WritePayload(content_, answer.packet, buffer_.data());
    const ssize_t sent = ::sendto(socket_.get(), buffer_.data(), answer.packet.bytes, 0,
                                  reinterpret_cast<const sockaddr*>(&answer.to), sizeof(answer.to));
    (sent < 0 ? dropped_ : served_).fetch_add(1, std::memory_order_relaxed);
    waiting_.pop_front();
  }
  return false;
}

}  // namespace feedfarm
