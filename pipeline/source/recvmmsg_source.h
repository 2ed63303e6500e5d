#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pipeline/source/live_source.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/source/receive_options.h"

namespace feedfarm {

// Packets of two lines by two UDP sockets and recvmmsg: works on every interface and needs no XDP.
//
// Threads: one thread owns it. Receive costs one system call a line with packets; it does not allocate.
// Receive times are the kernel's software stamps (SCM_TIMESTAMPING) converted from CLOCK_REALTIME to CLOCK_TAI, or
// hardware's where the driver gives them. The send trailer is not visible to a socket: intended_tai_ns is 0.
class RecvmmsgSource final : public LiveSource {
 public:
  // InvalidArgument: options; NotFound: no such interface; FailedPrecondition: it is down, or something required was not
  // granted; others: the system call's errno and object.
  static absl::StatusOr<std::unique_ptr<RecvmmsgSource>> Create(const ReceiveOptions& options);

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
