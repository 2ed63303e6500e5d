#include "agent/traffic/message_store.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

constexpr uint64_t kRoom = 1 << 20;

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string Text(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

std::unique_ptr<MessageStore> Make(MessageStore::BlockOrder order = MessageStore::BlockOrder::kBig,
                                   uint64_t bytes_max = kRoom) {
  return *MessageStore::Create(order, bytes_max);
}

TEST(MessageStore, KeepsMessagesAsBlocksInOneSpan) {
  auto store = Make();
  store->BeginGeneration({1, 2}, 1, 0);
  EXPECT_EQ(store->Append(1, Bytes("abc"), 0, 0), MessageStore::Outcome::kStored);
  EXPECT_EQ(store->Append(2, Bytes(""), 5, 0), MessageStore::Outcome::kStored);
  EXPECT_EQ(store->Append(3, Bytes("z"), 7, 0), MessageStore::Outcome::kStored);
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_EQ(store->messages(), 3u);
  EXPECT_EQ(Text(store->blocks(0, 3)), std::string("\0\3abc\0\0\0\1z", 10));
  EXPECT_EQ(Text(store->message(1)), "");
  EXPECT_EQ(Text(store->message(2)), "z");
  EXPECT_EQ(store->sequence(2), 3u);
  EXPECT_EQ(store->stream_offset(2), 7u);
  EXPECT_EQ(store->stream_offset_before(0, 3), 10u);
}

TEST(MessageStore, LengthIsLittleEndianForIexTp) {
  auto store = Make(MessageStore::BlockOrder::kLittle);
  store->BeginGeneration({}, 1, 0);
  store->Append(1, Bytes("ab"), 0, 0);
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_EQ(Text(store->blocks(0, 1)), std::string("\2\0ab", 4));
}

TEST(MessageStore, ClaimCountsFromTheGenerationsFirstSequence) {
  auto store = Make();
  store->BeginGeneration({}, 100, 0);
  *store->Claim(1) = 'x';
  *store->Claim(1) = 'y';
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_EQ(store->sequence(1), 101u);
  EXPECT_EQ(Text(store->message(1)), "y");
}

TEST(MessageStore, RepeatedSequenceIsStoredOnceAGeneration) {
  auto store = Make();
  store->BeginGeneration({1, 0}, 1, 0);
  store->Append(1, Bytes("a"), 0, 0);
  EXPECT_EQ(store->Append(1, Bytes("b"), 0, 0), MessageStore::Outcome::kRepeated);
  store->BeginGeneration({2, 0}, 1, 0);
  EXPECT_EQ(store->Append(1, Bytes("c"), 0, 0), MessageStore::Outcome::kStored);
  ASSERT_TRUE(store->Seal().ok());
  ASSERT_EQ(store->generations().size(), 2u);
  EXPECT_EQ(store->generations()[1].first_index, 1u);
  EXPECT_EQ(store->generations()[1].end_index, 2u);
  EXPECT_EQ(Text(store->message(0)), "a");
}

TEST(MessageStore, FindKnowsHolesAndGenerationsWithoutMessages) {
  auto store = Make();
  store->BeginGeneration({1, 0}, 1, 0);
  store->Append(5, Bytes("5"), 0, 0);
  store->Append(9, Bytes("9"), 0, 0);
  store->BeginGeneration({2, 0}, 1, 0);
  store->BeginGeneration({3, 0}, 1, 0);
  store->Append(1, Bytes("1"), 0, 0);
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_EQ(store->Find(0, 5), 0u);
  EXPECT_EQ(store->Find(0, 6), std::nullopt);
  EXPECT_EQ(store->LowerBound(0, 6), 1u);
  EXPECT_EQ(store->LowerBound(0, 1), 0u);
  EXPECT_EQ(store->LowerBound(0, 10), 2u);
  EXPECT_EQ(store->Find(0, ~uint64_t{0}), std::nullopt);
  EXPECT_EQ(store->Find(1, 1), std::nullopt);
  EXPECT_EQ(store->Find(2, 1), 2u);
  EXPECT_EQ(store->segments().size(), 3u);
  EXPECT_EQ(store->segment_end(store->segments()[1]), 2u);
}

TEST(MessageStore, FullIsSaidAndNothingIsStored) {
  auto store = Make(MessageStore::BlockOrder::kBig, 1 << 16);
  store->BeginGeneration({}, 1, 0);
  const std::string message(30, 'm');
  uint64_t sequence = 1;
  while (store->Append(sequence, Bytes(message), 0, 0) == MessageStore::Outcome::kStored) ++sequence;
  EXPECT_EQ(store->messages(), sequence - 1);
  EXPECT_LE(store->messages() * 40, 1u << 16);
  EXPECT_GT(store->messages() * 40, (1u << 16) - 100);
  EXPECT_EQ(store->Claim(30), nullptr);
}

// Against a map: any order, with repeats, gives the messages in order of sequence with the first copy's bytes.
TEST(MessageStore, OrdersWhatWasAppendedInAnyOrder) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    auto store = Make();
    std::vector<std::map<uint64_t, std::pair<std::string, uint64_t>>> reference;
    uint64_t time = 1;
    for (int generation = 0; generation < 3; ++generation) {
      store->BeginGeneration({static_cast<uint64_t>(generation), 0}, 1, 0);
      reference.emplace_back();
      const uint64_t appends = rng.Below(60);
      for (uint64_t n = 0; n < appends; ++n) {
        const uint64_t sequence = 1 + rng.Below(40);
        const std::string text = std::to_string(rng.Next());
        time += rng.Below(3);
        const bool is_new = reference.back().try_emplace(sequence, text, time).second;
        EXPECT_EQ(store->Append(sequence, Bytes(text), 0, time) == MessageStore::Outcome::kStored, is_new);
      }
    }
    ASSERT_TRUE(store->Seal().ok());
    uint64_t index = 0;
    for (uint32_t generation = 0; generation < 3; ++generation) {
      EXPECT_EQ(store->generations()[generation].first_index, index);
      for (const auto& [sequence, content] : reference[generation]) {
        ASSERT_EQ(Text(store->message(index)), content.first) << "seed " << seed;
        ASSERT_EQ(store->sequence(index), sequence) << "seed " << seed;
        ASSERT_EQ(store->segment(index).generation, generation) << "seed " << seed;
        ASSERT_EQ(store->send_time(index), content.second) << "seed " << seed;
        ASSERT_EQ(store->Find(generation, sequence), index) << "seed " << seed;
        ++index;
      }
      EXPECT_EQ(store->generations()[generation].end_index, index);
    }
    EXPECT_EQ(store->messages(), index);
  }
}

}  // namespace
}  // namespace feedfarm
