#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/glimpse/snapshot_fetcher.h"
#include "pipeline/journal/journal_options.h"
#include "pipeline/source/line_endpoint.h"
#include "pipeline/source/receive_options.h"

namespace feedfarm {

enum class HandlerProtocol : uint8_t { kMoldItch, kIexDeep };

// feedfarm-handler's flags (ARCHITECTURE.md, "Handler process"), parsed and checked.
struct HandlerOptions {
  HandlerProtocol protocol = HandlerProtocol::kMoldItch;
  ReceiveOptions receive;                 // lines and buffers included
  std::optional<LineEndpoint> rerequest;  // its interface means nothing
  uint64_t dwell_ns = 1'000'000;
  uint32_t window_messages = 65'536;
  uint64_t jump_messages = 4'096;
  uint64_t rerequest_timeout_ns = 5'000'000;
  uint32_t rerequest_tries = 8;
  std::optional<glimpse::FetcherOptions> snapshots;  // the GLIMPSE server; none: what is given up is skipped
  uint32_t snapshot_tries = 8;
  uint32_t book_orders_max = 1 << 20;
  uint32_t book_levels_max = 1 << 19;
  uint32_t shards = 0;  // threads that the books are dealt out to by instrument; 0 = on the hot thread
  std::vector<int> shard_cpus;  // cores of the shards, in turn; those without one are not pinned
  std::string journal;  // folder; empty = none is kept
  SyncPolicy journal_sync;
  uint64_t snapshot_every_messages = 10'000'000;
  bool spin = false;
  bool fifo = false;
  int cpu = -1;  // -1 = not pinned
  uint64_t first_sequence = 1;
  std::string artifacts;  // empty = none
  int control_fd = -1;    // -1 = records go to stdout and nothing is read
  int account_fd = -1;    // AccountPage of the agent's; -1 = none
};

// What parsing came to: options, or text for the user and the exit code to end with (0 for --help, 2 for bad flags).
struct ParsedHandlerOptions {
  std::optional<HandlerOptions> options;
  std::string text;
  int exit_code = 0;
};

ParsedHandlerOptions ParseHandlerOptions(int argc, const char* const* argv);

}  // namespace feedfarm
