#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm::testing {

// Sends frames as fast as this kernel can make them: BPF_PROG_TEST_RUN with live frames, redirected into an interface
// (2 to 3 million a second on veth). The peer must take XDP frames: it has a native XDP program, or EnableGro was
// called for it; otherwise they are lost without a word. They arrive on the receive queue numbered like the sending CPU
// (modulo queues).
class LiveSender {
 public:
  // `frame`: Ethernet, IPv4 without options, UDP, MoldUDP64, `messages_per_packet` (up to 40) ITCH add orders, each of
  // which is given a reference of its own, counted up from 1, one of 8,192 symbols and one of 64 prices. Its port alternates between `first_port` and the next one,
  // its sequence counts up from 1 by `messages_per_packet`, from one Send to the next, the same on both.
  static absl::StatusOr<std::unique_ptr<LiveSender>> Create(const std::string& interface,
                                                            std::span<const uint8_t> frame, uint16_t first_port,
                                                            uint32_t messages_per_packet);
  ~LiveSender();
  LiveSender(const LiveSender&) = delete;
  LiveSender& operator=(const LiveSender&) = delete;

  // Sends `frames` frames from this CPU, one each `period_ns` (0 = as fast as can be), and returns when they are sent.
  absl::Status Send(uint32_t frames, uint64_t period_ns);

 private:
  class Impl;
  explicit LiveSender(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Makes a veth without an XDP program take XDP frames, for receivers that are sockets.
absl::Status EnableGro(const std::string& interface);

}  // namespace feedfarm::testing
