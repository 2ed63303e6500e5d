#include "pipeline/control/handler_options.h"

#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

ParsedHandlerOptions Parse(std::vector<const char*> more) {
  std::vector<const char*> argv = {"feedfarm-handler", "--protocol", "iextp-deep10", "--port-a",        "a",
                                   "--port-b",         "b",          "--group-a",    "239.1.1.1:26400", "--group-b",
                                   "239.1.1.2:26401"};
  argv.insert(argv.end(), more.begin(), more.end());
  return ParseHandlerOptions(static_cast<int>(argv.size()), argv.data());
}

TEST(HandlerOptions, TakesEveryFlag) {
  const auto parsed = Parse({"--receive",
                             "recvmmsg",
                             "--rerequest",
                             "10.0.0.1:30000",
                             "--dwell-ns",
                             "5",
                             "--window-messages",
                             "1024",
                             "--rerequest-timeout-ns",
                             "6",
                             "--rerequest-tries",
                             "7",
                             "--pool-frames",
                             "512",
                             "--spin",
                             "--fifo",
                             "--cpu",
                             "1",
                             "--first-sequence",
                             "0",
                             "--artifacts",
                             "/x",
                             "--control-fd",
                             "9"});
  ASSERT_TRUE(parsed.options) << parsed.text;
  const HandlerOptions& options = *parsed.options;
  EXPECT_EQ(options.protocol, HandlerProtocol::kIexDeep);
  EXPECT_EQ(options.receive, ReceiveMethod::kRecvmmsg);
  EXPECT_EQ(options.lines[1].interface, "b");
  EXPECT_EQ(options.lines[1].port, 26401);
  EXPECT_EQ(options.rerequest->group, 0x0A000001u);
  EXPECT_EQ(options.dwell_ns, 5u);
  EXPECT_EQ(options.window_messages, 1024u);
  EXPECT_EQ(options.rerequest_timeout_ns, 6u);
  EXPECT_EQ(options.rerequest_tries, 7u);
  EXPECT_EQ(options.pool_frames, 512u);
  EXPECT_TRUE(options.spin && options.fifo);
  EXPECT_EQ(options.cpu, 1);
  EXPECT_EQ(options.first_sequence, 0u);
  EXPECT_EQ(options.artifacts, "/x");
  EXPECT_EQ(options.control_fd, 9);
}

TEST(HandlerOptions, NamesWhatIsWrong) {
  const std::pair<std::vector<const char*>, const char*> bad[] = {{{"--window-messages", "1000"}, "--window-messages"},
                                                                  {{"--pool-frames", "3"}, "--pool-frames"},
                                                                  {{"--dwell-ns", "0"}, "--dwell-ns"},
                                                                  {{"--rerequest", "nowhere"}, "nowhere"},
                                                                  {{"--receive", "magic"}, "--receive"},
                                                                  {{"--nonsense"}, "--nonsense"},
                                                                  {{"--cpu", "one"}, "--cpu"}};
  for (const auto& [flags, named] : bad) {
    const auto parsed = Parse(flags);
    EXPECT_FALSE(parsed.options) << named;
    EXPECT_EQ(parsed.exit_code, 2);
    EXPECT_NE(parsed.text.find(named), std::string::npos) << parsed.text;
  }
}

TEST(HandlerOptions, HelpIsNoError) {
  const auto parsed = Parse({"--help"});
  EXPECT_FALSE(parsed.options);
  EXPECT_EQ(parsed.exit_code, 0);
  EXPECT_NE(parsed.text.find("--first-sequence"), std::string::npos);
}

}  // namespace
}  // namespace feedfarm
