#pragma once

#include <xdp/xsk.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "pipeline/xdp/umem_pool.h"

namespace feedfarm {

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

 private:
  explicit XskUmem(UmemPool& pool) : pool_(pool) {}

  UmemPool& pool_;
  xsk_umem* umem_ = nullptr;
  // libxdp hands these rings on to the first socket. libxdp 1.3.1 does not set every field: zeroed here.
  xsk_ring_prod fill_{};
  xsk_ring_cons completion_{};
};

}  // namespace feedfarm
