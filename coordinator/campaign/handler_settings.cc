#include "coordinator/campaign/handler_settings.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "coordinator/campaign/map_reader.h"
#include "coordinator/campaign/receive_parser.h"
#include "coordinator/campaign/snapshot_settings.h"

namespace feedfarm {
namespace {

constexpr int64_t kMicrosecond = 1'000;
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;

constexpr uint32_t kCpuMax = 1'023;

enum JournalSync { kSyncNone, kSyncInterval, kSyncGroup };
constexpr Choice kJournalSyncs[] = {{"none", kSyncNone}, {"interval", kSyncInterval}, {"group", kSyncGroup}};

// Null: no journal is kept. An empty map takes all defaults.
void ReadJournal(const YamlNode* node, v1::HandlerConfig* out, Diagnostics& diagnostics) {
  if (node == nullptr) return;
  int sync = kSyncInterval;
  uint64_t interval_ns = 50 * kMillisecond;
  uint64_t snapshot_every = 10'000'000;
  MapReader reader(*node, "journal", diagnostics);
  reader.OneOf("sync", kJournalSyncs, &sync);
  reader.Duration("interval", kMillisecond, 60 * kSecond, &interval_ns);
  reader.Count("snapshot_every", 0, 10'000'000'000, &snapshot_every);
  reader.Finish();
  switch (static_cast<JournalSync>(sync)) {
    case kSyncNone:
      out->set_journal("none");
      break;
    case kSyncInterval:
      out->set_journal(absl::StrCat("interval ", interval_ns / kMillisecond));
      break;
    case kSyncGroup:
      out->set_journal("group");
      break;
  }
  out->set_snapshot_every_messages(snapshot_every);
}

// Cores of the shards: a list of at most as many as there are shards.
void ReadShardCpus(const YamlNode* node, uint32_t shards, v1::HandlerConfig* out, Diagnostics& diagnostics) {
  if (node == nullptr) return;
  if (node->kind != YamlNode::Kind::kSequence || node->items.size() > shards) {
    diagnostics.Add(node->position, absl::StrCat("shard_cpus must be a list such as [2, 3], of at most the ", shards,
                                                 " cores that shards asks for"));
    return;
  }
  for (const YamlPtr& item : node->items) {
    uint32_t cpu = 0;
    if (item->kind != YamlNode::Kind::kScalar || !absl::SimpleAtoi(item->scalar, &cpu) || cpu > kCpuMax) {
      diagnostics.Add(item->position, absl::StrCat("shard_cpus: each is a core's number, 0 to ", kCpuMax));
      return;
    }
    out->add_shard_cpus(cpu);
  }
}

// The build that must be under test.
void ReadCommit(MapReader* reader, v1::HandlerConfig* out) {
  constexpr size_t kDigitsMin = 7, kDigitsMax = 64;
  std::string commit;
  if (!reader->Text("commit", &commit)) return;
  const bool hex = std::all_of(commit.begin(), commit.end(), [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
  if (!hex || commit.size() < kDigitsMin || commit.size() > kDigitsMax) {
    return reader->Refuse("commit", absl::StrCat("commit must be the first ", kDigitsMin, " or more hex digits of a commit"));
  }
  out->set_commit(absl::AsciiStrToLower(commit));
}

}  // namespace

void ReadHandler(const YamlNode* node, v1::HandlerConfig* out, Diagnostics& diagnostics) {
  uint64_t dwell_ns = kMillisecond;
  uint64_t rerequest_timeout_ns = 5 * kMillisecond;
  uint32_t window = 65'536;
  uint32_t jump = 4'096;
  uint32_t tries = 8;
  uint32_t pool_frames = 4'096;
  uint32_t book_orders_max = 1 << 20;
  uint32_t book_levels_max = 1 << 19;
  uint32_t shards = 0;
  bool spin = true;
  bool fifo = false;
  if (node == nullptr) ReadReceive(nullptr, out, diagnostics);
  if (node != nullptr) {
    MapReader reader(*node, "handler", diagnostics);
    ReadReceive(&reader, out, diagnostics);
    ReadCommit(&reader, out);
    reader.Duration("dwell", kMicrosecond, 10 * kSecond, &dwell_ns);
    reader.PowerOfTwo("window", 64, 1 << 22, &window);
    reader.Count32("jump", 1, 1 << 22, &jump);
    reader.Duration("rerequest_timeout", 10 * kMicrosecond, 60 * kSecond, &rerequest_timeout_ns);
    reader.Count32("rerequest_tries", 0, 100, &tries);
    reader.PowerOfTwo("pool_frames", 256, 1 << 20, &pool_frames);
    reader.Count32("book_orders_max", 1, (1 << 23) - 1, &book_orders_max);
    reader.Count32("book_levels_max", 1, 1 << 21, &book_levels_max);
    reader.Count32("shards", 0, 16, &shards);
    ReadShardCpus(reader.FindMaybeEmpty("shard_cpus"), shards, out, diagnostics);
    ReadJournal(reader.FindMaybeEmpty("journal"), out, diagnostics);
    reader.Bool("spin", &spin);
    reader.Bool("fifo", &fifo);
    ReadSnapshot(&reader, out);
    reader.Finish();
  } else {
    ReadSnapshot(nullptr, out);
  }
  out->set_dwell_ns(dwell_ns);
  out->set_window_messages(window);
  out->set_jump_messages(jump);
  out->set_rerequest_timeout_ns(rerequest_timeout_ns);
  out->set_rerequest_tries(tries);
  out->set_pool_frames(pool_frames);
  out->set_book_orders_max(book_orders_max);
  out->set_book_levels_max(book_levels_max);
  out->set_shards(shards);
  out->set_spin(spin);
  out->set_fifo(fifo);
}

}  // namespace feedfarm
