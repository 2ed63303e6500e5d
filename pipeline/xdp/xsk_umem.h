#pragma once

#include <xdp/xsk.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "pipeline/xdp/feed_filter_abi.h"
#include "pipeline/xdp/umem_pool.h"

namespace feedfarm {

// Bytes that the kernel keeps before a packet for XDP programs (XDP_PACKET_HEADROOM).
inline constexpr uint32_t kXdpHeadroomBytes = 256;

// And before them, of our own: with it the metadata begins a cache line, and a small packet's metadata and headers lie
// in one line instead of two. Each line that the receiver reads must come from the CPU that wrote it.
//
//   0                     256        272
//   XDP headroom ...       metadata   Ethernet ...
inline constexpr uint32_t kMetadataHeadroomBytes = 16;
static_assert(kMetadataHeadroomBytes == sizeof(feed_filter_metadata));

// A pool's memory as the kernel knows it. Borrows the pool; outlives every socket made on it.
class XskUmem {
 public:
  // `ring_entries` is the first socket's fill ring, a power of two.
  // PermissionDenied: CAP_NET_RAW; others: errno of the registration.
  static absl::StatusOr<std::unique_ptr<XskUmem>> Create(UmemPool& pool, uint32_t ring_entries);
  ~XskUmem();
  XskUmem(const XskUmem&) = delete;
  XskUmem& operator=(const XskUmem&) = delete;

  UmemPool& pool() { return pool_; }
  xsk_umem* get() { return umem_; }

  // The first socket must use these rings, which came with the UMEM: libxdp would otherwise unmap them where the first
  // bind fails, and a second try would use them after that. Later sockets get nullptr and bring their own.
  struct Rings {
    xsk_ring_prod* fill = nullptr;
    xsk_ring_cons* completion = nullptr;
  };
  Rings TakeRings() { return std::exchange(rings_taken_, true) ? Rings{} : Rings{&fill_, &completion_}; }

 private:
  explicit XskUmem(UmemPool& pool) : pool_(pool) {}

  UmemPool& pool_;
  xsk_umem* umem_ = nullptr;
  bool rings_taken_ = false;
  xsk_ring_prod fill_{};  // zeroed: libxdp 1.3.1 does not set every field
  xsk_ring_cons completion_{};
};

}  // namespace feedfarm
