#include "pipeline/stats/hdr_codec.h"

#include <zlib.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

// Made by hdr-histogram-js 3.0.1 (lowest 1, highest 17179869183, 3 digits) from the values that the tests name.
constexpr char kJsEmpty[] = "HISTFAAAAB142pNpmSzMwMDACMXMDBAAZv////8/nA8AYRoFTQ==";
constexpr char kJsOne[] = "HISTFAAAACF42pNpmSzMwMDAzMDAwAilGWDs/////4fxez2YAG41BiY=";
constexpr char kJsFirst1000[] = "HISTFAAAACt42pNpmSzMwMD8koGBgZGBgYGZAQLA7P////+H85lGwSgYBcMeAAATkw4I";
constexpr char kJsEdges[] = "HISTFAAAADJ42pNpmSzMwMAgxMDAwMjAwMDMAAFg9v/////D+Ey/5ZmY9vcxNoAA486HjEwA+4kL6g==";

Histogram RandomHistogram(uint64_t seed) {
  Rng rng(seed);
  Histogram histogram;
  const uint64_t count = rng.Below(5000);
  for (uint64_t i = 0; i < count; ++i)
    histogram.RecordCount(rng.Next() >> (30 + rng.Below(34)), 1 + (rng.Next() >> rng.Below(64)) / 8);
  return histogram;
}

// A header and payload as DecodeHdrV2 takes them.
std::string Encoding(std::string payload) {
  std::string bytes = EncodeHdrV2(Histogram()).substr(0, 40) + payload;
  bytes[7] = static_cast<char>(payload.size());
  return bytes;
}

TEST(HdrCodec, ReadsWhatAnotherImplementationWrote) {
  Histogram expected;
  EXPECT_EQ(DecodeHdrV2Base64(kJsEmpty).value(), expected);
  expected.Record(12345);
  EXPECT_EQ(DecodeHdrV2Base64(kJsOne).value(), expected);
  expected.Reset();
  for (uint64_t value = 1; value <= 1000; ++value) expected.Record(value);
  EXPECT_EQ(DecodeHdrV2Base64(kJsFirst1000).value(), expected);
  expected.Reset();
  for (uint64_t value : {uint64_t{0}, uint64_t{2047}, uint64_t{2048}, Histogram::kHighest}) expected.Record(value);
  expected.RecordCount(1'000'000, uint64_t{1} << 34);
  EXPECT_EQ(DecodeHdrV2Base64(kJsEdges).value(), expected);
}

TEST(HdrCodec, WritesTheBytesOfTheFormat) {
  Histogram histogram;
  histogram.Record(1);
  histogram.RecordCount(3, 64);
  histogram.RecordCount(200, 1);
  std::string expected = absl::HexStringToBytes(
      "1c849313"
      "00000008"
      "00000000"
      "00000003"
      "0000000000000001"
      "00000003ffffffff"
      "3ff0000000000000"
      "00"    // one zero
      "02"    // 1
      "00"    // one zero
      "8001"  // 64
      "8703"  // 196 zeros
      "02");  // 1
  EXPECT_EQ(absl::BytesToHexString(EncodeHdrV2(histogram)), absl::BytesToHexString(expected));
}

TEST(HdrCodec, DecodesWhatItEncoded) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Histogram histogram = RandomHistogram(seed);
    ASSERT_EQ(DecodeHdrV2(EncodeHdrV2(histogram)).value(), histogram) << "seed " << seed;
    ASSERT_EQ(DecodeHdrV2Compressed(EncodeHdrV2Compressed(histogram)).value(), histogram) << "seed " << seed;
    ASSERT_EQ(DecodeHdrV2Base64(EncodeHdrV2Base64(histogram)).value(), histogram) << "seed " << seed;
  }
}

TEST(HdrCodec, HoldsEveryCounterAndTheLargestCount) {
  Histogram histogram;
  for (size_t index = 0; index < Histogram::kCounters; ++index)
    histogram.RecordCount(Histogram::LowestAt(index), index + 1);
  histogram.RecordCount(77, ~uint64_t{0} >> 1);
  EXPECT_EQ(DecodeHdrV2Compressed(EncodeHdrV2Compressed(histogram)).value(), histogram);
}

TEST(HdrCodec, ClampedValuesStayInTheHighestCounter) {
  Histogram histogram;
  histogram.Record(~uint64_t{0});
  const Histogram decoded = DecodeHdrV2Compressed(EncodeHdrV2Compressed(histogram)).value();
  EXPECT_EQ(decoded.CountAt(Histogram::kCounters - 1), 1u);
  EXPECT_EQ(decoded.saturated(), 0u);
}

TEST(HdrCodec, RefusesDamagedInput) {
  const std::string good = EncodeHdrV2Compressed(RandomHistogram(3));
  for (size_t size = 0; size < good.size(); ++size) {
    ASSERT_EQ(DecodeHdrV2Compressed(good.substr(0, size)).status().code(), absl::StatusCode::kInvalidArgument) << size;
  }
  EXPECT_FALSE(DecodeHdrV2Compressed(good + "x").ok());
  EXPECT_FALSE(DecodeHdrV2Base64("no base64!").ok());
  const std::string plain = EncodeHdrV2(RandomHistogram(3));
  EXPECT_FALSE(DecodeHdrV2(plain + "x").ok());
  EXPECT_FALSE(DecodeHdrV2(plain.substr(0, plain.size() - 1)).ok());
}

TEST(HdrCodec, RefusesCountersThatDoNotFit) {
  // 25,600 zeros, then a count.
  EXPECT_EQ(DecodeHdrV2(Encoding(absl::HexStringToBytes("ff8f0302"))).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(DecodeHdrV2(Encoding(absl::HexStringToBytes("ff8f03"))).ok());
  EXPECT_TRUE(DecodeHdrV2(Encoding(absl::HexStringToBytes("fd8f0302"))).ok());
  // A run that would wrap around.
  EXPECT_FALSE(DecodeHdrV2(Encoding(absl::HexStringToBytes("ffffffffffffffffff02"))).ok());
  EXPECT_FALSE(DecodeHdrV2(Encoding("\x80")).ok());
}

TEST(HdrCodec, SaysWhichKindsItDoesNotRead) {
  std::string digits = EncodeHdrV2(Histogram());
  digits[15] = 2;
  EXPECT_EQ(DecodeHdrV2(digits).status().code(), absl::StatusCode::kUnimplemented);
  std::string shifted = EncodeHdrV2(Histogram());
  shifted[10] = 4;
  EXPECT_EQ(DecodeHdrV2(shifted).status().code(), absl::StatusCode::kUnimplemented);
  std::string scaled = EncodeHdrV2(Histogram());
  scaled[32] = 0x40;
  EXPECT_EQ(DecodeHdrV2(scaled).status().code(), absl::StatusCode::kUnimplemented);
  // A wider histogram is read as long as its values fit.
  std::string wide = Encoding(absl::HexStringToBytes("ff8f03"));
  wide[24] = 0x10;
  EXPECT_TRUE(DecodeHdrV2(wide).ok());
  wide = Encoding(absl::HexStringToBytes("ff8f0302"));
  wide[24] = 0x10;
  EXPECT_EQ(DecodeHdrV2(wide).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(HdrCodec, DoesNotInflateBeyondItsBound) {
  const std::string zeros(10 << 20, '\0');
  uLongf size = ::compressBound(zeros.size());
  std::string bomb(8 + size, '\0');
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(bomb.data());
  ASSERT_EQ(::compress2(bytes + 8, &size, reinterpret_cast<const Bytef*>(zeros.data()), zeros.size(), 9), Z_OK);
  StoreBig<uint32_t>(bytes, 0x1c849314);
  StoreBig<uint32_t>(bytes + 4, static_cast<uint32_t>(size));
  bomb.resize(8 + size);
  EXPECT_EQ(DecodeHdrV2Compressed(bomb).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace feedfarm
