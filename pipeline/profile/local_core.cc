#include "pipeline/profile/local_core.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/profile/memory_feed.h"
#include "pipeline/profile/pooled_source.h"
#include "pipeline/profile/replay.h"
#include "pipeline/profile/sequence_witness.h"

namespace feedfarm {
namespace {

constexpr uint32_t kPoolFrames = 4'096;
constexpr uint32_t kFrameBytes = 2'048;
// The synthetic day's live orders are steered to kLiveOrders; the rest is room.
constexpr uint64_t kLiveOrders = 200'000;
constexpr ItchBook::Options kBounds = {.orders_max = 1 << 20, .levels_max = 1 << 20};

const LocalProfile& Profile() { return *FindLocalProfile("local-core"); }

absl::Status Check(const LocalCoreOptions& options) {
  return CheckArguments(Profile(), {absl::StrCat(options.messages), absl::StrCat(options.messages_per_packet),
                                    absl::StrCat(options.symbols)});
}

}  // namespace

absl::StatusOr<ProfileReport> RunLocalCore(const LocalCoreOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(Check(options));
  const MessageStream stream(
      {.messages = options.messages, .symbols = options.symbols, .live_orders = kLiveOrders, .seed = options.seed});
  const MemoryFeed feed = MakeMemoryFeed(stream, {.messages_per_packet = options.messages_per_packet});
  FEEDFARM_ASSIGN_OR_RETURN(const Replay replay, ReplayInOrder(stream, kBounds));
  FEEDFARM_ASSIGN_OR_RETURN(auto book, ItchBook::Create(kBounds));
  FEEDFARM_ASSIGN_OR_RETURN(const auto pool, UmemPool::Create(kPoolFrames, kFrameBytes));
  SequenceWitness books(std::move(book), /*ring=*/nullptr);
  PooledSource source(&feed, pool.get(), /*now_ns=*/nullptr, /*start_ns=*/0);
  FeedEventQueue events;
  LatencyHistograms histograms;
  FEEDFARM_ASSIGN_OR_RETURN(const auto handler,
                            FeedHandler<MoldItchProtocol>::Create({}, &source, nullptr, &events, &histograms, &books));
  uint64_t allocations = 0;
  const uint64_t start_ns = MonotonicNow();
  {
    const AllocationGuard guard;
    while (!source.exhausted()) handler->Poll();
    allocations = guard.allocations();
  }
  const double seconds = static_cast<double>(std::max<uint64_t>(1, MonotonicNow() - start_ns)) * 1e-9;
  handler->Finish();
  const FeedCounters counters = handler->Snapshot();
  const SourceCounters end = source.Counters();

  ProfileReport report(std::string(Profile().name));
  report.Add("messages_per_packet", uint64_t{options.messages_per_packet});
  report.Add("symbols", uint64_t{options.symbols});
  report.Add("seed", options.seed);
  report.Add("events", counters.messages);
  report.Add("sequence_gaps", counters.recovery.gaps + books.sequence_gaps());
  report.Add("dup_or_ooo", counters.duplicates + counters.out_of_order + books.sequence_repeats());
  report.Add("event_vec_reallocs", allocations);
  report.Add("pool_available", end.pool_available);
  report.Add("pool_size", end.pool_frames);
  report.Add("pool_misses", end.pool_misses);
  report.Add("missing", replay.messages - std::min(replay.messages, counters.messages));
  report.Add("state_hash", HashText(handler->StateHash()));
  report.Add("stream_hash", HashText(counters.stream_hash));
  report.Add("frames", source.packets());
  report.Add("orders_live", counters.book.orders_live);
  report.Add("seconds", seconds);
  report.Add("messages_per_second", static_cast<double>(counters.messages) / seconds);
  report.Add("frames_per_second", static_cast<double>(source.packets()) / seconds);
  report.Add("ns_per_frame", seconds * 1e9 / static_cast<double>(source.packets()));
  report.AddMust("state_hash", HashText(replay.state_hash));
  report.AddMust("stream_hash", HashText(replay.stream_hash));
  report.AddProof("messages", counters.messages);
  report.AddProof("messages.must_be", replay.messages);
  report.Judge(Profile());
  return report;
}

}  // namespace feedfarm
