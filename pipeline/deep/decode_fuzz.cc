// Decoding of damaged and random bytes. FuzzOne is what a coverage-guided fuzzer would call.
#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/deep/decode.h"

namespace feedfarm::deep {
namespace {

void FuzzOne(std::span<const uint8_t> input) {
  std::array<uint8_t, kMessageBytesMax> again;
  int calls = 0;
  size_t size = 0;
  const bool taken = Decode(input, [&]<class M>(const M& message) {
    message.Encode(again.data());
    size = M::kSize;
    ++calls;
  });
  ASSERT_EQ(calls, taken ? 1 : 0);
  const size_t least = input.empty() ? 0 : MessageLength(input[0]);
  ASSERT_EQ(taken, least != 0 && input.size() >= least);
  ASSERT_TRUE(!taken || (size == least && std::equal(again.begin(), again.begin() + size, input.begin())));
}

TEST(DeepDecodeFuzz, SurvivesAnyBytes) {
  std::vector<std::vector<uint8_t>> valid;
  for (const char type : std::string_view("SDHIOPE85TXBA")) {
    valid.emplace_back(MessageLength(static_cast<uint8_t>(type)), static_cast<uint8_t>(type));
  }
  FuzzDriver driver(std::move(valid), 96);
  driver.Run(FuzzOne);
}

}  // namespace
}  // namespace feedfarm::deep
