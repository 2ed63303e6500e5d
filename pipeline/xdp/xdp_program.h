#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pipeline/xdp/feed_filter_abi.h"
#include "pipeline/xdp/network_interface.h"

namespace feedfarm {

enum class XdpMode : uint8_t { kDetached, kNative, kSkb };
// "detached", "native", "skb".
absl::string_view XdpModeName(XdpMode mode);

struct XdpProgramOptions {
  NetworkInterface interface;
  // Network byte order; port 0 = the line is not on this interface.
  std::array<feed_filter_endpoint, FEED_FILTER_LINES> endpoints{};
  // Never native mode, never bound to the device.
  bool force_skb_mode = false;
  // Try the variant that asks the driver for its receive time.
  bool ask_hardware_time = true;
};

// The feed filter of one interface: loaded, attached by a bpf_link, and gone with this object or this process, kill -9
// included. Not thread-safe, except that maps are updated atomically enough for the program that runs meanwhile.
class XdpProgram {
 public:
  // Tries in turn: bound to the device (hardware receive time) in native mode, software time in native mode, software
  // time in SKB mode. A port whose last program is just dying (EBUSY) is tried again for one second.
  // FailedPrecondition: another program stays there; PermissionDenied: CAP_BPF and CAP_NET_ADMIN; others: the last
  // attempt's errno with the interface's name.
  static absl::StatusOr<std::unique_ptr<XdpProgram>> Attach(const XdpProgramOptions& options);

  // Loads the software variant without attaching it, for BPF_PROG_TEST_RUN.
  static absl::StatusOr<std::unique_ptr<XdpProgram>> Load(const XdpProgramOptions& options);

  ~XdpProgram();
  XdpProgram(const XdpProgram&) = delete;
  XdpProgram& operator=(const XdpProgram&) = delete;

  XdpMode mode() const;
  // True where the program can ask the driver for its receive time; the driver may still have none.
  bool asks_hardware_time() const;
  int program_fd() const;

  // Packets of receive queue `queue` go to this AF_XDP socket from now on. OutOfRange: no such queue.
  absl::Status SetSocket(uint32_t queue, int socket_fd);

  // Drops line `line` (0 or 1) in [start, start + duration) of CLOCK_TAI; replaces the line's rule. The rule expires by
  // itself. Takes effect within about 130 us.
  absl::Status ArmCut(uint32_t line, uint64_t start_tai_ns, uint64_t duration_ns);
  absl::Status DisarmCut(uint32_t line);

  // Sums over CPUs. A line's rule_ fields are of the newest rule armed here: 0 where it has dropped nothing.
  absl::StatusOr<feed_filter_counters> Counters() const;

 private:
  class Impl;
  explicit XdpProgram(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace feedfarm
