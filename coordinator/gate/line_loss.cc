#include "coordinator/gate/line_loss.h"

#include <algorithm>

namespace feedfarm {

uint64_t SentOn(absl::string_view line, const v1::SourceResult& source) {
  return line == "A" ? source.data_packets_a() : source.data_packets_b();
}

const v1::LineResult* LineOf(absl::string_view line, const v1::HandlerResult& handler) {
  const auto found = std::find_if(handler.lines().begin(), handler.lines().end(),
                                  [&](const v1::LineResult& each) { return each.line() == line; });
  return found == handler.lines().end() ? nullptr : &*found;
}

uint64_t LostOn(absl::string_view line, const v1::HandlerResult& handler, const v1::SourceResult& source) {
  const uint64_t sent = SentOn(line, source);
  const v1::LineResult* seen = LineOf(line, handler);
  if (seen == nullptr) return sent;
  const uint64_t others = seen->heartbeats() + seen->malformed_packets();
  const uint64_t received = seen->packets() - std::min(seen->packets(), others);
  return sent - std::min(sent, received);
}

}  // namespace feedfarm
