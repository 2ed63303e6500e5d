// Real streams through the journal with its thread and back: ES orders, and the IEX capture with its session restarts.
// Skipped without FEEDFARM_DATA.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "pipeline/book/deep_book.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/journal/disk_folder.h"
#include "pipeline/journal/journal.h"

namespace feedfarm {
namespace {

class JournalCapture : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("FEEDFARM_DATA");
    if (data == nullptr || !std::filesystem::is_directory(data)) {
      GTEST_SKIP() << "FEEDFARM_DATA names no folder with the real captures";
    }
    data_ = data;
    const char* temporary = std::getenv("TEST_TMPDIR");
    path_ = absl::StrCat(temporary == nullptr ? "/tmp" : temporary, "/journal_capture_test.", ::getpid());
    std::filesystem::remove_all(path_);
  }
  void TearDown() override {
    if (!path_.empty()) std::filesystem::remove_all(path_);
  }

  // Journals what `feed` puts into the ring, one call a life, and checks that each life begins where the one before
  // ended. feed(from, ring, book): publishes some of the stream from the cursor on; false at its end.
  template <class Book, class Feed>
  void Run(Feed feed, JournalCursor* last) {
    SystemClock clock;
    JournalOptions options;
    options.segment_bytes = 1 << 20;
    options.snapshot_messages = 40'000;
    options.sync = {.kind = SyncPolicy::Kind::kNone};
    uint64_t state_hash = 0;
    JournalCursor cursor;
    for (bool more = true; more;) {
      const auto folder = *DiskFolder::Open(path_);
      const auto book = *Book::Create({});
      auto journal = Journal<Book>::Open(options, folder.get(), &clock, book.get(), *Book::Create({}));
      ASSERT_TRUE(journal.ok()) << journal.status();
      if (cursor.joined) {
        EXPECT_EQ((*journal)->recovered(), cursor);
        EXPECT_EQ(book->StateHash(), state_hash);
      }
      (*journal)->Start();
      more = feed((*journal)->recovered(), (*journal)->ring(), *book);
      (*journal)->RequestSnapshot();
      ASSERT_TRUE((*journal)->Stop().ok());
      cursor = (*journal)->state().cursor();
      state_hash = book->StateHash();
      EXPECT_EQ((*journal)->state().book()->StateHash(), state_hash);
      EXPECT_FALSE((*journal)->stats().overrun.happened);
    }
    *last = cursor;
  }

  std::string data_, path_;
};

TEST_F(JournalCapture, EsFlowInFiveLives) {
  StreamHash hash;
  uint64_t end = 0;
  const auto feed = [&](const JournalCursor& from, JournalRing& ring, ItchBook& book) {
    const auto reader = *CaptureReader::Open(data_ + "/es-20231225.itch.gz");
    if (!from.joined) ring.Begin(0, {1, 2}, 1, {});
    const uint64_t begin = from.joined ? from.next_sequence : 1;
    for (uint64_t sequence = 1;; ++sequence) {
      const auto record = *reader->Next();
      if (!record) break;
      if (sequence < begin) continue;
      ring.Append(0, sequence, record->payload);
      book.Apply(record->payload);
      hash.Add(0, sequence, record->payload);
      end = sequence;
      if (sequence == begin + 13'000) {
        ring.Publish();
        return true;
      }
    }
    ring.Publish();
    return false;
  };
  JournalCursor last;
  Run<ItchBook>(feed, &last);
  EXPECT_EQ(last.messages, 62'297u);
  EXPECT_EQ(last.next_sequence, end + 1);
  EXPECT_EQ(last.stream_hash, hash.value());
}

TEST_F(JournalCapture, IexRestartsInManyLives) {
  StreamHash hash;
  uint64_t messages = 0, packets_done = 0;
  uint32_t generation = 0;
  PacketHeader before;
  const auto blocks = std::make_unique<BlockIndex>();
  const auto feed = [&](const JournalCursor&, JournalRing& ring, DeepBook& book) {
    const auto reader = *CaptureReader::Open(data_ + "/iex-deep10-20170425.pcap.gz");
    for (uint64_t packet = 0; packet < packets_done + 20'000; ++packet) {
      const auto record = *reader->Next();
      if (!record) {
        ring.Publish();
        return false;
      }
      if (packet < packets_done) continue;
      const PacketHeader header = iextp::IexTp::ParseHeader(record->payload);
      if (header.kind != PacketKind::kData) continue;
      EXPECT_TRUE(iextp::IexTp::IndexBlocks(record->payload, header, *blocks));
      const StreamFront front = {.front_sequence = header.first_sequence,
                                 .front_time_ns = header.send_time_ns,
                                 .floor_time_ns = before.send_time_ns,
                                 .front_data = true};
      const bool first = before.kind == PacketKind::kMalformed;
      if (first || header.first_sequence < before.first_sequence) {
        if (!first) ++generation;
        book.Clear();
        ring.Begin(generation, header.session, header.first_sequence, front);
      }
      for (uint32_t i = 0; i < header.count; ++i, ++messages) {
        const auto message = record->payload.subspan((*blocks)[i].offset, (*blocks)[i].length);
        ring.Append(generation, header.first_sequence + i, message);
        book.Apply(message);
        hash.Add(generation, header.first_sequence + i, message);
      }
      ring.Front(generation, front);
      ring.Publish();
      before = header;
    }
    packets_done += 20'000;
    return true;
  };
  JournalCursor last;
  Run<DeepBook>(feed, &last);
  EXPECT_EQ(last.messages, 391'999u);
  EXPECT_EQ(last.generation, 11u);
  EXPECT_EQ(last.messages, messages);
  EXPECT_EQ(last.stream_hash, hash.value());
  EXPECT_EQ(last.session, before.session);
  EXPECT_EQ(last.front.front_time_ns, before.send_time_ns);
}

}  // namespace
}  // namespace feedfarm
