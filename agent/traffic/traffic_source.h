#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/result.pb.h"
#include "proto/scenario.pb.h"

namespace feedfarm {

// How far a source has come. Totals since Start.
struct TrafficProgress {
  uint64_t messages = 0;  // distinct messages whose time has come, left out ones included
  uint64_t packets_a = 0;
  uint64_t packets_b = 0;
  uint64_t send_errors = 0;
  double share = 0;  // of the planned packets that were sent, 0..1
};

// The source role of one run: content, packets on lines A and B, faults, sender, re-request server, reference.
//
//   Create (PREPARE) ──► Start(T) ──► Done() ──► Result() ──► Stop() or destructor
//
// Create does all the work that can be done before START: it loads or generates every message, plans every packet,
// computes the reference, opens the sockets and touches the memory. From Start on two threads of its own run: the
// sender (pinned to Options::cpu, spins before each packet) and the re-request server (runs from Create on), and a third
// where the scenario wants a GLIMPSE server. All are joined by the destructor. The methods may be called from any one other thread, or from several: they are thread-safe.
class TrafficSource {
 public:
  struct Options {
    // Interfaces of the lines, in the network namespace of the thread that calls Create.
    std::string port_a;
    std::string port_b;
    // Where the re-request server listens. rerequest_endpoint() names port_a's address for "0.0.0.0".
    std::string bind_address = "0.0.0.0";
    // Name of a synthetic feed's session.
    std::string session = "SYNTHETIC";
    // Core of the sender thread; -1 = not pinned.
    int cpu = -1;
    // Most memory for the stream's messages; a capture that does not fit is refused.
    uint64_t store_bytes_max = uint64_t{4} << 30;
    // Most packets planned a line (48 bytes each); a schedule that needs more is refused.
    uint64_t plan_packets_max = uint64_t{16} << 20;
  };

  // Errors, each naming the file or the interface:
  //   NOT_FOUND: the capture does not exist. INVALID_ARGUMENT: the scenario or its capture cannot be used (not a
  //   capture, no packet of this feed, does not fit the memory, a message larger than packet_bytes_max, ...): bad input
  //   both. Anything else is the host: no permission for a packet socket, no such interface (FAILED_PRECONDITION), no
  //   memory.
  static absl::StatusOr<std::unique_ptr<TrafficSource>> Create(const v1::Scenario& scenario, uint64_t seed,
                                                               Options options);
  virtual ~TrafficSource() = default;

  // The first packet is due at `start_unix_ns`; a time in the past sends at once and shows as lateness. Call once.
  virtual void Start(uint64_t start_unix_ns) = 0;

  // Ends the traffic within 50 ms; the re-request server goes on until the destructor. Idempotent; fine before Start.
  virtual void Stop() = 0;

  // Every planned packet has been sent (heartbeats or end of session go on until Stop), or Stop has taken effect.
  virtual bool Done() const = 0;

  virtual TrafficProgress Progress() const = 0;

  // The reference (its hashes and types complete from Create on) and what was sent so far (complete after Done).
  virtual v1::SourceResult Result() const = 0;

  // Histograms since the last call: latency.send. Empty when nothing was sent since.
  virtual std::vector<v1::Histogram> TakeInterval() = 0;

  // Where re-requests are answered; port 0 when the scenario asks for no server.
  virtual v1::Endpoint rerequest_endpoint() const = 0;

  // Where snapshots are served; port 0 when the scenario asks for no server.
  virtual v1::Endpoint glimpse_endpoint() const = 0;
};

}  // namespace feedfarm
