#include "pipeline/profile/rx_proof.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/journal/disk_folder.h"
#include "pipeline/journal/journal.h"
#include "pipeline/profile/memory_feed.h"
#include "pipeline/profile/memory_rerequests.h"
#include "pipeline/profile/pooled_source.h"
#include "pipeline/profile/replay.h"
#include "pipeline/profile/sequence_witness.h"

namespace feedfarm {
namespace {

constexpr uint32_t kPoolFrames = 4'096;
constexpr uint32_t kFrameBytes = 2'048;
constexpr uint64_t kStartNs = 1'000'000'000'000;
// What one turn of the handler takes, in simulated time.
constexpr uint64_t kTurnNs = 2'000;
// Recovery that has not ended so long after the last packet never will.
constexpr uint64_t kEndlessNs = 60'000'000'000;
constexpr uint64_t kLiveOrders = 20'000;
constexpr ItchBook::Options kBounds = {.orders_max = 1 << 18, .levels_max = 1 << 18};
constexpr double kAnswerLoss = 0.1;

struct SimulatedClock {
  const uint64_t* now_ns;
  uint64_t operator()() const { return *now_ns; }
};

// An empty folder, removed with what is in it.
class TemporaryFolder {
 public:
  static absl::StatusOr<std::unique_ptr<TemporaryFolder>> Create(const std::string& scratch) {
    std::error_code error;
    std::filesystem::path folder = scratch;
    if (folder.empty()) folder = std::filesystem::temp_directory_path(error);
    std::string path = (folder / "feedfarm-profile.XXXXXX").string();
    if (error || mkdtemp(path.data()) == nullptr) return ErrnoStatus(absl::StrCat("mkdtemp ", path));
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(std::move(path)));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_ + "/journal"; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

const LocalProfile& Profile() { return *FindLocalProfile("rx-proof"); }

absl::Status Check(const RxProofOptions& options) {
  return CheckArguments(Profile(), {absl::StrCat(options.messages), absl::StrCat(options.gaps),
                                    absl::StrCat(options.gap_messages)});
}

LineTrouble TroubleOf(const RxProofOptions& options) {
  return {.messages_per_packet = 4,
          .repack_b = true,
          .loss = 0.05,
          .duplicate = 0.02,
          .reorder = 0.02,
          .reorder_ns = 300'000,
          .gaps = options.gap_messages == 0 ? 0 : options.gaps,
          .gap_messages = options.gap_messages,
          .seed = options.seed};
}

FeedHandlerOptions HandlerOptions() {
  FeedHandlerOptions options;
  options.recovery.timeout_ns = 1'000'000;
  options.recovery.tries = 16;
  return options;
}

JournalOptions OptionsOfJournal() {
  JournalOptions options;
  options.segment_bytes = 1 << 20;
  // No snapshot: reading back is applying every record.
  options.snapshot_messages = 0;
  options.snapshot_at_stop = false;
  options.sync = {.kind = SyncPolicy::Kind::kNone};
  return options;
}

// For the rules, and for the proof: both are held against the replay's.
void AddHash(const char* key, uint64_t hash, ProfileReport* report) {
  report->Add(key, HashText(hash));
  report->AddProof(key, HashText(hash));
}

// What the journal gives when it is opened again.
absl::Status ReadBack(const std::string& path, const JournalOptions& options, ProfileReport* report) {
  const SystemClock clock;
  FEEDFARM_ASSIGN_OR_RETURN(const auto folder, DiskFolder::Open(path));
  FEEDFARM_ASSIGN_OR_RETURN(const auto book, ItchBook::Create(kBounds));
  FEEDFARM_ASSIGN_OR_RETURN(const auto journal,
                            Journal<ItchBook>::Open(options, folder.get(), &clock, book.get(), nullptr));
  report->Add("journal_messages", journal->recovered().messages);
  report->Add("journal_replayed_messages", journal->report().messages);
  AddHash("journal_state_hash", book->StateHash(), report);
  AddHash("journal_stream_hash", journal->recovered().stream_hash, report);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProfileReport> RunRxProof(const RxProofOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(Check(options));
  const MessageStream stream(
      {.messages = options.messages, .symbols = 500, .live_orders = kLiveOrders, .seed = options.seed});
  const MemoryFeed feed = MakeMemoryFeed(stream, TroubleOf(options));
  FEEDFARM_ASSIGN_OR_RETURN(const Replay replay, ReplayInOrder(stream, kBounds));

  const SystemClock clock;
  const JournalOptions journal_options = OptionsOfJournal();
  FEEDFARM_ASSIGN_OR_RETURN(const auto temporary, TemporaryFolder::Create(options.scratch));
  FEEDFARM_ASSIGN_OR_RETURN(auto folder, DiskFolder::Open(temporary->path()));
  FEEDFARM_ASSIGN_OR_RETURN(auto book, ItchBook::Create(kBounds));
  FEEDFARM_ASSIGN_OR_RETURN(auto journal,
                            Journal<ItchBook>::Open(journal_options, folder.get(), &clock, book.get(), nullptr));
  journal->Start();
  journal->ring().Begin(/*generation=*/0, feed.session, /*first_sequence=*/1, {});

  uint64_t now_ns = kStartNs;
  FEEDFARM_ASSIGN_OR_RETURN(const auto pool, UmemPool::Create(kPoolFrames, kFrameBytes));
  SequenceWitness books(std::move(book), &journal->ring());
  PooledSource source(&feed, pool.get(), &now_ns, kStartNs);
  MemoryRerequests server(&stream, feed.session, &now_ns, kAnswerLoss, options.seed);
  FeedEventQueue events;
  LatencyHistograms histograms;
  using Handler = FeedHandler<MoldItchProtocol, SimulatedClock>;
  auto made = Handler::Create(HandlerOptions(), &source, &server, &events, &histograms, &books, {&now_ns});
  FEEDFARM_ASSIGN_OR_RETURN(const auto handler, std::move(made));
  uint64_t gap_events = 0, recovered_events = 0;
  uint64_t give_up_ns = UINT64_MAX;
  while (!source.exhausted() || (handler->busy() && now_ns < give_up_ns)) {
    handler->Poll();
    journal->ring().Publish();
    while (const auto event = events.Pop()) {
      gap_events += event->kind == FeedEventKind::kGap ? 1 : 0;
      recovered_events += event->kind == FeedEventKind::kRecovered ? 1 : 0;
    }
    now_ns += kTurnNs;
    // While the handler waits for nothing, nothing happens before the next packet.
    if (!handler->busy() && !source.exhausted()) now_ns = std::max(now_ns, source.next_arrival_ns());
    if (source.exhausted() && give_up_ns == UINT64_MAX) give_up_ns = now_ns + kEndlessNs;
  }
  handler->Finish();
  journal->ring().Publish();
  const absl::Status stopped = journal->Stop();
  const JournalStats journal_stats = journal->stats();
  const FeedCounters counters = handler->Snapshot();

  ProfileReport report(std::string(Profile().name));
  report.Add("seed", options.seed);
  report.Add("events", counters.messages);
  report.Add("gap_events", gap_events);
  report.Add("gap_messages", counters.recovery.gap_messages);
  report.Add("recovered_events", recovered_events);
  report.Add("unrecovered_messages", counters.recovery.unrecovered_messages);
  report.Add("dup_or_ooo", counters.duplicates + counters.out_of_order + books.sequence_repeats());
  report.Add("decoder_sequence_gap_events", books.sequence_gaps());
  report.Add("obo_frames", source.order_frames());
  report.Add("pool_available", uint64_t{pool->frames().available()});
  report.Add("pool_size", uint64_t{kPoolFrames});
  report.Add("state_hash", HashText(handler->StateHash()));
  report.Add("stream_hash", HashText(counters.stream_hash));
  report.Add("frames", source.packets());
  report.Add("lost_packets", feed.lost_packets);
  report.Add("duplicate_packets", feed.duplicate_packets);
  report.Add("reordered_packets", feed.reordered_packets);
  report.Add("rerequests", server.requests());
  report.Add("rerequests_unanswered", server.unanswered());
  report.AddMust("events", replay.messages);
  report.AddMust("gap_events", feed.gaps);
  report.AddMust("gap_messages", feed.gap_messages);
  report.AddMust("state_hash", HashText(replay.state_hash));
  report.AddMust("stream_hash", HashText(replay.stream_hash));

  if (journal_stats.overrun.happened) {
    report.Note(ProfileStatus::kInconclusive,
                absl::StrCat("the disk was too slow: journalling ended at sequence ", journal_stats.overrun.sequence));
    report.Judge(Profile());
    return report;
  }
  FEEDFARM_RETURN_IF_ERROR(stopped);
  journal.reset();
  folder.reset();
  const absl::Status read = ReadBack(temporary->path(), journal_options, &report);
  report.Add("journal_errors", uint64_t{read.ok() ? 0u : 1u});
  if (!read.ok()) {
    report.Note(ProfileStatus::kBroken, absl::StrCat("the journal does not open: ", std::string(read.message())));
  }
  report.Judge(Profile());
  return report;
}

}  // namespace feedfarm
