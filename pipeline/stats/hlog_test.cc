#include "pipeline/stats/hlog.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::StartsWith;

constexpr uint64_t kStart = 1'700'000'000'250'000'000u;
constexpr uint64_t kInterval = 100'000'000;

// Made by hdr-histogram-js 3.0.1: one interval with a tag and absolute times, one without.
constexpr char kJsLog[] =
    "#[Histogram log format version 1.3]\n"
    "#[StartTime: 1700000000.250 (seconds since epoch), Tue Nov 14 2023 22:13:20 GMT+0000 (Coordinated Universal "
    "Time)]\n"
    "\n"
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n"
    "Tag=decode.software,1700000000.250,0.100,0.002,"
    "HISTFAAAACl4nJNpmSzMwMDAxsDAwMjAwMDMAAFg9v/////D+Of5mc7yMwEAhBIHEA==\n"
    "1700000000.350,0.100,0.005,HISTFAAAACJ4nJNpmSzMwMDAzMDAwAilGWDs/////4fxDxszAQBurQZH\n";

TEST(Hlog, WritesLinesThatToolsKnow) {
  Histogram histogram;
  histogram.Record(2'500'000);
  HlogWriter log(kStart, "feedfarm run 7\nsecond line");
  log.Append("decode.software", kStart, kStart + kInterval, histogram);
  EXPECT_THAT(log.text(), StartsWith("#feedfarm run 7 second line\n"
                                     "#[Histogram log format version 1.3]\n"
                                     "#[StartTime: 1700000000.250 (seconds since epoch), 2023-11-14T22:13:20Z]\n"
                                     "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                                     "\"Interval_Compressed_Histogram\"\n"
                                     "Tag=decode.software,1700000000.250,0.100,2.501,HISTFA"));
}

TEST(Hlog, ReadsWhatItWrote) {
  Histogram few, many;
  few.Record(3);
  for (uint64_t value = 0; value < 100'000; value += 7) many.Record(value * value);
  HlogWriter log(kStart, "");
  log.Append("a", kStart, kStart + kInterval, few);
  log.Append("", kStart + kInterval, kStart + 2 * kInterval, many);
  log.Append("b", kStart + kInterval, kStart + kInterval, Histogram());
  const auto intervals = ReadHlog(log.text());
  ASSERT_TRUE(intervals.ok()) << intervals.status().message();
  ASSERT_EQ(intervals->size(), 3u);
  EXPECT_EQ((*intervals)[0].tag, "a");
  EXPECT_EQ((*intervals)[0].histogram, few);
  EXPECT_EQ((*intervals)[1].tag, "");
  EXPECT_EQ((*intervals)[1].start_unix_ns, kStart + kInterval);
  EXPECT_EQ((*intervals)[1].end_unix_ns, kStart + 2 * kInterval);
  EXPECT_EQ((*intervals)[1].histogram, many);
  EXPECT_TRUE((*intervals)[2].histogram.empty());
}

TEST(Hlog, ReadsWhatAnotherImplementationWrote) {
  const auto intervals = ReadHlog(kJsLog);
  ASSERT_TRUE(intervals.ok()) << intervals.status().message();
  ASSERT_EQ(intervals->size(), 2u);
  Histogram two, one;
  two.Record(1000);
  two.Record(2000);
  one.Record(5000);
  EXPECT_EQ((*intervals)[0].tag, "decode.software");
  EXPECT_EQ((*intervals)[0].start_unix_ns, kStart);
  EXPECT_EQ((*intervals)[0].histogram, two);
  EXPECT_EQ((*intervals)[1].tag, "");
  EXPECT_EQ((*intervals)[1].end_unix_ns, kStart + 2 * kInterval);
  EXPECT_EQ((*intervals)[1].histogram, one);
}

TEST(Hlog, RelativeTimesCountFromTheStart) {
  constexpr char kLine[] = "0.100,0.100,0.005,HISTFAAAACJ4nJNpmSzMwMDAzMDAwAilGWDs/////4fxDxszAQBurQZH\r\n";
  const auto deduced = ReadHlog(std::string("#[StartTime: 1700000000.250 (seconds since epoch)]\n") + kLine);
  ASSERT_TRUE(deduced.ok()) << deduced.status().message();
  EXPECT_EQ(deduced->at(0).start_unix_ns, kStart + kInterval);
  const auto named = ReadHlog(std::string("#[BaseTime: 1700000000.250 (seconds since epoch)]\n") + kLine);
  ASSERT_TRUE(named.ok()) << named.status().message();
  EXPECT_EQ(named->at(0).start_unix_ns, kStart + kInterval);
}

TEST(Hlog, NamesTheLineThatIsAtFault) {
  for (const char* bad : {"nonsense", "Tag=x", "1,2,3", "a,0.1,0,HISTFA", "1,0.1,x,HISTFA", "1,0.1,0,HISTFA",
                          "-1,0.1,0,", "1e300,0.1,0,", "#[StartTime: soon]", "nan,0.1,0,HISTFA"}) {
    const auto read = ReadHlog(std::string("#fine\n\n") + bad + "\n");
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(read.status().message()), StartsWith("line 3: ")) << bad;
  }
}

TEST(HlogDeathTest, TagsCannotBreakALine) {
  HlogWriter log(kStart, "");
  EXPECT_DEATH(log.Append("a,b", kStart, kStart, Histogram()), "tag");
}

}  // namespace
}  // namespace feedfarm
