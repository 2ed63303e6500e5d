#include "coordinator/campaign/units.h"

#include <string>

#include "coordinator/campaign/suggestion.h"
#include "coordinator/campaign/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::HasSubstr;

TEST(Units, ParsesDurations) {
  struct Case {
    const char* text;
    int64_t ns;
  };
  for (const Case& c :
       {Case{"200ms", 200'000'000}, Case{"50us", 50'000}, Case{"-50us", -50'000}, Case{"1h", 3'600'000'000'000},
        Case{"1.5s", 1'500'000'000}, Case{"0ns", 0}, Case{"2 m", 120'000'000'000}, Case{"0.001us", 1},
        Case{"7.4219us", 0}, Case{"10000h", 36'000'000'000'000'000}}) {
    const auto parsed = ParseDurationNs(c.text);
    if (c.text == std::string("7.4219us")) {
      EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("finer than a nanosecond"));
      continue;
    }
    ASSERT_TRUE(parsed.ok()) << c.text;
    EXPECT_EQ(*parsed, c.ns) << c.text;
  }
  for (const char* text : {"", "5", "ms", "5 minutes", "1e3ms", "5msx", "--5ms", "1..5s", "nan s", "99999999h", "5µs"})
    EXPECT_FALSE(ParseDurationNs(text).ok()) << text;
  EXPECT_EQ(ParseDurationNs("200").status().message(),
            "expected a duration such as 200ms (ns, us, ms, s, m, h), got \"200\": the unit is missing");
  EXPECT_THAT(std::string(ParseDurationNs("200msec").status().message()), HasSubstr("unknown unit \"msec\""));
}

TEST(Units, ParsesRatesSpeedsPercentsAndCounts) {
  EXPECT_EQ(*ParseRatePps("20000pps"), 20'000);
  EXPECT_EQ(*ParseRatePps("20kpps"), 20'000);
  EXPECT_EQ(*ParseRatePps("1.5Mpps"), 1'500'000);
  EXPECT_FALSE(ParseRatePps("20000").ok());
  EXPECT_THAT(std::string(ParseRatePps("20Kpps").status().message()), HasSubstr("did you mean \"kpps\"?"));
  EXPECT_EQ(*ParseSpeed("10x"), 10);
  EXPECT_EQ(*ParseSpeed("0.5x"), 0.5);
  EXPECT_DOUBLE_EQ(*ParsePercent("5%"), 0.05);
  EXPECT_FALSE(ParsePercent("0.05").ok());
  EXPECT_EQ(*ParseCount("18446744073709551615"), 18446744073709551615u);
  for (const char* text : {"", "-1", "+1", "1.0", "1e3", "18446744073709551616", " 1"})
    EXPECT_FALSE(ParseCount(text).ok()) << text;
}

TEST(Units, ParsesEndpoints) {
  EXPECT_EQ(ParseEndpoint("239.10.0.1:26400")->address(), "239.10.0.1");
  EXPECT_EQ(ParseEndpoint("239.10.0.1:26400")->port(), 26400);
  for (const char* text :
       {"", "239.10.0.1", "239.10.0.1:0", "239.10.0.1:65536", "239.10.0:1", "host:1", ":1", "1.2.3.4:-1"})
    EXPECT_FALSE(ParseEndpoint(text).ok()) << text;
}

TEST(Units, FormatsDurations) {
  EXPECT_EQ(FormatDurationNs(0), "0ns");
  EXPECT_EQ(FormatDurationNs(999), "999ns");
  EXPECT_EQ(FormatDurationNs(7'423), "7.42us");
  EXPECT_EQ(FormatDurationNs(999'600), "1ms");
  EXPECT_EQ(FormatDurationNs(200'300'000), "200ms");
  EXPECT_EQ(FormatDurationNs(2'500'000'000), "2.5s");
  EXPECT_EQ(FormatDurationNs(-50'000), "-50us");
}

TEST(Units, QuotesWithinACharacter) {
  EXPECT_EQ(Quoted("a\nb"), "\"a\\nb\"");
  const std::string quoted = Quoted(std::string(39, 'a') + "\xc3\xa9" + "bcd");
  EXPECT_EQ(quoted, "\"" + std::string(39, 'a') + "...\"");
  EXPECT_EQ(Utf8Prefix(quoted), quoted.size());
}

TEST(Suggestion, NamesTheNearestOrNothing) {
  static constexpr absl::string_view kWords[] = {"rate", "speed", "skew_b", "heartbeat"};
  EXPECT_EQ(Suggestion("raet", kWords), "; did you mean \"rate\"?");
  EXPECT_EQ(Suggestion("heartbaet", kWords), "; did you mean \"heartbeat\"?");
  EXPECT_EQ(Suggestion("SPEED", kWords), "; did you mean \"speed\"?");
  EXPECT_EQ(Suggestion("colour", kWords), "");
  EXPECT_EQ(Suggestion("", kWords), "");
  EXPECT_EQ(Suggestion(std::string(100, 'r'), kWords), "");
}

TEST(Utf8, RefusesEveryMalformedForm) {
  EXPECT_EQ(Utf8Prefix("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 10);
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff"})
    EXPECT_EQ(Utf8Prefix(bad), 0);
}

}  // namespace
}  // namespace feedfarm
