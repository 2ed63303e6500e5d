#pragma once

#include <netinet/in.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/traffic/stream_content.h"
#include "pipeline/base/rng.h"
#include "pipeline/base/scoped_fd.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// The re-request server: a UDP socket and a thread of its own around AnswerRerequest. Throws answers away (seeded) and
// holds them back as the scenario asks; one that waits keeps nobody else waiting. Serves from Create until destruction.
// Its thread goes before the spinning sender's, in short turns: a server that answers only when a time slice ends makes
// each recovery milliseconds longer and its client repeat itself.
class Rewinder {
 public:
  // Answers that wait at one time, at most; more are thrown away, as by a full socket.
  static constexpr size_t kWaitingMax = 65'536;

  // `content` and `published` (messages whose time has come) outlive it. sender_cpu: the core that the sender spins on;
  // -1 = none. Errors: the host's, with address and port.
  static absl::StatusOr<std::unique_ptr<Rewinder>> Create(const std::string& bind_address,
                                                          const v1::Rerequest& settings, uint64_t seed,
                                                          const StreamContent& content,
                                                          const std::atomic<uint64_t>& published, int sender_cpu);
  ~Rewinder();

  // Answers sent, and thrown away. Any thread.
  uint64_t served() const { return served_.load(std::memory_order_relaxed); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    uint64_t due_ns;
    sockaddr_in to;
    StreamPacket packet;
  };

  Rewinder(ScopedFd socket, ScopedFd stop, const v1::Rerequest& settings, uint64_t seed, const StreamContent& content,
           const std::atomic<uint64_t>& published, int sender_cpu);

  void Run();
  // Takes requests, sends answers that are due: what there is, but at most a turn's worth; false: there may be more.
  bool ReceiveTurn();
  bool SendTurn();
  void Answer(const sockaddr_in& to, std::span<const uint8_t> request);

  const ScopedFd socket_;
  const ScopedFd stop_;
  const v1::Rerequest settings_;
  const StreamContent& content_;
  const std::atomic<uint64_t>& published_;
  const int sender_cpu_;
  Rng rng_;
  std::deque<Waiting> waiting_;  // in the order of their times: the delay is one for all
  std::vector<uint8_t> buffer_;
  std::atomic<uint64_t> served_{0};
  std::atomic<uint64_t> dropped_{0};
  std::thread thread_;
};

}  // namespace feedfarm
