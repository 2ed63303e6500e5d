#include "pipeline/profile/replay.h"

#include "pipeline/base/status_macros.h"
#include "pipeline/feed/stream_hash.h"

namespace feedfarm {

absl::StatusOr<Replay> ReplayInOrder(const MessageStream& stream, const ItchBook::Options& bounds) {
  FEEDFARM_ASSIGN_OR_RETURN(const auto book, ItchBook::Create(bounds));
  StreamHash hash;
  for (uint64_t i = 0; i < stream.size(); ++i) {
    book->Apply(stream[i]);
    hash.Add(/*generation=*/0, i + 1, stream[i]);
  }
  return Replay{.messages = stream.size(), .state_hash = book->StateHash(), .stream_hash = hash.value()};
}

}  // namespace feedfarm
