#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/source/line_endpoint.h"
#include "pipeline/source/live_source.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

struct RecvmmsgOptions {
  // Lines A and B, on two interfaces or on one.
  std::array<LineEndpoint, kLines> lines;
  // Buffers of 2,048 bytes that the user may hold, a power of two, at least 256.
  uint32_t frames = 8192;
  // Socket buffer a line. What was granted less is reported.
  uint32_t receive_buffer_bytes = 32u << 20;
  bool join_groups = true;
};

// Packets of two lines by two UDP sockets and recvmmsg: works on every interface and needs no XDP.
//
// Threads: one thread owns it. Receive costs one system call a line with packets; it does not allocate.
// Receive times are the kernel's software stamps (SCM_TIMESTAMPING) converted from CLOCK_REALTIME to CLOCK_TAI, or
// hardware's where the driver gives them. The send trailer is not visible to a socket: intended_tai_ns is 0.
class RecvmmsgSource final : public LiveSource {
 public:
  // InvalidArgument: options; NotFound: no such interface; others: the system call's errno and object.
  static absl::StatusOr<std::unique_ptr<RecvmmsgSource>> Create(const RecvmmsgOptions& options);

  ~RecvmmsgSource() override;

  size_t Receive(std::span<Packet> out) override;
  void Release(std::span<const Packet> packets) override;
  void Wait(uint64_t timeout_ns) override;
  SourceCounters Counters() const override;
  const SourceGrants& grants() const override;
  // Always Unimplemented: a cut is a rule in the XDP program.
  absl::Status ArmCut(LineId line, uint64_t start_tai_ns, uint64_t duration_ns) override;

 private:
  class Impl;
  explicit RecvmmsgSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace feedfarm
