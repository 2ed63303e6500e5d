#include "pipeline/source/receive_grant.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(ReceiveGrant, EveryNameParsesBackToItsGrant) {
  for (Grant grant : {Grant::kNativeXdp, Grant::kZeroCopy, Grant::kBusyPoll, Grant::kHardwareTime, Grant::kHugePages,
                      Grant::kLockedMemory, Grant::kReceiveBuffer}) {
    const auto parsed = ParseGrant(Name(grant));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, grant);
  }
  const auto unknown = ParseGrant("zerocopy");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(unknown.status().message().find("zero-copy"), std::string::npos) << unknown.status();
}

TEST(ReceiveGrant, OnlyWhatIsRequiredAndRefusedFails) {
  SourceGrants grants;
  EXPECT_TRUE(CheckRequired({Grant::kZeroCopy, Grant::kHugePages}, grants).ok());
  grants.Refuse(Grant::kHugePages, "none are reserved");
  EXPECT_TRUE(CheckRequired({}, grants).ok());
  EXPECT_TRUE(CheckRequired({Grant::kZeroCopy}, grants).ok());
  grants.Refuse(Grant::kZeroCopy, "line_a: Operation not supported");
  grants.Refuse(Grant::kZeroCopy, "line_b: Operation not supported");
  const absl::Status status = CheckRequired({Grant::kZeroCopy}, grants);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "required and not granted: zero-copy: line_a: Operation not supported; zero-copy: line_b: Operation not "
            "supported");
}

}  // namespace
}  // namespace feedfarm
