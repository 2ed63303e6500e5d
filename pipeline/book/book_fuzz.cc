// Both books under damaged and random bytes: a message at a time onto one state that grows. FuzzOne is what a
// coverage-guided fuzzer would call.
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/base/rng.h"
#include "pipeline/book/deep_book.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/deep/message_length.h"
#include "tests/support/hostile_itch.h"

namespace feedfarm {
namespace {

constexpr int kClearEach = 2000;

// Any bytes are counted once; what it leads to can be walked and emitted.
template <class Book>
void FuzzOne(Book& book, Book& ran, Book& rebuilt, std::span<const uint8_t> input, int number) {
  const Applied applied = book.Apply(input);
  (void)book.Top(applied.instrument);
  ran.ApplyRun({&input, 1}, nullptr);
  if (number % kClearEach != 0) return;
  rebuilt.Clear();
  book.EmitState([&](std::span<const uint8_t> message) { (void)rebuilt.Apply(message); });
  ASSERT_EQ(rebuilt.StateHash(), book.StateHash());
  ASSERT_EQ(ran.StateHash(), book.StateHash());
  if (number % (4 * kClearEach) != 0) return;
  book.Clear();
  ran.Clear();
}

template <class Book>
void Fuzz(const typename Book::Options& options, std::vector<std::vector<uint8_t>> valid) {
  auto book = Book::Create(options), ran = Book::Create(options), rebuilt = Book::Create(options);
  ASSERT_TRUE(book.ok() && ran.ok() && rebuilt.ok());
  FuzzDriver driver(std::move(valid), 96);
  int number = 0;
  driver.Run([&](std::span<const uint8_t> input) { FuzzOne(**book, **ran, **rebuilt, input, ++number); });
  uint64_t counted = 0;
  for (const uint64_t messages : (*book)->Outcomes()) counted += messages;
  EXPECT_EQ(counted, static_cast<uint64_t>(number));
}

TEST(BookFuzz, ItchSurvivesAnyBytes) {
  std::vector<std::vector<uint8_t>> valid;
  HostileItch messages(1, 3, 256);
  for (int i = 0; i < 500; ++i) {
    const auto message = messages.Next();
    valid.emplace_back(message.begin(), message.end());
  }
  Fuzz<ItchBook>({.orders_max = 100, .levels_max = 50, .locates_max = 3, .orders_near = 20}, std::move(valid));
}

TEST(BookFuzz, DeepSurvivesAnyBytes) {
  std::vector<std::vector<uint8_t>> valid;
  Rng rng(2);
  for (int i = 0; i < 500; ++i) {
    const auto type = static_cast<uint8_t>("SDHIOPETXAB8558855"[rng.Below(18)]);
    std::vector<uint8_t> message(deep::MessageLength(type));
    for (uint8_t& byte : message) byte = rng.Below(3) == 0 ? static_cast<uint8_t>(rng.Next()) : 0;
    message[0] = type;
    valid.push_back(std::move(message));
  }
  Fuzz<DeepBook>({.symbols_max = 20, .levels_max = 50}, std::move(valid));
}

}  // namespace
}  // namespace feedfarm
