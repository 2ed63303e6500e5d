#include "pipeline/xdp/xsk_socket.h"

#include <linux/if_xdp.h>
#include <xdp/libxdp.h>

#include <cstdarg>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/xdp/busy_poll.h"
#include "pipeline/xdp/busy_retry.h"

namespace feedfarm {
namespace {

// Frames moved to the fill ring at a time: the batch that fits a small array on the stack.
constexpr uint32_t kRefillBatch = 64;

int Quiet(libxdp_print_level, const char*, va_list) { return 0; }

absl::StatusOr<bool> GrantedZeroCopy(int fd) {
  xdp_options options{};
  socklen_t size = sizeof(options);
  if (getsockopt(fd, SOL_XDP, XDP_OPTIONS, &options, &size) != 0) return ErrnoStatus("getsockopt XDP_OPTIONS");
  return (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<XskSocket>> XskSocket::Create(XskUmem& umem, const XskSocketOptions& options) {
  libxdp_set_print(Quiet);
  std::unique_ptr<XskSocket> result(new XskSocket());
  xsk_socket_config config{};
  config.rx_size = options.ring_entries;
  config.tx_size = 0;
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  config.bind_flags = static_cast<uint16_t>(XDP_USE_NEED_WAKEUP | (options.zero_copy ? XDP_ZEROCOPY : XDP_COPY));

  XskUmem::Rings rings = umem.TakeRings();
  if (rings.fill == nullptr) rings = {&result->own_fill_, &result->own_completion_};
  result->fill_ = rings.fill;
  const int error = RetryWhileBusy([&] {
    result->receive_ = {};
    return -xsk_socket__create_shared(&result->socket_, options.interface.c_str(), options.queue, umem.get(),
                                      &result->receive_, nullptr, rings.fill, rings.completion, &config);
  });
  const std::string name = absl::StrCat("AF_XDP socket on ", options.interface, " queue ", options.queue);
  if (error == EBUSY) return absl::FailedPreconditionError(absl::StrCat(name, ": another socket has this queue"));
  if (error != 0) return ErrnoStatus(absl::StrCat(name, options.zero_copy ? " (zero-copy)" : " (copy)"), error);

  result->fd_ = xsk_socket__fd(result->socket_);
  result->queue_ = options.queue;
  FEEDFARM_ASSIGN_OR_RETURN(result->zero_copy_, GrantedZeroCopy(result->fd_));
  if (options.busy_poll_us > 0) {
    result->busy_poll_status_ = AskBusyPoll(result->fd_, options.busy_poll_us, options.busy_poll_budget);
    result->busy_poll_ = result->busy_poll_status_.ok();
  }
  result->owed_ = options.ring_entries;
  result->Refill(umem.pool().frames(), options.ring_entries);
  return result;
}

XskSocket::~XskSocket() {
  if (socket_ != nullptr) xsk_socket__delete(socket_);
}

void XskSocket::Refill(FramePool& pool, uint32_t max) {
  uint32_t wanted = std::min(owed_, max);
  // The kernel publishes received descriptors a moment before the fill entries that it used for them: wait for the
  // room.
  wanted = std::min(wanted, xsk_prod_nb_free(fill_, wanted));
  while (wanted > 0) {
    std::array<uint64_t, kRefillBatch> addresses;
    const uint32_t batch = std::min(wanted, kRefillBatch);
    const uint32_t taken = static_cast<uint32_t>(pool.TakeForFill(std::span(addresses).first(batch)));
    if (taken == 0) return;
    uint32_t first = 0;
    CHECK_EQ(xsk_ring_prod__reserve(fill_, taken, &first), taken) << "fill ring of queue " << queue_;
    for (uint32_t i = 0; i < taken; ++i) *xsk_ring_prod__fill_addr(fill_, first + i) = addresses[i];
    xsk_ring_prod__submit(fill_, taken);
    owed_ -= taken;
    wanted -= taken;
    if (taken < batch) return;
  }
}

absl::StatusOr<XskStatistics> XskSocket::Statistics() const {
  xdp_statistics counted{};
  socklen_t size = sizeof(counted);
  if (getsockopt(fd_, SOL_XDP, XDP_STATISTICS, &counted, &size) != 0) return ErrnoStatus("getsockopt XDP_STATISTICS");
  return XskStatistics{.dropped = counted.rx_dropped,
                       .ring_full = counted.rx_ring_full,
                       .fill_ring_empty = counted.rx_fill_ring_empty_descs};
}

}  // namespace feedfarm
