#include "pipeline/source/line_endpoint.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(LineEndpoint, ReadsAddressAndPort) {
  const auto endpoint = ParseLineEndpoint("line_a", "239.10.0.1:26400");
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(endpoint->interface, "line_a");
  EXPECT_EQ(endpoint->group, 0xEF0A0001u);
  EXPECT_EQ(endpoint->port, 26400);
  EXPECT_TRUE(endpoint->is_multicast());
  EXPECT_EQ(FormatAddress(*endpoint), "239.10.0.1:26400");
}

TEST(LineEndpoint, KnowsUnicast) { EXPECT_FALSE(ParseLineEndpoint("a", "10.0.0.1:1")->is_multicast()); }

TEST(LineEndpoint, RefusesWhatIsNoAddressAndPort) {
  for (const char* text : {"", ":", "239.10.0.1", "239.10.0.1:", "239.10.0.1:0", "239.10.0.1:65536", "239.10.0:1",
                           "x:1", "239.10.0.1:12x", "[::1]:5", "239.10.0.1:-1"}) {
    EXPECT_EQ(ParseLineEndpoint("line_a", text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(LineEndpoint, RefusesNamesThatNoInterfaceHas) {
  EXPECT_FALSE(ParseLineEndpoint("", "239.10.0.1:1").ok());
  EXPECT_FALSE(ParseLineEndpoint("sixteen_letters_", "239.10.0.1:1").ok());
}

}  // namespace
}  // namespace feedfarm
