#pragma once

#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "pipeline/source/testing/receiver.h"
#include "pipeline/xdp/umem_pool.h"
#include "pipeline/xdp/xdp_program.h"

namespace feedfarm::testing {

// The least that AF_XDP can do: receive ring to fill ring, no byte of a packet read. The filter and the stamping are the
// handler's own; frames and rings are as large as those of a source with as many frames.
class BareDropLoop final : public Receiver {
 public:
  // Takes what comes to group:port and group:port+1 on `interface`'s queue 0. Half of `frames` wait in the rings.
  static absl::StatusOr<std::unique_ptr<Receiver>> Create(const std::string& interface, uint32_t group, uint16_t port,
                                                          uint32_t frames);
  ~BareDropLoop() override;
  size_t Poll() override;

 private:
  BareDropLoop() = default;

  std::unique_ptr<UmemPool> pool_;
  std::unique_ptr<XdpProgram> program_;
  xsk_ring_cons receive_{};
  xsk_ring_prod fill_{};
  xsk_ring_cons completion_{};
  xsk_umem* umem_ = nullptr;
  xsk_socket* socket_ = nullptr;
};

}  // namespace feedfarm::testing
