#pragma once

#include "agent/traffic/stream_content.h"
#include "proto/result.pb.h"

namespace feedfarm {

// Fills in what the content says: messages, types, reference_hash, session restarts and changes, the capture's
// counters. The hash is chained over (generation, sequence, bytes) of every message in order (stream_hash.h). Cost:
// about 5 ns a message.
//
// A type is its byte where that is printable ASCII, else "0x" and two hex digits; "empty" for a message of no bytes.
void FillReference(const StreamContent& content, v1::SourceResult& result);

}  // namespace feedfarm
