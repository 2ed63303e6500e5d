// Decoders and the log reader against damaged and random input: they must not crash, and what they take must survive
// another round. An ordinary test with a fixed seed; FuzzOne is what a coverage-guided fuzzer would call.
#include <zlib.h>

#include <cstring>
#include <iostream>
#include <memory>
#include <span>
#include <string>

#include "gtest/gtest.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"
#include "pipeline/stats/hlog.h"

namespace feedfarm {
namespace {

#ifdef FEEDFARM_SANITIZED
constexpr int kCases = 40'000;
#else
constexpr int kCases = 220'000;
#endif
constexpr uint64_t kSeed = 0x5EED0D;

std::string Compressed(const std::string& plain) {
  uLongf size = ::compressBound(plain.size());
  std::string out(8 + size, '\0');
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(out.data());
  ::compress2(bytes + 8, &size, reinterpret_cast<const Bytef*>(plain.data()), plain.size(), 1);
  StoreBig<uint32_t>(bytes, 0x1c849314);
  StoreBig<uint32_t>(bytes + 4, static_cast<uint32_t>(size));
  out.resize(8 + size);
  return out;
}

void CheckRound(const absl::StatusOr<Histogram>& decoded) {
  if (!decoded.ok()) return;
  const auto again = DecodeHdrV2(EncodeHdrV2(*decoded));
  ASSERT_TRUE(again.ok()) << again.status().message();
  ASSERT_EQ(*again, *decoded);
}

// The first byte chooses the decoder.
void FuzzOne(std::span<const uint8_t> input) {
  if (input.empty()) return;
  // A buffer of its own size on the heap, so that the address sanitizer sees any read beyond it.
  const size_t size = input.size() - 1;
  const std::unique_ptr<char[]> copy(new char[size]);
  if (size > 0) std::memcpy(copy.get(), input.data() + 1, size);
  const std::string_view bytes(copy.get(), size);
  switch (input[0] % 4) {
    case 0:
      return CheckRound(DecodeHdrV2(bytes));
    case 1:
      return CheckRound(DecodeHdrV2Compressed(bytes));
    case 2:
      return CheckRound(DecodeHdrV2Compressed(Compressed(std::string(bytes))));
    case 3:
      (void)ReadHlog(bytes);
      return;
  }
}

std::string ValidInput(Rng& rng, uint64_t kind) {
  Histogram histogram;
  const uint64_t values = rng.Below(30);
  for (uint64_t i = 0; i < values; ++i) histogram.RecordCount(rng.Next() >> (30 + rng.Below(34)), 1 + rng.Below(1000));
  if (kind % 4 == 1) return EncodeHdrV2Compressed(histogram);
  if (kind % 4 != 3) return EncodeHdrV2(histogram);
  HlogWriter log(1'700'000'000'000'000'000u, "fuzz");
  log.Append("a", 1'700'000'000'000'000'000u, 1'700'000'000'100'000'000u, histogram);
  return log.text();
}

void Mutate(Rng& rng, std::string& bytes) {
  for (uint64_t edits = rng.Below(4); edits-- > 0 && !bytes.empty();) {
    const size_t at = rng.Below(bytes.size());
    switch (rng.Below(5)) {
      case 0:
        bytes[at] = static_cast<char>(rng.Next());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.Below(8)));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(at, std::string(1 + rng.Below(9), static_cast<char>(rng.Next())));
        break;
      case 4:
        bytes.erase(at, 1 + rng.Below(9));
        break;
    }
  }
}

// Makes the payload's length true again, so that the counters themselves are reached.
void MendLength(std::string& bytes) {
  if (bytes.size() >= 40) {
    StoreBig<uint32_t>(reinterpret_cast<uint8_t*>(bytes.data()) + 4, static_cast<uint32_t>(bytes.size() - 40));
  }
}

TEST(HdrCodecFuzz, SurvivesAnyInput) {
  std::cout << "seed " << kSeed << ", " << kCases << " cases\n";
  Rng rng(kSeed);
  for (int i = 0; i < kCases; ++i) {
    const uint64_t kind = rng.Below(256);
    std::string bytes;
    if (rng.Below(8) == 0) {
      bytes.resize(rng.Below(200));
      for (char& byte : bytes) byte = static_cast<char>(rng.Next());
    } else {
      bytes = ValidInput(rng, kind);
      Mutate(rng, bytes);
      if (kind % 2 == 0 && rng.Below(4) != 0) MendLength(bytes);
    }
    const std::string input = static_cast<char>(kind) + bytes;
    FuzzOne({reinterpret_cast<const uint8_t*>(input.data()), input.size()});
    ASSERT_FALSE(HasFatalFailure()) << "case " << i;
  }
}

}  // namespace
}  // namespace feedfarm
