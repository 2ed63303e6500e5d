#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "proto/result.pb.h"

namespace feedfarm {

// Packets with messages that the source sent on line "A" or "B".
uint64_t SentOn(absl::string_view line, const v1::SourceResult& source);

// What the handler saw of the line; null where its account has no such line.
const v1::LineResult* LineOf(absl::string_view line, const v1::HandlerResult& handler);

// Of the packets with messages sent on the line, those that the handler did not receive whole, before any recovery. Packets that are
// another feed's and yet well formed count as received: it is at least this many.
uint64_t LostOn(absl::string_view line, const v1::HandlerResult& handler, const v1::SourceResult& source);

}  // namespace feedfarm
