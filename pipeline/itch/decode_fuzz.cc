// Decoding of damaged and random bytes. FuzzOne is what a coverage-guided fuzzer would call.
#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/base/rng.h"
#include "pipeline/itch/decode.h"
#include "pipeline/itch/sample_messages.h"

namespace feedfarm::itch {
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
  ASSERT_EQ(taken, !input.empty() && MessageLength(input[0]) == input.size());
  ASSERT_TRUE(!taken || (size == input.size() && std::equal(input.begin(), input.end(), again.begin())));
}

TEST(ItchDecodeFuzz, SurvivesAnyBytes) {
  Rng rng(1);
  std::vector<std::vector<uint8_t>> valid;
  for (const char type : std::string_view(kAllTypes)) valid.push_back(RandomMessage(type, rng));
  FuzzDriver driver(std::move(valid), 64);
  driver.Run(FuzzOne);
}

}  // namespace
}  // namespace feedfarm::itch
