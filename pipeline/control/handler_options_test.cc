#include "pipeline/control/handler_options.h"

#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

ParsedHandlerOptions Parse(std::vector<const char*> more, const char* protocol = "iextp-deep10") {
  std::vector<const char*> argv = {"feedfarm-handler", "--protocol", protocol,       "--port-a",        "a",
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
                             "--jump-messages",
                             "99",
                             "--rerequest-timeout-ns",
                             "6",
                             "--rerequest-tries",
                             "7",
                             "--pool-frames",
                             "512",
                             "--queues",
                             "2",
                             "--busy-poll-us",
                             "20",
                             "--timestamps",
                             "hardware",
                             "--require",
                             "hardware-time,busy-poll",
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
  EXPECT_EQ(options.receive.method, ReceiveMethod::kRecvmmsg);
  EXPECT_EQ(options.receive.lines[1].interface, "b");
  EXPECT_EQ(options.receive.lines[1].port, 26401);
  EXPECT_EQ(options.rerequest->group, 0x0A000001u);
  EXPECT_EQ(options.dwell_ns, 5u);
  EXPECT_EQ(options.window_messages, 1024u);
  EXPECT_EQ(options.jump_messages, 99u);
  EXPECT_EQ(options.rerequest_timeout_ns, 6u);
  EXPECT_EQ(options.rerequest_tries, 7u);
  EXPECT_EQ(options.receive.frames, 512u);
  EXPECT_EQ(options.receive.queues, 2u);
  EXPECT_EQ(options.receive.busy_poll_us, 20u);
  EXPECT_EQ(options.receive.timestamps, WantedTime::kHardware);
  EXPECT_EQ(options.receive.required, (std::vector<Grant>{Grant::kHardwareTime, Grant::kBusyPoll}));
  EXPECT_TRUE(options.spin && options.fifo);
  EXPECT_EQ(options.cpu, 1);
  EXPECT_EQ(options.first_sequence, 0u);
  EXPECT_EQ(options.artifacts, "/x");
  EXPECT_EQ(options.control_fd, 9);
}

TEST(HandlerOptions, TakesEveryFlagOfSnapshots) {
  EXPECT_FALSE(Parse({}).options->snapshots);
  const auto parsed = Parse({"--snapshot", "10.0.0.1:26491", "--snapshot-tries", "3", "--snapshot-user", "u",
                             "--snapshot-password", "p", "--snapshot-bytes", "4096", "--snapshot-sequence", "binary",
                             "--snapshot-sequence-is", "last"},
                            "moldudp64-itch50");
  ASSERT_TRUE(parsed.options) << parsed.text;
  EXPECT_EQ(parsed.options->snapshot_tries, 3u);
  const glimpse::FetcherOptions& snapshots = *parsed.options->snapshots;
  EXPECT_EQ(snapshots.address, "10.0.0.1");
  EXPECT_EQ(snapshots.port, 26491);
  EXPECT_EQ(snapshots.client.user, "u");
  EXPECT_EQ(snapshots.client.password, "p");
  EXPECT_EQ(snapshots.image_bytes, 4096u);
  EXPECT_EQ(snapshots.client.sequence.width, glimpse::SequenceField::Width::kBinary8);
  EXPECT_EQ(snapshots.client.sequence.meaning, glimpse::SequenceField::Meaning::kLast);
}

TEST(HandlerOptions, SnapshotsAreOfItchFeeds) {
  const auto parsed = Parse({"--snapshot", "10.0.0.1:26491"});
  EXPECT_FALSE(parsed.options);
  EXPECT_EQ(parsed.exit_code, 2);
}

TEST(HandlerOptions, TakesCoresForSomeOfTheShards) {
  EXPECT_TRUE(Parse({"--shards", "2"}).options->shard_cpus.empty());
  EXPECT_EQ(Parse({"--shards", "3", "--shard-cpus", "2,0"}).options->shard_cpus, (std::vector<int>{2, 0}));
}

TEST(HandlerOptions, TakesEveryReceiveMethod) {
  EXPECT_EQ(Parse({}).options->receive.method, ReceiveMethod::kAfXdp);
  EXPECT_EQ(Parse({"--receive", "af_xdp"}).options->receive.method, ReceiveMethod::kAfXdp);
  EXPECT_EQ(Parse({"--receive", "packet_mmap"}).options->receive.method, ReceiveMethod::kPacketMmap);
}

TEST(HandlerOptions, NamesWhatIsWrong) {
  const std::pair<std::vector<const char*>, const char*> bad[] = {{{"--window-messages", "1000"}, "--window-messages"},
                                                                  {{"--pool-frames", "3"}, "--pool-frames"},
                                                                  {{"--dwell-ns", "0"}, "--dwell-ns"},
                                                                  {{"--rerequest", "nowhere"}, "nowhere"},
                                                                  {{"--receive", "magic"}, "--receive"},
                                                                  {{"--timestamps", "best"}, "--timestamps"},
                                                                  {{"--require", "zerocopy"}, "--require"},
                                                                  {{"--require", "busy-poll"}, "busy-poll"},
                                                                  {{"--pool-frames", "128"}, "frames=128"},
                                                                  {{"--nonsense"}, "--nonsense"},
                                                                  {{"--shard-cpus", "1"}, "--shard-cpus"},
                                                                  {{"--shards", "1", "--shard-cpus", "x"}, "--shard-cpus"},
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
