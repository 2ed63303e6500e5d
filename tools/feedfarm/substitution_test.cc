#include "tools/feedfarm/substitution.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(Substitution, FillsInNamesAndQuotesWhatYamlWouldMisread) {
  auto out = Substitute("f.yaml", "path: ${capture}\nrate: ${rate}\n", {{"capture", "/a b/it's: #1"}, {"rate", "20000pps"}});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(*out, "path: '/a b/it''s: #1'\nrate: 20000pps\n");
}

TEST(Substitution, EscapesInsideQuotes) {
  const std::map<std::string, std::string> values = {{"x", "a 'b' \"c\" \\d"}};
  EXPECT_EQ(*Substitute("f.yaml", "{path: \"${x}/e\", n: 1}\n", values), "{path: \"a 'b' \\\"c\\\" \\\\d/e\", n: 1}\n");
  EXPECT_EQ(*Substitute("f.yaml", "path: '${x}/e # ${x}'\n", values),
            "path: 'a ''b'' \"c\" \\d/e # a ''b'' \"c\" \\d'\n");
  EXPECT_EQ(*Substitute("f.yaml", "it's: ${x}\n", {{"x", "5"}}), "it's: 5\n");
}

TEST(Substitution, LeavesCommentsAndEscapesAlone) {
  auto out = Substitute("f.yaml", "# ${nothing} here\na: $${b} # ${c}\n", {});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(*out, "# ${nothing} here\na: ${b} # ${c}\n");
}

TEST(Substitution, NamesThePlaceOfAMissingValue) {
  auto out = Substitute("f.yaml", "a: 1\nb: ${x}\n", {});
  EXPECT_EQ(out.status().message(), "f.yaml:2:4: ${x} has no value; give one with --set x=...");
  EXPECT_FALSE(Substitute("f.yaml", "${", {}).ok());
  EXPECT_FALSE(Substitute("f.yaml", "${a b}", {{"a", "1"}}).ok());
}

TEST(Substitution, RefusesAValueThatIsNotUsed) {
  EXPECT_FALSE(Substitute("f.yaml", "a: 1\n", {{"x", "1"}}).ok());
}

TEST(ParseSettings, WantsNameEqualsValueOnce) {
  auto settings = ParseSettings({"a=1", "b=x=y", "c="});
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->at("b"), "x=y");
  EXPECT_EQ(settings->at("c"), "");
  for (const char* bad : {"a", "=1", "a b=1", ""}) EXPECT_FALSE(ParseSettings({bad}).ok()) << bad;
  EXPECT_FALSE(ParseSettings({"a=1", "a=2"}).ok());
}

}  // namespace
}  // namespace feedfarm
