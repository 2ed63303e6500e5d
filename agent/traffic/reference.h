#pragma once

#include "absl/status/status.h"
#include "agent/traffic/stream_content.h"
#include "proto/result.pb.h"

namespace feedfarm {

// Fills in what the content says: messages, types, reference hashes, session restarts and changes, the capture's
// counters. reference_hash is chained over (generation, sequence, bytes) of every message in order (stream_hash.h);
// reference_state_hash is of the books after all of them, which have room for every order, reference_top_hash of the changes of best
// prices on the way. Cost: about 40 ns a message.
//
// RESOURCE_EXHAUSTED: no memory for the books.
//
// A type is its byte where that is printable ASCII, else "0x" and two hex digits; "empty" for a message of no bytes.
absl::Status FillReference(const StreamContent& content, v1::SourceResult& result);

}  // namespace feedfarm
