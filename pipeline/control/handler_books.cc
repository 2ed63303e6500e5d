#include "pipeline/control/handler_books.h"

#include <utility>
#include <vector>

#include "glog/logging.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/book/deep_book.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/journal/disk_folder.h"
#include "pipeline/journal/journal.h"
#include "pipeline/shard/book_shards.h"

namespace feedfarm {
namespace {

template <class Book>
class JournalOf final : public HandlerJournal {
 public:
  static absl::StatusOr<std::unique_ptr<JournalOf>> Open(const HandlerOptions& options, Book* book,
                                                         std::unique_ptr<Book> shadow) {
    std::unique_ptr<JournalOf> self(new JournalOf());
    FEEDFARM_ASSIGN_OR_RETURN(self->folder_, DiskFolder::Open(options.journal));
    // None at the end: it would keep the agent waiting for as long as the disk takes, and nobody reads it.
    const JournalOptions journal{
        .sync = options.journal_sync, .snapshot_messages = options.snapshot_every_messages, .snapshot_at_stop = false};
    absl::StatusOr<std::unique_ptr<Journal<Book>>> opened =
        Journal<Book>::Open(journal, self->folder_.get(), &self->clock_, book, std::move(shadow));
    // A version that nobody has written is damage: the folder is this run's alone.
    if (absl::IsUnimplemented(opened.status())) return absl::DataLossError(opened.status().message());
    FEEDFARM_ASSIGN_OR_RETURN(self->journal_, std::move(opened));
    const RecoveryReport& report = self->journal_->report();
    for (const std::string& damaged : report.damaged_snapshots) LOG(WARNING) << "journal: damaged snapshot " << damaged;
    if (report.torn_altered) {
      LOG(WARNING) << "journal: " << report.torn_segment << ": the last record, at offset " << report.torn_offset
                   << ", was altered after it was written, by a power cut or by damage; cut off";
    }
    return self;
  }

  JournalRing& ring() override { return journal_->ring(); }
  const JournalCursor& recovered() const override { return journal_->recovered(); }
  const StreamTally& tally() const override { return journal_->recovered_tally(); }
  const RecoveryReport& report() const override { return journal_->report(); }
  void Start() override { journal_->Start(); }
  absl::Status Stop() override { return journal_->Stop(); }
  JournalStats stats() const override { return journal_->stats(); }

 private:
  JournalOf() = default;

  const SystemClock clock_{};
  std::unique_ptr<DiskFolder> folder_;
  std::unique_ptr<Journal<Book>> journal_;  // last: uses the others
};

template <class Book>
absl::StatusOr<HandlerBooks> Make(const HandlerOptions& options, const typename Book::Options& bounds) {
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<Book> book, Book::Create(bounds));
  Book* const borrowed = book.get();
  HandlerBooks books;
  if (!options.journal.empty()) {
    FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<Book> shadow, Book::Create(bounds));
    FEEDFARM_ASSIGN_OR_RETURN(books.journal, JournalOf<Book>::Open(options, borrowed, std::move(shadow)));
  }
  if (options.shards != 0) {
    std::vector<std::unique_ptr<Book>> empty;
    for (uint32_t i = 0; i < options.shards; ++i) {
      FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<Book> one, Book::Create(bounds));
      empty.push_back(std::move(one));
    }
    auto shards = std::make_unique<BookShards<Book>>(
        std::move(empty), typename BookShards<Book>::Options{.spin = options.spin, .cpus = options.shard_cpus});
    if (books.journal != nullptr) shards->Load(*book, books.journal->tally().outcomes);
    books.finish_tops = [shards = shards.get()] { return shards->FinishTops(); };
    books.not_granted = shards->not_granted();
    books.stage = std::move(shards);
    return books;
  }
  auto stage = std::make_unique<InlineBook<Book>>(std::move(book));
  if (books.journal != nullptr) stage->CountFrom(books.journal->tally().outcomes);
  books.stage = std::move(stage);
  return books;
}

}  // namespace

absl::StatusOr<HandlerBooks> MakeHandlerBooks(const HandlerOptions& options) {
  switch (options.protocol) {
    case HandlerProtocol::kMoldItch:
      return Make<ItchBook>(options, {.orders_max = options.book_orders_max, .levels_max = options.book_levels_max});
    case HandlerProtocol::kIexDeep:
      return Make<DeepBook>(options, {.levels_max = options.book_levels_max});
  }
  return absl::InternalError("no such protocol");
}

}  // namespace feedfarm
