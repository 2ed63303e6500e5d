#include "pipeline/feed/retransmit_client.h"

#include <arpa/inet.h>
#include <poll.h>

#include <cstring>
#include <string>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// A UDP server on the loopback that answers by hand.
class LoopbackServer {
 public:
  LoopbackServer() : fd_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  uint16_t port() const { return port_; }
  std::string Take() {
    char bytes[2048];
    socklen_t size = sizeof(client_);
    const ssize_t got = ::recvfrom(fd_.get(), bytes, sizeof(bytes), 0, reinterpret_cast<sockaddr*>(&client_), &size);
    return std::string(bytes, got);
  }
  void Answer(const std::string& text) {
    EXPECT_EQ(::sendto(fd_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&client_), sizeof(client_)),
              static_cast<ssize_t>(text.size()));
  }

 private:
  ScopedFd fd_;
  uint16_t port_ = 0;
  sockaddr_in client_{};
};

TEST(RetransmitClient, SendsAndTakesAnswersInOrderWithoutBlocking) {
  LoopbackServer server;
  auto client = RetransmitClient::Create(INADDR_LOOPBACK, server.port());
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE((*client)->Receive().empty());
  (*client)->Send(Bytes("request"));
  EXPECT_EQ(server.Take(), "request");
  for (int i = 0; i < 40; ++i) server.Answer("answer " + std::to_string(i));
  server.Answer(std::string(RetransmitClient::kDatagramBytes + 1, 'x'));
  server.Answer("last");
  // Loopback delivers within the sender's system call.
  for (int i = 0; i < 40; ++i) {
    const auto answer = (*client)->Receive();
    EXPECT_EQ(std::string(answer.begin(), answer.end()), "answer " + std::to_string(i));
  }
  const auto answer = (*client)->Receive();
  EXPECT_EQ(std::string(answer.begin(), answer.end()), "last");
  EXPECT_TRUE((*client)->Receive().empty());
  EXPECT_EQ((*client)->truncated(), 1u);
}

TEST(RetransmitClient, SurvivesAServerThatIsNotThere) {
  uint16_t port = 0;
  {
    LoopbackServer gone;
    port = gone.port();
  }
  auto client = RetransmitClient::Create(INADDR_LOOPBACK, port);
  ASSERT_TRUE(client.ok());
  for (int i = 0; i < 4; ++i) {
    (*client)->Send(Bytes("request"));
    EXPECT_TRUE((*client)->Receive().empty());
  }
}

}  // namespace
}  // namespace feedfarm
