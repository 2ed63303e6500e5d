#include "pipeline/source/receive_options.h"

#include <functional>
#include <string>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

ReceiveOptions Good(ReceiveMethod method = ReceiveMethod::kAfXdp) {
  ReceiveOptions options;
  options.method = method;
  options.lines[0] = {.interface = "line_a", .group = 0xEF0A0001, .port = 26400};
  options.lines[1] = {.interface = "line_b", .group = 0xEF0A0001, .port = 26400};
  return options;
}

TEST(ReceiveOptions, RefusesWhatNoSourceCanDo) {
  struct Case {
    const char* message;
    std::function<void(ReceiveOptions&)> spoil;
  };
  const Case cases[] = {
      {"frames=1000", [](ReceiveOptions& o) { o.frames = 1000; }},
      {"frames=128", [](ReceiveOptions& o) { o.frames = 128; }},
      {"without a UDP port", [](ReceiveOptions& o) { o.lines[1].port = 0; }},
      {"lines A and B are both 239.10.0.1:26400", [](ReceiveOptions& o) { o.lines[1] = o.lines[0]; }},
  };
  EXPECT_TRUE(Check(Good()).ok()) << Check(Good());
  for (const Case& c : cases) {
    ReceiveOptions options = Good();
    c.spoil(options);
    const absl::Status status = Check(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_NE(status.message().find(c.message), std::string::npos) << status;
  }
}

TEST(ReceiveOptions, RefusesARequirementThatTheMethodCannotMeet) {
  struct Case {
    ReceiveMethod method;
    Grant grant;
    bool possible;
  };
  const Case cases[] = {{ReceiveMethod::kAfXdp, Grant::kZeroCopy, true},
                        {ReceiveMethod::kAfXdp, Grant::kNativeXdp, true},
                        {ReceiveMethod::kAfXdp, Grant::kReceiveBuffer, false},
                        {ReceiveMethod::kRecvmmsg, Grant::kZeroCopy, false},
                        {ReceiveMethod::kRecvmmsg, Grant::kReceiveBuffer, true},
                        {ReceiveMethod::kPacketMmap, Grant::kHugePages, false},
                        {ReceiveMethod::kPacketMmap, Grant::kHardwareTime, true}};
  for (const Case& c : cases) {
    ReceiveOptions options = Good(c.method);
    options.required = {c.grant};
    EXPECT_EQ(Check(options).ok(), c.possible) << Name(c.method) << " " << Name(c.grant) << " " << Check(options);
  }
}

TEST(ReceiveOptions, RefusesARequirementThatIsNotAskedFor) {
  ReceiveOptions options = Good();
  options.required = {Grant::kBusyPoll};
  EXPECT_EQ(Check(options).code(), absl::StatusCode::kInvalidArgument);
  options.busy_poll_us = 20;
  EXPECT_TRUE(Check(options).ok());
  options.required = {Grant::kHardwareTime};
  options.timestamps = WantedTime::kSoftware;
  EXPECT_EQ(Check(options).code(), absl::StatusCode::kInvalidArgument);
  options.required = {Grant::kZeroCopy};
  EXPECT_TRUE(Check(options).ok());
  options.zero_copy = false;
  EXPECT_EQ(Check(options).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace feedfarm
