// The feedfarm-handler program as the agent runs it: two veth lines, XDP, a re-request server, the control socket.
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/control/cut_command.h"
#include "pipeline/control/event_record.h"
#include "pipeline/control/final_record.h"
#include "pipeline/control/interval_record.h"
#include "pipeline/control/ready_record.h"
#include "pipeline/control/record_line.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/packet_writer.h"
#include "pipeline/moldudp64/rerequest.h"
#include "pipeline/source/testing/frame_builder.h"
#include "pipeline/source/testing/veth_lab.h"
#include "pipeline/stats/hdr_codec.h"

namespace feedfarm {
namespace {

constexpr char kProgram[] = "pipeline/control/feedfarm-handler";
constexpr uint16_t kPort = 26400;
constexpr uint32_t kGroup[kLines] = {0xEF0A0001, 0xEF0A0002};
constexpr int kPatienceMs = 20'000;

std::vector<uint8_t> Message(uint64_t sequence) {
  std::vector<uint8_t> message(19, static_cast<uint8_t>(sequence));
  message[0] = 'D';
  return message;
}

SessionId Session() { return moldudp64::MakeSession("TEST"); }

// The program, its control socket and its exit.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    control_ = ScopedFd(ends[0]);
    arguments.insert(arguments.begin(), kProgram);
    arguments.insert(arguments.end(), {"--control-fd", std::to_string(ends[1])});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      ::execv(kProgram, argv.data());
      ::_exit(127);
    }
    ::close(ends[1]);
  }
  ~Child() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    Wait();
  }

  void Say(const RecordLine& line) {
    const std::string text = line.Encode() + "\n";
    EXPECT_EQ(::send(control_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void Close() { control_.Reset(); }

  // The next record; nothing at the socket's end, or when patience is over.
  std::optional<RecordLine> Next() {
    for (;;) {
      if (auto line = reader_.Next()) {
        EXPECT_TRUE(line->ok()) << line->status();
        return **line;
      }
      pollfd ready{control_.get(), POLLIN, 0};
      char bytes[65'536];
      if (::poll(&ready, 1, kPatienceMs) <= 0) return std::nullopt;
      const ssize_t count = ::recv(control_.get(), bytes, sizeof(bytes), 0);
      if (count <= 0) return std::nullopt;
      EXPECT_TRUE(reader_.Append(std::string_view(bytes, static_cast<size_t>(count))).ok());
    }
  }
  // Reads on until a record of this kind; what came before is kept in intervals and events.
  std::optional<RecordLine> NextOf(const std::string& kind) {
    while (auto line = Next()) {
      if (line->kind() == kind) return line;
      if (line->kind() == "interval") intervals.push_back(*IntervalRecord::FromLine(*line));
      if (line->kind() == "event") events.push_back(*EventRecord::FromLine(*line));
    }
    return std::nullopt;
  }
  uint64_t Events(FeedEventKind kind) const {
    return std::count_if(events.begin(), events.end(), [&](const EventRecord& event) { return event.kind == kind; });
  }

  // Exit code; -signal where one ended it.
  int Wait() {
    if (pid_ <= 0) return code_;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  std::vector<IntervalRecord> intervals;
  std::vector<EventRecord> events;

 private:
  pid_t pid_ = -1;
  int code_ = 0;
  ScopedFd control_;
  RecordLineReader reader_;
};

// Serves any message of the stream on the loopback.
class RerequestServer {
 public:
  RerequestServer() : fd_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    endpoint_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~RerequestServer() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }
  const std::string& endpoint() const { return endpoint_; }

 private:
  void Serve() {
    for (;;) {
      uint8_t bytes[64];
      sockaddr_in client{};
      socklen_t size = sizeof(client);
      const ssize_t count = ::recvfrom(fd_.get(), bytes, sizeof(bytes), 0, reinterpret_cast<sockaddr*>(&client), &size);
      if (count <= 0) return;
      const auto request = moldudp64::Rerequest::Parse(std::span(bytes, static_cast<size_t>(count)));
      if (!request) continue;
      moldudp64::PacketWriter writer;
      writer.Start(request->session, request->first_sequence);
      for (uint64_t i = 0; i < request->count && writer.Append(Message(request->first_sequence + i)); ++i) {
      }
      const auto answer = writer.Finish();
      ::sendto(fd_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&client), size);
    }
  }
  ScopedFd fd_;
  std::string endpoint_;
  std::thread thread_;
};

class HandlerProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoLab(); !why.empty()) GTEST_SKIP() << why;
    ASSERT_TRUE(testing::EnterNewNamespace().ok());
    for (const char* line : {"line_a", "line_b"}) {
      ASSERT_TRUE(testing::MakeVeth({.name = line}).ok());
      senders_.push_back(*testing::FrameSender::Create(std::string(line) + "_tx"));
    }
    server_ = std::make_unique<RerequestServer>();
  }

  std::vector<std::string> Flags(std::vector<std::string> more = {}) const {
    std::vector<std::string> flags = {"--protocol",  "moldudp64-itch50",
                                      "--receive",   "af_xdp",
                                      "--port-a",    "line_a",
                                      "--port-b",    "line_b",
                                      "--group-a",   "239.10.0.1:26400",
                                      "--group-b",   "239.10.0.2:26400",
                                      "--dwell-ns",  "20000000",
                                      "--rerequest", server_->endpoint(),
                                      "--artifacts", ::testing::TempDir()};
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  }

  void Send(LineId line, std::span<const uint8_t> payload) {
    testing::FrameSpec spec{.destination = kGroup[Index(line)], .port = kPort};
    spec.payload.assign(payload.begin(), payload.end());
    spec.intended_tai_ns = TaiNow();
    EXPECT_TRUE(senders_[Index(line)].Send(testing::BuildFrame(spec)).ok());
  }

  // Messages [first, end), one a packet, one each `period_ns`, on both lines.
  void SendMessages(uint64_t first, uint64_t end, uint64_t period_ns) {
    uint64_t due_ns = MonotonicNow();
    moldudp64::PacketWriter writer;
    for (uint64_t sequence = first; sequence < end; ++sequence, due_ns += period_ns) {
      const timespec due = {static_cast<time_t>(due_ns / 1'000'000'000), static_cast<long>(due_ns % 1'000'000'000)};
      ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
      writer.Start(Session(), sequence);
      writer.Append(Message(sequence));
      for (LineId line : {LineId::kA, LineId::kB}) Send(line, writer.Finish());
    }
  }
  void SendEnd(uint64_t next) {
    moldudp64::PacketWriter writer;
    for (LineId line : {LineId::kA, LineId::kB}) Send(line, writer.EndOfSession(Session(), next));
  }

  static std::string HashOf(uint64_t messages) {
    StreamHash hash;
    for (uint64_t sequence = 1; sequence <= messages; ++sequence) hash.Add(0, sequence, Message(sequence));
    return hash.ToString();
  }

  std::vector<testing::FrameSender> senders_;
  std::unique_ptr<RerequestServer> server_;
};

TEST_F(HandlerProcess, DeliversOverXdpRecoversAndAccounts) {
  Child child(Flags());
  const auto ready = child.NextOf("ready");
  ASSERT_TRUE(ready);
  EXPECT_EQ(ReadyRecord::FromLine(*ready)->xdp_mode, "native");
  SendMessages(1, 1'001, 50'000);
  SendMessages(2'001, 4'001, 50'000);
  SendEnd(4'001);
  while (child.Events(FeedEventKind::kEndOfSession) == 0) {
    auto line = child.Next();
    ASSERT_TRUE(line);
    if (line->kind() == "interval") child.intervals.push_back(*IntervalRecord::FromLine(*line));
    if (line->kind() == "event") child.events.push_back(*EventRecord::FromLine(*line));
  }
  child.Say(RecordLine("stop"));
  const auto line = child.NextOf("final");
  ASSERT_TRUE(line);
  const FinalRecord final = *FinalRecord::FromLine(*line);
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(final.messages, 4'000u);
  EXPECT_EQ(final.stream_hash, HashOf(4'000));
  EXPECT_EQ(final.gaps, 1u);
  EXPECT_EQ(final.gap_messages, 1'000u);
  EXPECT_EQ(final.recovered_messages, 1'000u);
  EXPECT_EQ(final.duplicates + final.out_of_order + final.unrecovered_messages + final.malformed_messages, 0u);
  EXPECT_EQ(final.types, (std::vector<std::pair<std::string, uint64_t>>{{"D", 4'000}}));
  EXPECT_EQ(final.hot_path_allocations, 0u);
  EXPECT_EQ(final.pool_available, final.pool_frames);
  EXPECT_TRUE(final.end_of_session);
  EXPECT_EQ(child.Events(FeedEventKind::kGap), 1u);
  EXPECT_EQ(child.Events(FeedEventKind::kRecovered), 1u);
  // Intervals have no hole, and their histograms add up to the whole run's.
  std::map<std::pair<LatencyMetric, TimestampClass>, uint64_t> samples;
  for (size_t i = 0; i < child.intervals.size(); ++i) {
    EXPECT_EQ(child.intervals[i].sequence, i + 1);
    for (const auto& histogram : child.intervals[i].histograms) {
      samples[{histogram.metric, histogram.timestamp_class}] += histogram.count;
    }
  }
  for (const auto& histogram : final.histograms) {
    EXPECT_EQ((samples[{histogram.metric, histogram.timestamp_class}]), histogram.count);
    EXPECT_EQ(DecodeHdrV2Compressed(histogram.hdr_v2_compressed)->Count(), histogram.count);
  }
  EXPECT_EQ((samples[{LatencyMetric::kDecode, TimestampClass::kSoftware}]), 6'002u);
  EXPECT_EQ((samples[{LatencyMetric::kDeliver, TimestampClass::kSoftware}]), 3'000u);
  EXPECT_EQ((samples[{LatencyMetric::kEndToEnd, TimestampClass::kSoftware}]), 3'000u);
}

TEST_F(HandlerProcess, StrayPacketsOnALineAreDroppedAndCounted) {
  Child child(Flags({"--spin", "--jump-messages", "1000"}));
  ASSERT_TRUE(child.NextOf("ready"));
  const auto stray = [this](LineId line, const char* session, uint64_t sequence) {
    moldudp64::PacketWriter writer;
    writer.Start(moldudp64::MakeSession(session), sequence);
    writer.Append(Message(7));
    Send(line, writer.Finish());
  };
  stray(LineId::kB, "OTHER", 1);
  SendMessages(1, 501, 50'000);
  stray(LineId::kA, "STRAY", 501);
  SendMessages(501, 801, 50'000);
  stray(LineId::kB, "TEST", 2'000'000'000);
  SendMessages(801, 1'001, 50'000);
  SendEnd(1'001);
  child.Say(RecordLine("stop"));
  const auto line = child.NextOf("final");
  ASSERT_TRUE(line);
  const FinalRecord final = *FinalRecord::FromLine(*line);
  EXPECT_EQ(final.messages, 1'000u);
  EXPECT_EQ(final.stream_hash, HashOf(1'000));
  EXPECT_EQ(final.session_changes + final.gaps + final.rerequests, 0u);
  std::map<std::string, uint64_t> implausible(final.implausible.begin(), final.implausible.end());
  // Line A may be read before line B: the first stray then meets a stream that was joined already.
  EXPECT_EQ(implausible["first"] + implausible["session"], 2u);
  EXPECT_GE(implausible["session"], 1u);
  EXPECT_EQ(implausible["sequence"], 1u);
}

TEST_F(HandlerProcess, MeasuresACutInTheXdpProgram) {
  Child child(Flags({"--spin"}));
  ASSERT_TRUE(child.NextOf("ready"));
  SendMessages(1, 101, 50'000);
  child.Say(CutCommand{LineId::kA, TaiNow() + 100'000'000, 200'000'000}.ToLine());
  SendMessages(101, 10'101, 50'000);
  SendEnd(10'101);
  child.Say(RecordLine("stop"));
  const auto line = child.NextOf("final");
  ASSERT_TRUE(line);
  const FinalRecord final = *FinalRecord::FromLine(*line);
  EXPECT_EQ(final.messages, 10'100u);
  EXPECT_EQ(final.stream_hash, HashOf(10'100));
  EXPECT_EQ(final.gaps, 0u);
  EXPECT_EQ(final.unrecovered_messages + final.duplicates, 0u);
  // The rule drops for 200 ms exactly; what is measured also has the sender's own pauses at both edges.
  EXPECT_GE(final.lines[0].cut_measured_ns, 200'000'000u);
  EXPECT_LT(final.lines[0].cut_measured_ns, 300'000'000u);
  EXPECT_GT(final.lines[0].cut_packets, 500u);  // 4,000 where the sender keeps its schedule
  EXPECT_EQ(final.lines[1].cut_packets, 0u);
  EXPECT_GE(final.failovers, 1u);
  EXPECT_GE(child.Events(FeedEventKind::kFailover), 1u);
}

TEST_F(HandlerProcess, HasNoPageFaultsFromTheFifthSecondOn) {
  Child child(Flags({"--spin"}));
  ASSERT_TRUE(child.NextOf("ready"));
  SendMessages(1, 8'001, 1'000'000);
  child.Say(RecordLine("stop"));
  const auto line = child.NextOf("final");
  ASSERT_TRUE(line);
  const FinalRecord final = *FinalRecord::FromLine(*line);
  EXPECT_EQ(final.minor_faults_steady, 0u);
  EXPECT_EQ(final.major_faults_steady, 0u);
  EXPECT_EQ(final.hot_path_allocations, 0u);
  EXPECT_GE(child.intervals.size(), 75u);
}

TEST_F(HandlerProcess, ComesBackAfterAKillAndRecoversEverything) {
  {
    Child child(Flags());
    ASSERT_TRUE(child.NextOf("ready"));
    SendMessages(1, 2'001, 50'000);
  }
  Child child(Flags({"--first-sequence", "1"}));
  ASSERT_TRUE(child.NextOf("ready"));
  SendMessages(2'001, 4'001, 50'000);
  SendEnd(4'001);
  while (child.Events(FeedEventKind::kEndOfSession) == 0) {
    auto line = child.Next();
    ASSERT_TRUE(line);
    if (line->kind() == "event") child.events.push_back(*EventRecord::FromLine(*line));
  }
  child.Say(RecordLine("stop"));
  const auto line = child.NextOf("final");
  ASSERT_TRUE(line);
  EXPECT_EQ(FinalRecord::FromLine(*line)->stream_hash, HashOf(4'000));
}

// The journal's segment that holds more than `bytes`; empty: none does yet.
std::filesystem::path SegmentBeyond(const std::filesystem::path& folder, uint64_t bytes) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.file_size() > bytes) return entry.path();
  }
  return {};
}

// Its own journal's damage between a kill and the new process accuses neither the host nor the flags.
TEST_F(HandlerProcess, JournalThatItCannotReadIsItsOwnFault) {
  const struct {
    const char* name;
    std::function<void(std::vector<char>&)> damage;
  } kDamages[] = {
      {"record", [](std::vector<char>& bytes) { bytes[2'000] ^= 0x40; }},
      {"magic", [](std::vector<char>& bytes) { bytes[0] ^= 1; }},
      {"version", [](std::vector<char>& bytes) { bytes[8] ^= 0x20; }},
  };
  // So much that the damaged record is not the last one.
  constexpr uint64_t kWritten = 16'384;
  for (const auto& [name, damage] : kDamages) {
    SCOPED_TRACE(name);
    const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "damaged_journal" / name;
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    const std::vector<std::string> flags =
        Flags({"--journal", folder.string(), "--journal-sync", "group", "--first-sequence", "1"});
    {
      Child child(flags);
      ASSERT_TRUE(child.NextOf("ready"));
      SendMessages(1, 2'001, 50'000);
      // The journal's thread writes when it has a core: an interval that tells of the messages does not tell that.
      while (SegmentBeyond(folder, kWritten).empty()) ASSERT_TRUE(child.NextOf("interval"));
    }
    const std::filesystem::path segment = SegmentBeyond(folder, kWritten);
    std::fstream file(segment, std::ios::binary | std::ios::in | std::ios::out);
    std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    damage(bytes);
    file.seekp(0);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    Child child(flags);
    const auto error = child.NextOf("error");
    ASSERT_TRUE(error);
    EXPECT_NE(error->Find("message")->find(segment.filename().string()), std::string::npos) << *error->Find("message");
    EXPECT_EQ(child.Wait(), 1);
  }
}

TEST_F(HandlerProcess, EndsWhenTheAgentIsGone) {
  Child child(Flags());
  ASSERT_TRUE(child.NextOf("ready"));
  child.Close();
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_FALSE(*testing::HasXdpProgram("line_a"));
}

TEST_F(HandlerProcess, SaysWhatIsWrong) {
  Child bad_flags({"--protocol", "none"});
  EXPECT_EQ(bad_flags.Wait(), 2);
  std::vector<std::string> flags = Flags();
  flags[5] = "no_such_port";
  Child no_port(flags);
  const auto error = no_port.NextOf("error");
  ASSERT_TRUE(error);
  EXPECT_NE(error->Find("message")->find("no_such_port"), std::string::npos);
  EXPECT_EQ(no_port.Wait(), 11);
  // A cut that the method cannot do.
  for (const char* method : {"recvmmsg", "packet_mmap"}) {
    flags = Flags();
    flags[3] = method;
    Child sockets(flags);
    ASSERT_TRUE(sockets.NextOf("ready"));
    sockets.Say(CutCommand{LineId::kA, TaiNow() + 1'000'000'000, 1'000}.ToLine());
    EXPECT_TRUE(sockets.NextOf("error"));
    EXPECT_EQ(sockets.Wait(), 11);
  }
}

TEST_F(HandlerProcess, EndsWithTheReasonWhereARequirementIsNotGranted) {
  std::vector<std::string> flags = Flags();
  flags.push_back("--require");
  flags.push_back("native-xdp,zero-copy");
  Child refused(flags);
  const auto error = refused.NextOf("error");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->Find("message")->find("required and not granted: zero-copy: "), 0u) << *error->Find("message");
  EXPECT_EQ(refused.Wait(), 11);
}

}  // namespace
}  // namespace feedfarm
