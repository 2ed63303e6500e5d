// The server against the handler's own fetcher over loopback, and its state against the lossless replay.
#include "agent/traffic/glimpse_server.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "agent/traffic/stream_state.h"
#include "agent/traffic/synthetic_itch.h"
#include "gtest/gtest.h"
#include "pipeline/glimpse/snapshot_fetcher.h"

namespace feedfarm {
namespace {

constexpr char kSession[] = "SYNTHETIC";

StreamContent Content(uint64_t messages) {
  StreamContent content;
  content.protocol = v1::FEED_PROTOCOL_MOLDUDP64_ITCH50;
  content.store = *MessageStore::Create(MessageStore::BlockOrder::kBig, 64 << 20);
  v1::SyntheticFeed feed;
  feed.set_messages(messages);
  feed.set_symbols(50);
  feed.set_messages_per_packet(2);
  EXPECT_TRUE(GenerateSyntheticItch(feed, kSession, 7, *content.store).ok());
  return content;
}

uint64_t HashAt(const StreamContent& content, uint64_t end) {
  auto book = *ItchBook::Create({});
  for (uint64_t i = 0; i < end; ++i) book->Apply(content.store->message(i));
  return book->StateHash();
}

uint64_t HashOf(const SnapshotImage& image) {
  auto book = *ItchBook::Create({});
  image.Read(0, UINT64_MAX, [&](std::span<const uint8_t> message) { book->Apply(message); });
  return book->StateHash();
}

class GlimpseServerTest : public testing::Test {
 protected:
  void Serve(const v1::Glimpse& settings) {
    auto server = GlimpseServer::Create("127.0.0.1", settings, content_, published_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    fetcher_ = *glimpse::SnapshotFetcher::Create(
        {.address = "127.0.0.1", .port = server_->port(), .client = {}, .image_bytes = 16 << 20});
  }
  const SnapshotChannel::Answer& Fetch() {
    if (asked_) fetcher_->Release();
    asked_ = true;
    fetcher_->Ask();
    const SnapshotChannel::Answer* answer = nullptr;
    while ((answer = fetcher_->Poll()) == nullptr) std::this_thread::yield();
    return *answer;
  }

  const StreamContent content_ = Content(20'000);
  std::atomic<uint64_t> published_{0};
  std::unique_ptr<GlimpseServer> server_;
  std::unique_ptr<glimpse::SnapshotFetcher> fetcher_;
  bool asked_ = false;
};

TEST_F(GlimpseServerTest, GivesTheStateAsOfTheLogin) {
  Serve({});
  for (const uint64_t published : {uint64_t{0}, uint64_t{1}, uint64_t{9'999}, uint64_t{20'000}}) {
    published_ = published;
    const auto& answer = Fetch();
    ASSERT_EQ(answer.failure, SnapshotFailure::kNone);
    EXPECT_EQ(answer.image->next_sequence(), published + 1);
    EXPECT_EQ(answer.image->session(), content_.store->generations()[0].session);
    EXPECT_EQ(HashOf(*answer.image), HashAt(content_, published));
  }
  EXPECT_EQ(server_->served(), 4u);
}

TEST_F(GlimpseServerTest, OlderStatesForTheFirstLogins) {
  v1::Glimpse settings;
  settings.set_lag_messages(5'000);
  settings.set_lag_logins(1);
  Serve(settings);
  published_ = 12'000;
  EXPECT_EQ(Fetch().image->next_sequence(), 7'001u);
  EXPECT_EQ(Fetch().image->next_sequence(), 12'001u);
  EXPECT_EQ(server_->stale(), 1u);
}

TEST_F(GlimpseServerTest, CutsTheFirstLogins) {
  v1::Glimpse settings;
  settings.set_cut_after_bytes(1'000);
  settings.set_cut_logins(2);
  settings.set_delay_ns(1'000'000);
  Serve(settings);
  published_ = 15'000;
  EXPECT_EQ(Fetch().failure, SnapshotFailure::kCut);
  EXPECT_EQ(Fetch().failure, SnapshotFailure::kCut);
  EXPECT_EQ(Fetch().failure, SnapshotFailure::kNone);
  EXPECT_EQ(server_->cut(), 2u);
  EXPECT_EQ(server_->served(), 1u);
}

TEST_F(GlimpseServerTest, RejectsLogins) {
  v1::Glimpse settings;
  settings.set_reject_login(true);
  Serve(settings);
  EXPECT_EQ(Fetch().failure, SnapshotFailure::kNotAuthorised);
  EXPECT_EQ(server_->rejected(), 1u);
  EXPECT_EQ(server_->served(), 0u);
}

TEST_F(GlimpseServerTest, EndsWithAClientConnected) {
  v1::Glimpse settings;
  settings.set_delay_ns(3'600'000'000'000);
  Serve(settings);
  fetcher_->Ask();
  server_.reset();
}

TEST(StreamState, GoesBackWhereAnOlderStateIsWanted) {
  const StreamContent content = Content(5'000);
  auto state = *StreamState::Create(content);
  const auto newer = state->At(4'000);
  const auto older = state->At(1'000);
  const auto again = state->At(4'000);
  EXPECT_EQ(older.next_sequence, 1'001u);
  EXPECT_EQ(newer.packets, again.packets);
  EXPECT_NE(newer.packets, older.packets);
  EXPECT_EQ(state->At(1'000'000).next_sequence, 5'001u);
}

TEST(StreamState, HasOnlyItch) {
  StreamContent content;
  content.protocol = v1::FEED_PROTOCOL_IEXTP_DEEP10;
  EXPECT_TRUE(absl::IsInvalidArgument(StreamState::Create(content).status()));
}

}  // namespace
}  // namespace feedfarm
