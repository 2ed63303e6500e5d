#include "pipeline/moldudp64/rerequest.h"

#include <glog/logging.h>

#include <algorithm>

#include "pipeline/base/endian.h"
#include "pipeline/moldudp64/moldudp64.h"

namespace feedfarm::moldudp64 {

static_assert(Rerequest::kBytesMax == kHeaderBytes);

size_t Rerequest::Encode(std::span<uint8_t> out) const {
  CHECK_GE(out.size(), kBytesMax);
  CHECK_GT(count, 0u) << "a request for nothing";
  StoreHeader(out.data(), session, first_sequence, static_cast<uint16_t>(std::min(count, kCountMax)));
  return kBytesMax;
}

std::optional<Rerequest> Rerequest::Parse(std::span<const uint8_t> packet) {
  if (packet.size() != kBytesMax) return std::nullopt;
  const uint64_t sequence = LoadBig<uint64_t>(packet.data() + kSequenceOffset);
  const uint16_t count = LoadBig<uint16_t>(packet.data() + kCountOffset);
  if (sequence == 0 || count == 0) return std::nullopt;
  return Rerequest(LoadSession(packet.data()), sequence, count);
}

}  // namespace feedfarm::moldudp64
