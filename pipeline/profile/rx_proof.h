#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "pipeline/profile/profile_report.h"

namespace feedfarm {

struct RxProofOptions {
  uint64_t messages = 200'000;
  uint32_t gaps = 5;              // on both lines
  uint32_t gap_messages = 1'000;  // of each
  uint64_t seed = 1;
  std::string scratch = {};  // folder for the journal meanwhile; empty = the system's temporary one
};

// A feed with seeded losses, duplicates, late and repacked packets, gaps on both lines and a re-request server that
// loses answers, in simulated time; journalled meanwhile into a folder that goes with it. Enforces that books, stream, messages
// and gap events are those of a replay in the order of sequences, that the journal read back gives the same hashes,
// decoder_sequence_gap_events=0 and obo_frames > 0 (packets with messages about single orders).
// INVALID_ARGUMENT: more than 2,000,000 messages, or gaps that do not fit between them; otherwise the temporary
// folder's errno.
absl::StatusOr<ProfileReport> RunRxProof(const RxProofOptions& options);

}  // namespace feedfarm
