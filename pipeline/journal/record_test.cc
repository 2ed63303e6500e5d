#include "pipeline/journal/record.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSalt = 0x1234567;
constexpr uint64_t kOffset = 408;

std::vector<uint8_t> Sealed(size_t body_bytes, uint64_t salt = kSalt, uint64_t offset = kOffset) {
  std::vector<uint8_t> bytes(RecordBytes(body_bytes), 0xEE);
  std::iota(bytes.begin() + kRecordHeaderBytes, bytes.begin() + static_cast<ptrdiff_t>(kRecordHeaderBytes + body_bytes),
            uint8_t{0});
  SealRecord({.kind = RecordKind::kState,
              .flags = kStateLast,
              .generation = 3,
              .count = 4,
              .first_sequence = 5,
              .record = 6,
              .durable_offset = 7,
              .body_bytes = static_cast<uint32_t>(body_bytes)},
             salt, offset, bytes.data());
  return bytes;
}

TEST(Record, ComesBackAsItWasSealed) {
  for (const size_t body : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{9}, size_t{300}, kRecordBodyMax}) {
    const std::vector<uint8_t> bytes = Sealed(body);
    EXPECT_EQ(bytes.size() % kRecordAlign, 0u);
    RecordView record;
    ASSERT_TRUE(ParseRecord(bytes, kSalt, kOffset, &record)) << body;
    EXPECT_EQ(record.bytes, bytes.size());
    EXPECT_EQ(record.header.kind, RecordKind::kState);
    EXPECT_EQ(record.header.flags, kStateLast);
    EXPECT_EQ(record.header.generation, 3u);
    EXPECT_EQ(record.header.count, 4u);
    EXPECT_EQ(record.header.first_sequence, 5u);
    EXPECT_EQ(record.header.record, 6u);
    EXPECT_EQ(record.header.durable_offset, 7u);
    ASSERT_EQ(record.body.size(), body);
    EXPECT_TRUE(std::equal(record.body.begin(), record.body.end(), bytes.begin() + kRecordHeaderBytes));
  }
}

TEST(Record, AnyOtherBitIsNoRecord) {
  std::vector<uint8_t> bytes = Sealed(21);
  RecordView record;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_FALSE(ParseRecord(bytes, kSalt, kOffset, &record)) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
  EXPECT_TRUE(ParseRecord(bytes, kSalt, kOffset, &record));
}

TEST(Record, StaleBytesOfAnotherSegmentOrPlaceNeverPass) {
  RecordView record;
  EXPECT_FALSE(ParseRecord(Sealed(21, kSalt + 1), kSalt, kOffset, &record));
  EXPECT_FALSE(ParseRecord(Sealed(21, kSalt, kOffset + 8), kSalt, kOffset, &record));
}

TEST(Record, ShorterThanItSaysIsNoRecord) {
  const std::vector<uint8_t> bytes = Sealed(21);
  RecordView record;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseRecord(std::span(bytes).first(size), kSalt, kOffset, &record)) << size;
  }
}

TEST(MessageWalk, StopsWhereALengthRunsPastTheEnd) {
  const std::vector<uint8_t> body = {2, 0, 'a', 'b', 0, 0, 5, 0, 'c'};
  MessageWalk walk(body);
  std::span<const uint8_t> message;
  ASSERT_TRUE(walk.Next(&message));
  EXPECT_EQ(message.size(), 2u);
  ASSERT_TRUE(walk.Next(&message));
  EXPECT_TRUE(message.empty());
  EXPECT_FALSE(walk.Next(&message));
  EXPECT_FALSE(walk.done());
}

}  // namespace
}  // namespace feedfarm
