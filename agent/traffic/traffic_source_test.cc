// End to end in an anonymous network namespace: packets leave by AF_PACKET on one end of a veth pair and are read on
// the other by plain sockets, as any receiver would.
#include "agent/traffic/traffic_source.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/feed/framing.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/rerequest.h"
#include "pipeline/source/packet_source.h"
#include "pipeline/source/send_trailer.h"
#include "pipeline/source/testing/veth_lab.h"
#include "pipeline/source/udp_frame.h"
#include "pipeline/stats/hdr_codec.h"

namespace feedfarm {
namespace {

constexpr char kPortA[] = "line_a", kPortB[] = "line_b";
constexpr char kPeerA[] = "line_a_tx", kPeerB[] = "line_b_tx";

std::string DataFile(const std::string& name) {
  const char* folder = std::getenv("FEEDFARM_DATA");
  const std::string path = std::string(folder == nullptr ? "../shared/data" : folder) + "/" + name;
  return std::filesystem::exists(path) ? path : "";
}

// Reads frames of one interface, with a buffer that no test fills.
class Tap {
 public:
  explicit Tap(const char* interface) : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
    const int room = 256 << 20;
    EXPECT_EQ(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
    sockaddr_ll bound{};
    bound.sll_family = AF_PACKET;
    bound.sll_protocol = htons(ETH_P_IP);
    bound.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&bound), sizeof(bound)), 0);
  }
  // The next frame, or nothing when there is none now.
  std::span<const uint8_t> Next() {
    const ssize_t bytes = ::recv(fd_.get(), frame_.data(), frame_.size(), MSG_DONTWAIT);
    return {frame_.data(), bytes < 0 ? 0 : static_cast<size_t>(bytes)};
  }

 private:
  ScopedFd fd_;
  std::vector<uint8_t> frame_ = std::vector<uint8_t>(4096);
};

// Everything that came on both lines.
struct Received {
  std::map<std::pair<uint32_t, uint64_t>, std::string> messages;  // by (generation, sequence)
  std::array<std::map<std::pair<uint32_t, uint64_t>, int>, kLines> copies;
  std::array<uint64_t, kLines> packets{};
  std::array<uint32_t, kLines> generation{};
  std::array<PacketHeader, kLines> newest{};
  uint64_t malformed = 0, control = 0, trailers = 0, conflicts = 0, early = 0;
  bool end_of_session = false;

  template <class F>
  void Take(size_t line, std::span<const uint8_t> bytes) {
    static BlockIndex blocks;
    const auto frame = ParseUdpFrame(bytes);
    if (!frame) return;
    ++packets[line];
    const uint64_t intended = LoadSendTrailer(frame->behind);
    trailers += intended != 0 ? 1 : 0;
    early += intended > TaiNow() ? 1 : 0;
    const PacketHeader header = F::ParseHeader(frame->payload);
    if (header.kind == PacketKind::kMalformed || !F::IndexBlocks(frame->payload, header, blocks)) {
      ++malformed;
      return;
    }
    const PacketHeader& before = newest[line];
    const bool restart = before.kind != PacketKind::kMalformed && header.send_time_ns > before.send_time_ns &&
                         header.first_sequence < before.first_sequence;
    if (restart) ++generation[line];
    if (before.kind == PacketKind::kMalformed || restart || header.first_sequence >= before.first_sequence) {
      newest[line] = header;
    }
    end_of_session |= header.kind == PacketKind::kEndOfSession;
    control += header.kind != PacketKind::kData ? 1 : 0;
    for (uint32_t i = 0; i < header.count; ++i) {
      const auto key = std::pair(generation[line], header.first_sequence + i);
      const auto message = frame->payload.subspan(blocks[i].offset, blocks[i].length);
      const std::string text(message.begin(), message.end());
      ++copies[line][key];
      conflicts += messages.try_emplace(key, text).first->second == text ? 0 : 1;
    }
  }

  std::string Hash() const {
    StreamHash hash;
    for (const auto& [key, text] : messages) {
      hash.Add(key.first, key.second, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    }
    return hash.ToString();
  }
};

class TrafficSourceTest : public ::testing::Test {
 protected:
  // A namespace of its own for each test: it ends with the thread that made it, which is this process's main thread,
  // so the tests take new ones one after the other.
  void SetUp() override {
    if (const std::string why = testing::WhyNoLab(); !why.empty()) GTEST_SKIP() << why;
    ASSERT_TRUE(testing::EnterNewNamespace().ok());
    ASSERT_TRUE(testing::MakeVeth({.name = kPortA, .mtu = 2000}).ok());
    ASSERT_TRUE(testing::MakeVeth({.name = kPortB, .mtu = 2000}).ok());
    ASSERT_EQ(std::system("ip address add 10.77.1.1/24 dev line_a_tx && ip address add 10.77.2.1/24 dev line_b_tx"), 0);
  }

  static v1::Scenario Scenario(double rate_pps) {
    v1::Scenario scenario;
    v1::Traffic* traffic = scenario.mutable_traffic();
    traffic->set_rate_pps(rate_pps);
    traffic->set_packet_bytes_max(1472);
    traffic->set_heartbeat_ns(100'000'000);
    traffic->mutable_line_a()->set_address("239.10.0.1");
    traffic->mutable_line_a()->set_port(26400);
    traffic->mutable_line_b()->set_address("239.10.0.2");
    traffic->mutable_line_b()->set_port(26401);
    return scenario;
  }

  static v1::Scenario Synthetic(uint64_t messages, double rate_pps) {
    v1::Scenario scenario = Scenario(rate_pps);
    v1::SyntheticFeed* feed = scenario.mutable_traffic()->mutable_synthetic();
    feed->set_messages(messages);
    feed->set_symbols(20);
    feed->set_messages_per_packet(12);
    return scenario;
  }

  static v1::Scenario Capture(const std::string& path, double rate_pps) {
    v1::Scenario scenario = Scenario(rate_pps);
    scenario.mutable_traffic()->mutable_capture()->set_path(path);
    scenario.mutable_traffic()->mutable_capture()->set_messages_per_packet(10);
    return scenario;
  }

  static TrafficSource::Options Ports() { return {.port_a = kPeerA, .port_b = kPeerB}; }

  static std::unique_ptr<TrafficSource> Make(const v1::Scenario& scenario) {
    auto source = TrafficSource::Create(scenario, 7, Ports());
    EXPECT_TRUE(source.ok()) << source.status();
    return source.ok() ? *std::move(source) : nullptr;
  }

  // Sends all of it and reads both lines until the plan is done and nothing more comes.
  template <class F>
  static Received Run(TrafficSource& source) {
    Tap a(kPortA), b(kPortB);
    Received received;
    source.Start(UnixNow() + 20'000'000);
    while (true) {
      const bool done = source.Done();
      bool any = false;
      for (auto frame = a.Next(); !frame.empty(); frame = a.Next(), any = true) received.Take<F>(0, frame);
      for (auto frame = b.Next(); !frame.empty(); frame = b.Next(), any = true) received.Take<F>(1, frame);
      if (done && !any) break;
      if (!any) std::this_thread::yield();
    }
    source.Stop();
    return received;
  }

  static void ExpectExact(const Received& received, const TrafficSource& source, uint64_t missing = 0) {
    const v1::SourceResult result = source.Result();
    EXPECT_EQ(result.send_errors(), 0u);
    EXPECT_EQ(received.messages.size() + missing, result.messages());
    EXPECT_EQ(received.conflicts, 0u);
    EXPECT_EQ(received.early, 0u);
    EXPECT_GE(result.packets_a(), received.packets[0]);
    EXPECT_LE(result.packets_a(), received.packets[0] + 1);
    EXPECT_EQ(received.trailers, received.packets[0] + received.packets[1]);
    if (missing == 0) {
      EXPECT_EQ(received.Hash(), result.reference_hash());
    }
  }
};

TEST_F(TrafficSourceTest, SyntheticFeedArrivesWholeOnBothLines) {
  v1::Scenario scenario = Synthetic(60'000, 20'000);
  scenario.mutable_traffic()->set_repack_b(true);
  scenario.mutable_traffic()->set_skew_b_ns(200'000);
  auto source = Make(scenario);
  ASSERT_NE(source, nullptr);
  const Received received = Run<moldudp64::MoldUdp64>(*source);
  ExpectExact(received, *source);
  EXPECT_EQ(received.copies[0].size(), 60'000u);
  EXPECT_EQ(received.copies[1].size(), 60'000u);
  EXPECT_NE(received.packets[0], received.packets[1]);
  EXPECT_TRUE(received.end_of_session);
  EXPECT_DOUBLE_EQ(source->Progress().share, 1.0);
  EXPECT_EQ(source->Progress().messages, 60'000u);

  const auto interval = source->TakeInterval();
  ASSERT_EQ(interval.size(), 1u);
  EXPECT_TRUE(source->TakeInterval().empty());
  const v1::SourceResult result = source->Result();
  ASSERT_EQ(result.histograms_size(), 1);
  EXPECT_EQ(result.histograms(0).count(), result.packets_a() + result.packets_b());
  const auto lateness = DecodeHdrV2Compressed(result.histograms(0).hdr_v2_compressed());
  ASSERT_TRUE(lateness.ok());
  std::cout << "lateness at 2 x 20 kpps: p50 " << lateness->ValueAtQuantile(0.5) << " ns, p99 "
            << lateness->ValueAtQuantile(0.99) << " ns, max " << lateness->Max() << " ns\n";
}

TEST_F(TrafficSourceTest, RealDayFileArrivesWhole) {
  const std::string path = DataFile("es-20231225.itch.gz");
  if (path.empty()) GTEST_SKIP() << "FEEDFARM_DATA does not hold the recording";
  auto source = Make(Capture(path, 20'000));
  ASSERT_NE(source, nullptr);
  const Received received = Run<moldudp64::MoldUdp64>(*source);
  ExpectExact(received, *source);
  EXPECT_EQ(received.messages.size(), 62'297u);
}

TEST_F(TrafficSourceTest, RealIexCaptureArrivesWholeWithItsRestarts) {
  const std::string path = DataFile("iex-deep10-20170425.pcap.gz");
  if (path.empty()) GTEST_SKIP() << "FEEDFARM_DATA does not hold the recording";
  v1::Scenario scenario = Capture(path, 40'000);
  scenario.mutable_traffic()->set_repack_b(true);
  auto source = Make(scenario);
  ASSERT_NE(source, nullptr);
  const Received received = Run<iextp::IexTp>(*source);
  ExpectExact(received, *source);
  EXPECT_EQ(received.messages.size(), 391'999u);
  EXPECT_EQ(received.generation[0], 11u);
  EXPECT_EQ(received.generation[1], 11u);
  EXPECT_EQ(received.malformed, 2u);
}

TEST_F(TrafficSourceTest, AllFaultsAtOnceLeaveOutExactlyTheGap) {
  v1::Scenario scenario = Synthetic(100'000, 20'000);
  scenario.mutable_traffic()->set_repack_b(true);
  v1::Fault* gap = scenario.add_faults();
  gap->set_at_ns(100'000'000);
  gap->mutable_gap()->set_messages(1000);
  gap->mutable_gap()->set_lines(v1::LINE_BOTH);
  v1::Fault* duplicate = scenario.add_faults();
  duplicate->set_at_ns(50'000'000);
  duplicate->mutable_duplicate()->set_packets(500);
  duplicate->mutable_duplicate()->set_lines(v1::LINE_A);
  v1::Fault* reorder = scenario.add_faults();
  reorder->set_at_ns(90'000'000);
  reorder->mutable_reorder()->set_packets(100);
  reorder->mutable_reorder()->set_distance(3);
  reorder->mutable_reorder()->set_lines(v1::LINE_BOTH);
  auto source = Make(scenario);
  ASSERT_NE(source, nullptr);
  const Received received = Run<moldudp64::MoldUdp64>(*source);
  ExpectExact(received, *source, 1000);
  const v1::SourceResult result = source->Result();
  EXPECT_EQ(result.gap_messages(), 1000u);
  EXPECT_EQ(result.duplicate_packets(), 500u);
  EXPECT_EQ(result.reordered_packets(), 200u);
  uint64_t twice = 0;
  for (const auto& [key, copies] : received.copies[0]) twice += copies == 2 ? 1 : 0;
  EXPECT_GT(twice, 500u);
}

// Asks for everything, one answer after another, as a handler that was killed does.
std::set<uint64_t> RecoverAll(const v1::Endpoint& server, const SessionId& session, uint64_t messages,
                              uint64_t* unanswered) {
  const ScopedFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 0, .tv_usec = 100'000};
  EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(server.port()));
  EXPECT_EQ(::inet_pton(AF_INET, server.address().c_str(), &to.sin_addr), 1);
  std::set<uint64_t> recovered;
  std::vector<uint8_t> answer(2048);
  for (uint64_t next = 1; next <= messages;) {
    std::vector<uint8_t> request(moldudp64::Rerequest::kBytesMax);
    moldudp64::Rerequest(session, next, 1000).Encode(request);
    EXPECT_GT(::sendto(fd.get(), request.data(), request.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    const ssize_t bytes = ::recv(fd.get(), answer.data(), answer.size(), 0);
    if (bytes < 0) {
      if (++*unanswered > 1000) break;
      continue;
    }
    const PacketHeader header = moldudp64::MoldUdp64::ParseHeader({answer.data(), static_cast<size_t>(bytes)});
    EXPECT_EQ(header.first_sequence, next);
    for (uint32_t i = 0; i < header.count; ++i) recovered.insert(header.first_sequence + i);
    next = header.first_sequence + header.count;
  }
  return recovered;
}

TEST_F(TrafficSourceTest, RerequestServerGivesBackEverythingThatWasSent) {
  v1::Scenario scenario = Synthetic(20'000, 50'000);
  scenario.mutable_traffic()->mutable_rerequest()->set_port(27'000);
  scenario.mutable_traffic()->mutable_rerequest()->set_loss(0.05);
  auto source = Make(scenario);
  ASSERT_NE(source, nullptr);
  EXPECT_EQ(source->rerequest_endpoint().address(), "10.77.1.1");
  uint64_t unanswered = 0;
  const SessionId session = moldudp64::MakeSession("SYNTHETIC");
  const Received received = Run<moldudp64::MoldUdp64>(*source);
  const auto recovered = RecoverAll(source->rerequest_endpoint(), session, 20'000, &unanswered);
  EXPECT_EQ(recovered.size(), 20'000u);
  const v1::SourceResult result = source->Result();
  EXPECT_EQ(result.rerequests_dropped(), unanswered);
  EXPECT_GT(unanswered, 0u);
  EXPECT_GE(result.rerequests_served(), 20'000u / 60);
}

TEST_F(TrafficSourceTest, BadInputAndBadHostAreToldApart) {
  v1::Scenario good = Synthetic(1000, 1000);
  const auto create = [](const v1::Scenario& scenario, TrafficSource::Options options) {
    return TrafficSource::Create(scenario, 1, options).status();
  };
  TrafficSource::Options no_port = Ports();
  no_port.port_b = "nowhere";
  const absl::Status missing_port = create(good, no_port);
  EXPECT_EQ(missing_port.code(), absl::StatusCode::kFailedPrecondition) << missing_port;
  EXPECT_NE(std::string(missing_port.message()).find("nowhere"), std::string::npos);
  TrafficSource::Options no_core = Ports();
  no_core.cpu = 1000;
  EXPECT_EQ(create(good, no_core).code(), absl::StatusCode::kFailedPrecondition);
  TrafficSource::Options no_address = Ports();
  no_address.port_a = kPortA;  // has no IPv4 address
  EXPECT_EQ(create(good, no_address).code(), absl::StatusCode::kFailedPrecondition);
  TrafficSource::Options bad_bind = Ports();
  bad_bind.bind_address = "10.9.9.9";
  v1::Scenario served = good;
  served.mutable_traffic()->mutable_rerequest()->set_port(27'001);
  const absl::Status bind = create(served, bad_bind);
  EXPECT_NE(bind.code(), absl::StatusCode::kOk);
  EXPECT_NE(bind.code(), absl::StatusCode::kInvalidArgument) << bind;
  EXPECT_NE(bind.code(), absl::StatusCode::kNotFound) << bind;

  v1::Scenario unicast = good;
  unicast.mutable_traffic()->mutable_line_a()->set_address("10.0.0.1");
  EXPECT_EQ(create(unicast, Ports()).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(create(Capture("/nowhere.pcap", 1), Ports()).code(), absl::StatusCode::kNotFound);
  v1::Scenario nothing = Scenario(1);
  EXPECT_EQ(create(nothing, Ports()).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TrafficSourceTest, StopEndsItAtAnyTime) {
  const auto unstarted = Make(Synthetic(1000, 1000));
  ASSERT_NE(unstarted, nullptr);
  EXPECT_FALSE(unstarted->Done());
  unstarted->Stop();
  EXPECT_TRUE(unstarted->Done());
  EXPECT_EQ(unstarted->Result().packets_a(), 0u);
  EXPECT_EQ(unstarted->Result().messages(), 0u);  // nothing was sent
  EXPECT_EQ(unstarted->Result().data_packets_a(), 0u);

  const auto started = Make(Synthetic(1000, 1));  // would take 83 s
  ASSERT_NE(started, nullptr);
  const uint64_t begin = MonotonicNow();
  started->Start(UnixNow());
  started->Stop();
  while (!started->Done()) std::this_thread::yield();
  EXPECT_LT(MonotonicNow() - begin, 5'000'000'000u);
}

TEST_F(TrafficSourceTest, MaximumRateIsMeasured) {
  constexpr uint64_t kPackets = 200'000;
  v1::Scenario scenario = Synthetic(kPackets * 12, 1e9);
  auto source = Make(scenario);
  ASSERT_NE(source, nullptr);
  source->Start(UnixNow());
  while (source->Progress().packets_a + source->Progress().packets_b < 2 * kPackets && !source->Done()) {
    std::this_thread::yield();
  }
  const v1::SourceResult result = source->Result();
  const double seconds = static_cast<double>(result.last_send_unix_ns() - result.first_send_unix_ns()) / 1e9;
  std::cout << "fastest: " << static_cast<double>(result.packets_a() + result.packets_b()) / seconds / 1e3
            << " kpps over both lines, 12 messages a packet\n";
  EXPECT_EQ(result.send_errors(), 0u);
}

}  // namespace
}  // namespace feedfarm
