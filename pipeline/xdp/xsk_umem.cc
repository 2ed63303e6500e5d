#include "pipeline/xdp/xsk_umem.h"

#include "glog/logging.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

absl::StatusOr<std::unique_ptr<XskUmem>> XskUmem::Create(UmemPool& pool, uint32_t ring_entries) {
  std::unique_ptr<XskUmem> result(new XskUmem(pool));
  const xsk_umem_config config = {.fill_size = ring_entries,
                                  .comp_size = XSK_RING_CONS__DEFAULT_NUM_DESCS,
                                  .frame_size = pool.frames().frame_bytes(),
                                  .frame_headroom = kMetadataHeadroomBytes,
                                  .flags = 0};
  const int error =
      xsk_umem__create(&result->umem_, pool.memory(), pool.bytes(), &result->fill_, &result->completion_, &config);
  if (error != 0) return ErrnoStatus("register UMEM", -error);
  return result;
}

XskUmem::~XskUmem() {
  if (umem_ == nullptr) return;
  const int error = xsk_umem__delete(umem_);
  CHECK_EQ(error, 0) << "a socket outlived its UMEM";
}

}  // namespace feedfarm
