#include "agent/traffic/reference.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/book/deep_book.h"
#include "pipeline/book/feed_book.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/book/top_update.h"
#include "pipeline/feed/stream_hash.h"

namespace feedfarm {
namespace {

constexpr size_t kEmptyType = 256;
constexpr uint32_t kLevelsMax = 2 << 20;
constexpr uint64_t kBookMin = 1 << 10;
constexpr uint64_t kBookMax = 8'000'000;

std::string TypeText(size_t type) {
  if (type == kEmptyType) return "empty";
  if (type > ' ' && type <= '~') return std::string(1, static_cast<char>(type));
  return absl::StrFormat("0x%02x", type);
}

// Books that say of every change of best prices.
class ReferenceBooks {
 public:
  virtual ~ReferenceBooks() = default;
  virtual void Clear() = 0;
  virtual void Apply(uint64_t first_sequence, std::span<const std::span<const uint8_t>> messages) = 0;
  virtual uint64_t StateHash() const = 0;
  virtual const TopHash& tops() const = 0;
};

template <class Book>
class ReferenceBook final : public ReferenceBooks, private TopListener {
 public:
  explicit ReferenceBook(std::unique_ptr<Book> book) : book_(std::move(book)) {}
  void Clear() override { book_->Clear(); }
  void Apply(uint64_t first_sequence, std::span<const std::span<const uint8_t>> messages) override {
    first_sequence_ = first_sequence;
    book_->ApplyRun(messages, this);
  }
  uint64_t StateHash() const override { return book_->StateHash(); }
  const TopHash& tops() const override { return tops_; }

 private:
  void TopChanged(size_t index, const TopOfBook& top) override {
    tops_.Add({.sequence = first_sequence_ + index, .top = top});
  }

  const std::unique_ptr<Book> book_;
  TopHash tops_;
  uint64_t first_sequence_ = 0;  // of the run
};

// As large as any stream of so many messages could need, within what a source host can spare.
absl::StatusOr<std::unique_ptr<ReferenceBooks>> MakeBooks(const StreamContent& content) {
  const auto room = static_cast<uint32_t>(std::clamp<uint64_t>(content.store->messages(), kBookMin, kBookMax));
  if (content.protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10) {
    FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<DeepBook> book, DeepBook::Create({.levels_max = room}));
    return std::make_unique<ReferenceBook<DeepBook>>(std::move(book));
  }
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<ItchBook> book,
                            ItchBook::Create({.orders_max = room, .levels_max = std::min(room, kLevelsMax)}));
  return std::make_unique<ReferenceBook<ItchBook>>(std::move(book));
}

// Applies messages in runs, so that the books can fetch ahead.
class Runs {
 public:
  explicit Runs(ReferenceBooks* books) : books_(books) {}
  void Add(uint32_t generation, uint64_t sequence, std::span<const uint8_t> message) {
    const bool follows = generation == generation_ && sequence == first_sequence_ + count_;
    if (!follows || count_ == run_.size()) Flush();
    if (generation != generation_) books_->Clear();
    generation_ = generation;
    if (count_ == 0) first_sequence_ = sequence;
    run_[count_++] = message;
  }
  void Flush() {
    books_->Apply(first_sequence_, std::span(run_).first(count_));
    count_ = 0;
  }

 private:
  ReferenceBooks* const books_;
  uint32_t generation_ = 0;
  uint64_t first_sequence_ = 0;
  size_t count_ = 0;
  std::array<std::span<const uint8_t>, 256> run_;
};

}  // namespace

absl::Status FillReference(const StreamContent& content, v1::SourceResult& result) {
  const MessageStore& store = *content.store;
  FEEDFARM_ASSIGN_OR_RETURN(const std::unique_ptr<ReferenceBooks> books, MakeBooks(content));
  Runs runs(books.get());
  StreamHash hash;
  std::array<uint64_t, kEmptyType + 1> types{};
  for (const StreamSegment& segment : store.segments()) {
    const uint64_t end = store.segment_end(segment);
    for (uint64_t index = segment.first_index; index < end; ++index) {
      const std::span<const uint8_t> message = store.message(index);
      ++types[message.empty() ? kEmptyType : message[0]];
      const uint64_t sequence = segment.first_sequence + (index - segment.first_index);
      hash.Add(segment.generation, sequence, message);
      runs.Add(segment.generation, sequence, message);
    }
  }
  runs.Flush();
  result.set_messages(store.messages());
  for (size_t type = 0; type < types.size(); ++type) {
    if (types[type] == 0) continue;
    v1::TypeCount* count = result.add_types();
    count->set_type(TypeText(type));
    count->set_messages(types[type]);
  }
  result.set_reference_hash(hash.ToString());
  result.set_reference_state_hash(absl::StrFormat("%016x", books->StateHash()));
  result.set_reference_top_hash(books->tops().ToString());
  result.set_reference_top_updates(books->tops().updates());
  result.set_session_restarts(content.session_restarts);
  result.set_session_changes(content.session_changes);
  result.set_truncated_records(content.truncated_records);
  result.set_foreign_records(content.foreign_records);
  result.set_capture_missing_messages(content.missing_messages);
  result.set_capture_repeated_messages(content.repeated_messages);
  return absl::OkStatus();
}

}  // namespace feedfarm
