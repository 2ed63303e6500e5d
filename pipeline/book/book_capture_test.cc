// The books against their references on the real captures of FEEDFARM_DATA. Skipped where the folder is not there.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/allocation_guard.h"
#include "pipeline/book/deep_book.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "tests/support/book_agreement.h"
#include "tests/support/reference_book.h"

namespace feedfarm {
namespace {

using Messages = std::vector<std::vector<uint8_t>>;

class BookCapture : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("FEEDFARM_DATA");
    if (folder == nullptr || !std::filesystem::is_directory(folder)) {
      GTEST_SKIP() << "FEEDFARM_DATA names no folder with the real captures";
    }
    folder_ = folder;
  }

  // fn(payload) for each record that is whole.
  void ForEachPayload(const std::string& path, const std::function<void(std::span<const uint8_t>)>& fn) {
    auto reader = CaptureReader::Open(path);
    ASSERT_TRUE(reader.ok()) << reader.status();
    for (;;) {
      auto record = (*reader)->Next();
      ASSERT_TRUE(record.ok()) << record.status();
      if (!record->has_value()) return;
      if (!(*record)->truncated) fn((*record)->payload);
    }
  }

  template <class Framing>
  void ForEachMessage(std::span<const uint8_t> payload, const std::function<void(std::span<const uint8_t>)>& fn) {
    const PacketHeader header = Framing::ParseHeader(payload);
    if (header.kind != PacketKind::kData || !Framing::IndexBlocks(payload, header, *blocks_)) return;
    for (uint32_t i = 0; i < header.count; ++i) fn(payload.subspan((*blocks_)[i].offset, (*blocks_)[i].length));
  }

  static std::unique_ptr<ItchBook> MakeItch() {
    auto book = ItchBook::Create({.orders_max = 1 << 16, .levels_max = 1 << 16, .locates_max = 1 << 16});
    EXPECT_TRUE(book.ok()) << book.status();
    return *std::move(book);
  }

  std::string folder_;
  std::unique_ptr<BlockIndex> blocks_ = std::make_unique<BlockIndex>();
};

TEST_F(BookCapture, EsFlowAgreesWithTheReference) {
  const auto book = MakeItch(), rebuilt = MakeItch();
  ReferenceItchBook reference(1 << 16, 1 << 16, 1 << 16);
  uint64_t messages = 0, allocations = 0;
  ForEachPayload(folder_ + "/es-20231225.itch.gz", [&](std::span<const uint8_t> message) {
    BookOutcome outcome;
    {
      const AllocationGuard guard;
      outcome = book->Apply(message).outcome;
      allocations += guard.allocations();
    }
    ASSERT_EQ(Name(outcome), Name(reference.Apply(message)));
    ASSERT_TRUE(++messages % 5'000 != 0 || Agree(*book, reference)) << "after " << messages;
  });
  EXPECT_EQ(messages, 62'297u);
  EXPECT_EQ(allocations, 0u);
  EXPECT_TRUE(Agree(*book, reference));
  EXPECT_TRUE(EmitsItself(*book, *rebuilt));
  EXPECT_EQ(book->Outcomes()[static_cast<size_t>(BookOutcome::kApplied)], 59'324u);
  EXPECT_EQ(book->Outcomes()[static_cast<size_t>(BookOutcome::kNoted)], 2'973u);
  EXPECT_EQ(book->orders_live(), 11'216u);
}

// Many of their orders were added before the capture began: unknown ones are counted, the rest must agree.
TEST_F(BookCapture, NasdaqCapturesAgreeWithTheReference) {
  const auto book = MakeItch(), rebuilt = MakeItch();
  uint64_t files = 0, messages = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/nasdaq")) {
    if (entry.path().extension() != ".pcap") continue;
    book->Clear();
    ReferenceItchBook reference(1 << 16, 1 << 16, 1 << 16);
    ForEachPayload(entry.path(), [&](std::span<const uint8_t> payload) {
      ForEachMessage<moldudp64::MoldUdp64>(payload, [&](std::span<const uint8_t> message) {
        ASSERT_EQ(Name(book->Apply(message).outcome), Name(reference.Apply(message)));
        ++messages;
      });
    });
    EXPECT_TRUE(Agree(*book, reference)) << entry.path();
    EXPECT_TRUE(EmitsItself(*book, *rebuilt)) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 37u);
  EXPECT_GT(messages, 150u);
}

TEST_F(BookCapture, IexCaptureAgreesWithTheReference) {
  auto made = DeepBook::Create({}), again = DeepBook::Create({});
  ASSERT_TRUE(made.ok() && again.ok());
  DeepBook &book = **made, &rebuilt = **again;
  ReferenceDeepBook reference(1 << 15, 1 << 19);
  const auto agree = [&] {
    EXPECT_EQ(book.levels_live(), reference.levels_live());
    EXPECT_EQ(book.StateHash(), reference.StateHash());
    rebuilt.Clear();
    book.EmitState([&](std::span<const uint8_t> message) { (void)rebuilt.Apply(message); });
    EXPECT_EQ(rebuilt.StateHash(), book.StateHash());
  };
  uint64_t messages = 0, restarts = 0, expected = 0, top_changes = 0;
  ForEachPayload(folder_ + "/iex-deep10-20170425.pcap.gz", [&](std::span<const uint8_t> payload) {
    const PacketHeader header = iextp::IexTp::ParseHeader(payload);
    if (header.first_sequence < expected) {
      agree();
      book.Clear();
      reference.Clear();
      ++restarts;
    }
    expected = header.first_sequence + header.count;
    ForEachMessage<iextp::IexTp>(payload, [&](std::span<const uint8_t> message) {
      const Applied applied = book.Apply(message);
      ASSERT_EQ(Name(applied.outcome), Name(reference.Apply(message))) << "message " << messages;
      if (applied.top_changed) {
        const deep::Symbol symbol = book.symbol(applied.instrument);
        ASSERT_EQ(book.Top(applied.instrument), reference.Top(std::string(symbol.begin(), symbol.end())));
        ++top_changes;
      }
      ++messages;
    });
  });
  agree();
  EXPECT_EQ(messages, 391'999u);
  EXPECT_EQ(restarts, 11u);
  EXPECT_GT(top_changes, 3'000u);
  // IEX removes prices that were never there, eight times.
  EXPECT_EQ(book.Outcomes()[static_cast<size_t>(BookOutcome::kUnknownOrder)], 8u);
}

}  // namespace
}  // namespace feedfarm
