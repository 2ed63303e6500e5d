#include "pipeline/feed/stream_hash.h"

#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

using Message = std::vector<uint8_t>;

uint64_t HashOf(const std::vector<Message>& messages, uint64_t first_sequence = 1, uint32_t generation = 0) {
  StreamHash hash;
  for (const Message& message : messages) hash.Add(generation, first_sequence++, message);
  return hash.value();
}

Message RandomMessage(Rng& rng, size_t bytes) {
  Message message(bytes);
  for (uint8_t& byte : message) byte = static_cast<uint8_t>(rng.Next());
  return message;
}

TEST(StreamHash, EachBitOfEachLengthCounts) {
  Rng rng(7);
  for (size_t bytes = 1; bytes <= 70; ++bytes) {
    const Message message = RandomMessage(rng, bytes);
    std::set<uint64_t> values = {HashOf({message})};
    for (size_t bit = 0; bit < bytes * 8; ++bit) {
      Message other = message;
      other[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      EXPECT_TRUE(values.insert(HashOf({other})).second) << bytes << " bytes, bit " << bit;
    }
  }
}

TEST(StreamHash, LengthsOfZeroesDiffer) {
  std::set<uint64_t> values;
  for (size_t bytes = 0; bytes <= 100; ++bytes) {
    EXPECT_TRUE(values.insert(HashOf({Message(bytes)})).second) << bytes;
  }
}

TEST(StreamHash, OrderPlaceAndNumberCount) {
  Rng rng(8);
  std::vector<Message> messages;
  for (size_t i = 0; i < 40; ++i) messages.push_back(RandomMessage(rng, i % 2 == 0 ? 36 : 19));
  const uint64_t value = HashOf(messages);
  EXPECT_NE(HashOf(messages, 2), value);
  EXPECT_NE(HashOf(messages, 1, 1), value);
  for (size_t i = 0; i + 2 < messages.size(); ++i) {
    std::vector<Message> swapped = messages, doubled = messages, lost = messages;
    std::swap(swapped[i], swapped[i + 2]);  // of one length
    doubled.insert(doubled.begin() + static_cast<ptrdiff_t>(i), messages[i]);
    lost.erase(lost.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_NE(HashOf(swapped), value);
    EXPECT_NE(HashOf(doubled), value);
    EXPECT_NE(HashOf(lost), value);
  }
}

TEST(StreamHash, GoesOnFromAKeptValue) {
  Rng rng(9);
  const Message first = RandomMessage(rng, 36), second = RandomMessage(rng, 19);
  StreamHash whole;
  whole.Add(0, 1, first);
  StreamHash continued(whole.value());
  whole.Add(0, 2, second);
  continued.Add(0, 2, second);
  EXPECT_EQ(continued.value(), whole.value());
}

// No value twice among many streams that differ in one place: a birthday's worth of evidence against short cycles.
TEST(StreamHash, ValuesSpread) {
  Rng rng(10);
  const Message message = RandomMessage(rng, 36);
  std::set<uint32_t> upper;
  for (uint64_t sequence = 1; sequence <= 2000; ++sequence) upper.insert(HashOf({message}, sequence) >> 32);
  EXPECT_GE(upper.size(), 1999u);
}

// Journals and the other side keep values: the definition stays.
TEST(StreamHash, ValuesAreKept) {
  Rng rng(11);
  StreamHash hash;
  for (size_t bytes = 0; bytes <= 64; ++bytes) hash.Add(2, 100 + bytes, RandomMessage(rng, bytes));
  EXPECT_EQ(hash.ToString(), "5d62cb59e562d0dc");
}

}  // namespace
}  // namespace feedfarm
