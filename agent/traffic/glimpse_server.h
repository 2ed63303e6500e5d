#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "agent/traffic/glimpse_connection.h"
#include "agent/traffic/stream_content.h"
#include "agent/traffic/stream_state.h"
#include "pipeline/base/scoped_fd.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// The source's GLIMPSE server: a TCP listener and a thread of its own around GlimpseConnection and StreamState. A login
// gets the state after every message whose time has come, or, where the scenario wants it, an older one, late, cut off
// or none. Serves from Create until destruction.
class GlimpseServer {
 public:
  // Clients at one time; more are refused by closing their connection. Each may hold a snapshot.
  static constexpr size_t kClientsMax = 8;

  // `content` and `published` (messages whose time has come) outlive it. INVALID_ARGUMENT: the feed has no GLIMPSE.
  // Otherwise the host's errors, with address and port.
  static absl::StatusOr<std::unique_ptr<GlimpseServer>> Create(const std::string& bind_address,
                                                               const v1::Glimpse& settings,
                                                               const StreamContent& content,
                                                               const std::atomic<uint64_t>& published);
  ~GlimpseServer();

  // Snapshots given whole, cut off by a fault, and logins rejected. Any thread.
  uint64_t served() const { return served_.load(std::memory_order_relaxed); }
  uint64_t cut() const { return cut_.load(std::memory_order_relaxed); }
  uint64_t rejected() const { return rejected_.load(std::memory_order_relaxed); }
  // Given whole, of a state older than the newest.
  uint64_t stale() const { return stale_.load(std::memory_order_relaxed); }
  uint16_t port() const { return port_; }

 private:
  struct Client {
    ScopedFd fd;
    GlimpseConnection connection;
    std::vector<uint8_t> snapshot;  // waits for serve_at_ns
    uint64_t cut_after_bytes = 0;
    uint64_t serve_at_ns = UINT64_MAX;
  };

  GlimpseServer(ScopedFd listener, ScopedFd stop, uint16_t port, const v1::Glimpse& settings,
                std::unique_ptr<StreamState> state, const std::atomic<uint64_t>& published);
  void Run();
  void AcceptAll(uint64_t now_ns);
  // False: the client is gone.
  bool Attend(Client& client, bool readable, uint64_t now_ns);
  void AnswerLogin(Client& client, uint64_t now_ns);
  // How far the state goes that the next login gets.
  uint64_t NextStateEnd() const;

  const ScopedFd listener_;
  const ScopedFd stop_;
  const uint16_t port_;
  const v1::Glimpse settings_;
  const std::unique_ptr<StreamState> state_;
  const std::atomic<uint64_t>& published_;
  std::list<Client> clients_;
  uint64_t logins_ = 0;
  uint64_t followed_ = 0;
  std::atomic<uint64_t> served_{0};
  std::atomic<uint64_t> cut_{0};
  std::atomic<uint64_t> rejected_{0};
  std::atomic<uint64_t> stale_{0};
  std::thread thread_;
};

}  // namespace feedfarm
