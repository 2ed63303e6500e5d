#include "pipeline/source/testing/bare_drop_loop.h"

#include <arpa/inet.h>

#include "pipeline/base/status_macros.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/xdp/network_interface.h"
#include "pipeline/xdp/xsk_umem.h"

namespace feedfarm::testing {
namespace {

constexpr uint32_t kFrameBytes = 2048;

}  // namespace

absl::StatusOr<std::unique_ptr<Receiver>> BareDropLoop::Create(const std::string& interface_name, uint32_t group,
                                                               uint16_t port, uint32_t frames) {
  const uint32_t ring_entries = frames / 2;
  FEEDFARM_ASSIGN_OR_RETURN(NetworkInterface interface, NetworkInterface::Probe(interface_name));
  std::unique_ptr<BareDropLoop> loop(new BareDropLoop());
  XdpProgramOptions options{.interface = interface};
  for (uint16_t line = 0; line < kLines; ++line) {
    options.endpoints[line] = {
        .address = htonl(group), .port = htons(static_cast<uint16_t>(port + line)), .padding = 0};
  }
  FEEDFARM_ASSIGN_OR_RETURN(loop->program_, XdpProgram::Attach(options));
  FEEDFARM_ASSIGN_OR_RETURN(loop->pool_, UmemPool::Create(frames, kFrameBytes));
  xsk_umem_config umem_config{.fill_size = ring_entries,
                              .comp_size = ring_entries,
                              .frame_size = kFrameBytes,
                              .frame_headroom = kMetadataHeadroomBytes,
                              .flags = 0};
  int error = xsk_umem__create(&loop->umem_, loop->pool_->memory(), loop->pool_->bytes(), &loop->fill_,
                               &loop->completion_, &umem_config);
  if (error != 0) return ErrnoStatus("register UMEM", -error);
  xsk_socket_config config{};
  config.rx_size = ring_entries;
  config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  config.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP;
  error =
      xsk_socket__create(&loop->socket_, interface_name.c_str(), 0, loop->umem_, &loop->receive_, nullptr, &config);
  if (error != 0) return ErrnoStatus("bind AF_XDP socket", -error);
  uint32_t first = 0;
  if (xsk_ring_prod__reserve(&loop->fill_, ring_entries, &first) != ring_entries) {
    return absl::InternalError("fill ring is not empty");
  }
  for (uint32_t i = 0; i < ring_entries; ++i) *xsk_ring_prod__fill_addr(&loop->fill_, first + i) = i * kFrameBytes;
  xsk_ring_prod__submit(&loop->fill_, ring_entries);
  FEEDFARM_RETURN_IF_ERROR(loop->program_->SetSocket(0, xsk_socket__fd(loop->socket_)));
  return std::unique_ptr<Receiver>(std::move(loop));
}

BareDropLoop::~BareDropLoop() {
  if (socket_ != nullptr) xsk_socket__delete(socket_);
  if (umem_ != nullptr) xsk_umem__delete(umem_);
}

size_t BareDropLoop::Poll() {
  uint32_t received = 0, filled = 0;
  const uint32_t count = xsk_ring_cons__peek(&receive_, kBatchMax, &received);
  if (count == 0) return 0;
  // The kernel publishes descriptors a moment before the fill entries that it used.
  while (xsk_ring_prod__reserve(&fill_, count, &filled) != count) {
  }
  for (uint32_t i = 0; i < count; ++i) {
    *xsk_ring_prod__fill_addr(&fill_, filled + i) = xsk_ring_cons__rx_desc(&receive_, received + i)->addr;
  }
  xsk_ring_prod__submit(&fill_, count);
  xsk_ring_cons__release(&receive_, count);
  return count;
}

}  // namespace feedfarm::testing
