#include "agent/traffic/glimpse_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/traffic/frame_sender.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm {
namespace {

constexpr uint64_t kMillisecondNs = 1'000'000;
// The state follows the stream this often, so that a login has little to wait for.
constexpr uint64_t kFollowNs = 20 * kMillisecondNs;

// Without the spaces that pad it.
std::string SessionText(const SessionId& session) {
  std::array<uint8_t, moldudp64::kSessionBytes> bytes;
  moldudp64::StoreSession(bytes.data(), session);
  std::string text(bytes.begin(), bytes.end());
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// Of the first `logins` logins, or of all where that is 0.
bool Concerns(uint32_t logins, uint64_t number) { return logins == 0 || number <= logins; }

}  // namespace

absl::StatusOr<std::unique_ptr<GlimpseServer>> GlimpseServer::Create(const std::string& bind_address,
                                                                     const v1::Glimpse& settings,
                                                                     const StreamContent& content,
                                                                     const std::atomic<uint64_t>& published) {
  if (settings.port() > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("glimpse.port ", settings.port(), " is no TCP port"));
  }
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<StreamState> state, StreamState::Create(content));
  FEEDFARM_ASSIGN_OR_RETURN(const uint32_t address, ParseAddress(bind_address));
  ScopedFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid()) return ErrnoStatus("socket for the GLIMPSE server");
  const int on = 1;
  (void)::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<uint16_t>(settings.port()));
  at.sin_addr.s_addr = htonl(address);
  socklen_t bytes = sizeof(at);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), bytes) != 0 ||
      ::listen(listener.get(), kClientsMax) != 0 ||
      ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &bytes) != 0) {
    return ErrnoStatus(absl::StrCat("bind the GLIMPSE server to ", bind_address, ":", settings.port()));
  }
  ScopedFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return ErrnoStatus("eventfd for the GLIMPSE server");
  return std::unique_ptr<GlimpseServer>(new GlimpseServer(std::move(listener), std::move(stop), ntohs(at.sin_port),
                                                          settings, std::move(state), published));
}

GlimpseServer::GlimpseServer(ScopedFd listener, ScopedFd stop, uint16_t port, const v1::Glimpse& settings,
                             std::unique_ptr<StreamState> state, const std::atomic<uint64_t>& published)
    : listener_(std::move(listener)),
      stop_(std::move(stop)),
      port_(port),
      settings_(settings),
      state_(std::move(state)),
      published_(published),
      thread_([this] { Run(); }) {}

GlimpseServer::~GlimpseServer() {
  const uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

void GlimpseServer::Run() {
  std::vector<pollfd> waits;
  for (;;) {
    waits.assign({{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}});
    uint64_t now_ns = MonotonicNow();
    uint64_t next_ns = now_ns + kFollowNs;
    for (const Client& client : clients_) {
      const short writes = client.connection.output().empty() ? 0 : POLLOUT;
      waits.push_back({client.fd.get(), static_cast<short>(POLLIN | writes), 0});
      next_ns = std::min({next_ns, client.connection.next_tick_ns(), client.serve_at_ns});
    }
    const uint64_t wait_ns = next_ns - std::min(next_ns, now_ns);
    (void)::poll(waits.data(), waits.size(), static_cast<int>((wait_ns + kMillisecondNs - 1) / kMillisecondNs));
    if ((waits[0].revents & POLLIN) != 0) return;
    now_ns = MonotonicNow();
    if (const uint64_t end = NextStateEnd(); end > followed_) state_->Follow(followed_ = end);
    size_t i = 2;
    for (auto client = clients_.begin(); client != clients_.end(); ++i) {
      const bool readable = (waits[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
      client = Attend(*client, readable, now_ns) ? std::next(client) : clients_.erase(client);
    }
    if ((waits[1].revents & POLLIN) != 0) AcceptAll(now_ns);
  }
}

uint64_t GlimpseServer::NextStateEnd() const {
  const uint64_t published = published_.load(std::memory_order_acquire);
  const uint64_t lag = Concerns(settings_.lag_logins(), logins_ + 1) ? settings_.lag_messages() : 0;
  return published - std::min(published, lag);
}

void GlimpseServer::AcceptAll(uint64_t now_ns) {
  for (;;) {
    ScopedFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return;
    if (clients_.size() < kClientsMax) clients_.push_back({std::move(fd), GlimpseConnection(now_ns), {}});
  }
}

bool GlimpseServer::Attend(Client& client, bool readable, uint64_t now_ns) {
  GlimpseConnection& connection = client.connection;
  if (readable && !connection.over()) {
    const std::span<uint8_t> space = connection.Space();
    const ssize_t bytes = ::recv(client.fd.get(), space.data(), space.size(), 0);
    if (bytes > 0) connection.Filled(static_cast<size_t>(bytes), now_ns);
    if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EINTR)) return false;
  }
  if (connection.wants_login()) AnswerLogin(client, now_ns);
  if (now_ns >= client.serve_at_ns) {
    client.serve_at_ns = UINT64_MAX;
    connection.Serve(client.snapshot, client.cut_after_bytes, now_ns);
    client.snapshot = {};
  }
  connection.Tick(now_ns);
  if (!connection.output().empty()) {
    const auto output = connection.output();
    const ssize_t bytes = ::send(client.fd.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (bytes < 0 && errno != EAGAIN && errno != EINTR) return false;
    connection.Sent(bytes > 0 ? static_cast<size_t>(bytes) : 0, now_ns);
  }
  return !connection.over() || !connection.output().empty();
}

void GlimpseServer::AnswerLogin(Client& client, uint64_t now_ns) {
  const uint64_t number = logins_ + 1;
  if (settings_.reject_login()) {
    ++logins_;
    rejected_.fetch_add(1, std::memory_order_relaxed);
    return client.connection.Reject(soupbintcp::RejectReason::kNotAuthorised, now_ns);
  }
  // The moment of the snapshot is that of the login.
  const bool stale = settings_.lag_messages() != 0 && Concerns(settings_.lag_logins(), number);
  StreamState::Snapshot snapshot = state_->At(NextStateEnd());
  const std::string session = SessionText(snapshot.session);
  const std::string& wanted = client.connection.login().session;
  ++logins_;
  if (!wanted.empty() && wanted != session) {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    return client.connection.Reject(soupbintcp::RejectReason::kNoSession, now_ns);
  }
  client.connection.Accept(session, now_ns);
  const bool cut = settings_.cut_after_bytes() != 0 && Concerns(settings_.cut_logins(), number);
  client.cut_after_bytes = cut ? settings_.cut_after_bytes() : 0;
  (cut && settings_.cut_after_bytes() < snapshot.packets.size() ? cut_ : served_)
      .fetch_add(1, std::memory_order_relaxed);
  if (stale) stale_.fetch_add(1, std::memory_order_relaxed);
  client.snapshot = std::move(snapshot.packets);
  client.serve_at_ns = now_ns + settings_.delay_ns();
}

}  // namespace feedfarm
