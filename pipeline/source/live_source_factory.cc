#include "pipeline/source/live_source_factory.h"

#include "pipeline/source/af_xdp_source.h"
#include "pipeline/source/packet_mmap_source.h"
#include "pipeline/source/recvmmsg_source.h"

namespace feedfarm {

absl::StatusOr<std::unique_ptr<LiveSource>> MakeLiveSource(const ReceiveOptions& options) {
  switch (options.method) {
    case ReceiveMethod::kAfXdp:
      return AfXdpSource::Create(options);
    case ReceiveMethod::kRecvmmsg:
      return RecvmmsgSource::Create(options);
    case ReceiveMethod::kPacketMmap:
      return PacketMmapSource::Create(options);
  }
  return absl::InternalError("no such receive method");
}

}  // namespace feedfarm
