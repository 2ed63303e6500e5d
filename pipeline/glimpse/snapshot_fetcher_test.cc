// The fetcher against real sockets on loopback, with a server that says what the test wants.
#include "pipeline/glimpse/snapshot_fetcher.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/soupbintcp/packet_writer.h"

namespace feedfarm::glimpse {
namespace {

using soupbintcp::AppendPacket;
using soupbintcp::PacketType;
using Bytes = std::vector<uint8_t>;

constexpr size_t kLoginPacketBytes = soupbintcp::kHeaderBytes + soupbintcp::kLoginBytes;

// Listens on loopback; each connection gets what `answer` gives for its number after its login has come.
class Server {
 public:
  explicit Server(std::function<Bytes(int)> answer) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    socklen_t bytes = sizeof(at);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &bytes);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this, answer] {
      for (int number = 0;; ++number) {
        const ScopedFd client(::accept(listener_.get(), nullptr, nullptr));
        if (!client.valid()) return;
        std::array<uint8_t, kLoginPacketBytes> login;
        if (::recv(client.get(), login.data(), login.size(), MSG_WAITALL) != static_cast<ssize_t>(login.size())) continue;
        const Bytes bytes_out = answer(number);
        size_t sent = 0;
        while (sent < bytes_out.size()) {
          const ssize_t n = ::send(client.get(), bytes_out.data() + sent, bytes_out.size() - sent, MSG_NOSIGNAL);
          if (n <= 0) break;
          sent += static_cast<size_t>(n);
        }
        ::shutdown(client.get(), SHUT_WR);
        uint8_t rest;
        while (::recv(client.get(), &rest, 1, 0) > 0) {
        }
      }
    });
  }
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  uint16_t port() const { return port_; }

 private:
  const ScopedFd listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

Bytes Snapshot(uint64_t messages, uint64_t next) {
  Bytes stream;
  AppendPacket(PacketType::kLoginAccepted, soupbintcp::Encode(soupbintcp::Accepted{"S", 1}), stream);
  for (uint64_t i = 0; i < messages; ++i) AppendPacket(PacketType::kSequencedData, Bytes(36, 'A'), stream);
  std::array<uint8_t, kEndBytesMax> end;
  AppendPacket(PacketType::kSequencedData, std::span(end).first(EncodeEnd(next, {}, end)), stream);
  return stream;
}

FetcherOptions To(uint16_t port) {
  return {.address = "127.0.0.1", .port = port, .client = {}, .image_bytes = 8 << 20};
}

// Looks until it is there; the test's own time limit is the bound.
const SnapshotChannel::Answer& Await(SnapshotFetcher& fetcher) {
  const SnapshotChannel::Answer* answer = nullptr;
  while ((answer = fetcher.Poll()) == nullptr) std::this_thread::yield();
  return *answer;
}

TEST(SnapshotFetcher, BringsSnapshotsOneAfterTheOther) {
  Server server([](int number) { return Snapshot(100'000 * (number + 1), 10 + number); });
  auto fetcher = SnapshotFetcher::Create(To(server.port()));
  ASSERT_TRUE(fetcher.ok());
  for (uint64_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*fetcher)->Poll(), nullptr);
    (*fetcher)->Ask();
    const auto& answer = Await(**fetcher);
    ASSERT_EQ(answer.failure, SnapshotFailure::kNone);
    EXPECT_EQ(answer.image->messages(), 100'000 * (i + 1));
    EXPECT_EQ(answer.image->next_sequence(), 10 + i);
    (*fetcher)->Release();
  }
}

TEST(SnapshotFetcher, CutConnectionIsSaidAndTheNextOneWorks) {
  Server server([](int number) {
    Bytes stream = Snapshot(1'000, 5);
    if (number == 0) stream.resize(stream.size() / 2);
    return stream;
  });
  auto fetcher = SnapshotFetcher::Create(To(server.port()));
  ASSERT_TRUE(fetcher.ok());
  (*fetcher)->Ask();
  EXPECT_EQ(Await(**fetcher).failure, SnapshotFailure::kCut);
  EXPECT_EQ(Await(**fetcher).image, nullptr);
  (*fetcher)->Release();
  (*fetcher)->Ask();
  EXPECT_EQ(Await(**fetcher).failure, SnapshotFailure::kNone);
  EXPECT_EQ(Await(**fetcher).image->messages(), 1'000u);
}

TEST(SnapshotFetcher, NobodyThereIsUnreachable) {
  uint16_t port;
  {
    Server gone([](int) { return Bytes(); });
    port = gone.port();
  }
  auto fetcher = SnapshotFetcher::Create(To(port));
  ASSERT_TRUE(fetcher.ok());
  (*fetcher)->Ask();
  EXPECT_EQ(Await(**fetcher).failure, SnapshotFailure::kUnreachable);
  auto nonsense = SnapshotFetcher::Create({.address = "nowhere", .port = 1, .client = {}, .image_bytes = 100});
  (*nonsense)->Ask();
  EXPECT_EQ(Await(**nonsense).failure, SnapshotFailure::kUnreachable);
}

TEST(SnapshotFetcher, EndsWhileASnapshotIsUnderWay) {
  Server server([](int) {
    Bytes accepted;
    AppendPacket(PacketType::kLoginAccepted, soupbintcp::Encode(soupbintcp::Accepted{"S", 1}), accepted);
    return accepted;
  });
  // Neither the end of the fetcher nor that of an idle one waits for anything.
  auto fetcher = SnapshotFetcher::Create(To(server.port()));
  ASSERT_TRUE(fetcher.ok());
  (*fetcher)->Ask();
  fetcher->reset();
  auto idle = SnapshotFetcher::Create(To(server.port()));
  idle->reset();
}

}  // namespace
}  // namespace feedfarm::glimpse
