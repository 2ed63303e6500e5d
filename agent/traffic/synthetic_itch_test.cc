#include "agent/traffic/synthetic_itch.h"

#include <chrono>
#include <iostream>
#include <map>
#include <unordered_map>

#include "agent/traffic/itch_packing.h"
#include "agent/traffic/stream_content.h"
#include "gtest/gtest.h"
#include "pipeline/base/clock.h"
#include "pipeline/itch/decode.h"

namespace feedfarm {
namespace {

constexpr char kSession[] = "SYNTHETIC";

v1::SyntheticFeed Feed(uint64_t messages, uint32_t symbols) {
  v1::SyntheticFeed feed;
  feed.set_messages(messages);
  feed.set_symbols(symbols);
  return feed;
}

std::unique_ptr<MessageStore> Store(uint64_t bytes_max = uint64_t{1} << 30) {
  return *MessageStore::Create(MessageStore::BlockOrder::kBig, bytes_max);
}

// Follows the life of every order.
struct OrderAudit {
  std::unordered_map<uint64_t, uint32_t> live;
  uint64_t newest = 0;
  uint64_t errors = 0;

  void New(uint64_t reference, uint32_t shares) {
    if (reference <= newest || shares == 0) ++errors;
    newest = reference;
    live[reference] = shares;
  }
  void Take(uint64_t reference, uint32_t shares) {
    auto found = live.find(reference);
    if (found == live.end() || shares == 0 || found->second < shares) {
      ++errors;
    } else if ((found->second -= shares) == 0) {
      live.erase(found);
    }
  }
  void Drop(uint64_t reference) { errors += live.erase(reference) == 1 ? 0 : 1; }

  void operator()(const itch::AddOrder& m) { New(m.order.value, m.shares.value); }
  void operator()(const itch::AddOrderAttributed& m) { New(m.order.value, m.shares.value); }
  void operator()(const itch::OrderExecuted& m) { Take(m.order.value, m.shares.value); }
  void operator()(const itch::OrderExecutedWithPrice& m) { Take(m.order.value, m.shares.value); }
  void operator()(const itch::OrderCancel& m) { Take(m.order.value, m.shares.value); }
  void operator()(const itch::OrderDelete& m) { Drop(m.order.value); }
  void operator()(const itch::OrderReplace& m) {
    Drop(m.old_order.value);
    New(m.new_order.value, m.shares.value);
  }
  template <class M>
  void operator()(const M&) {}
};

TEST(SyntheticItch, HasTheMixOfARealDay) {
  constexpr uint64_t kMessages = 1'000'000;
  auto store = Store();
  ASSERT_TRUE(GenerateSyntheticItch(Feed(kMessages, 100), kSession, 1, *store).ok());
  ASSERT_EQ(store->messages(), kMessages);
  std::map<char, uint64_t> types;
  for (uint64_t i = 0; i < kMessages; ++i) ++types[static_cast<char>(store->message(i)[0])];
  const auto percent = [&](const char* of) {
    uint64_t sum = 0;
    for (; *of != 0; ++of) sum += types[*of];
    return 100.0 * static_cast<double>(sum) / kMessages;
  };
  EXPECT_NEAR(percent("AF"), 44.1, 0.3);
  EXPECT_NEAR(percent("D"), 42.6, 0.3);
  EXPECT_NEAR(percent("U"), 8.0, 0.2);
  EXPECT_NEAR(percent("ECX"), 3.2, 0.1);
  EXPECT_EQ(types.size(), 23u);
}

TEST(SyntheticItch, OrdersLiveBeforeTheyDie) {
  auto store = Store();
  ASSERT_TRUE(GenerateSyntheticItch(Feed(500'000, 50), kSession, 2, *store).ok());
  OrderAudit audit;
  uint64_t time = 0, undecoded = 0, backwards = 0;
  for (uint64_t i = 0; i < store->messages(); ++i) {
    if (!itch::Decode(store->message(i), audit)) ++undecoded;
    itch::Decode(store->message(i), [&](const auto& m) {
      if (m.head.time.value < time) ++backwards;
      time = m.head.time.value;
    });
  }
  EXPECT_EQ(undecoded, 0u);
  EXPECT_EQ(audit.errors, 0u);
  EXPECT_EQ(backwards, 0u);
  EXPECT_LE(audit.live.size(), kLiveOrders);
  EXPECT_GT(audit.live.size(), 1000u);
}

TEST(SyntheticItch, ShortestStreamHasDirectoryAllTypesAndItsEnd) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    auto store = Store(1 << 20);
    ASSERT_TRUE(GenerateSyntheticItch(Feed(3 + kMessagesBeside, 3), kSession, seed, *store).ok());
    ASSERT_EQ(store->messages(), 3 + kMessagesBeside);
    std::map<char, uint64_t> types;
    OrderAudit audit;
    for (uint64_t i = 0; i < store->messages(); ++i) {
      ++types[static_cast<char>(store->message(i)[0])];
      itch::Decode(store->message(i), audit);
    }
    EXPECT_EQ(types.size(), 23u);
    EXPECT_EQ(types['R'], 3u);
    EXPECT_EQ(audit.errors, 0u) << "seed " << seed;
    EXPECT_EQ(store->message(0)[0], 'S');
    EXPECT_EQ(store->message(2)[0], 'R');
    EXPECT_EQ(store->message(store->messages() - 1)[11], 'C');
  }
}

TEST(SyntheticItch, OneSeedGivesOneStream) {
  auto a = Store(), b = Store(), c = Store();
  ASSERT_TRUE(GenerateSyntheticItch(Feed(10'000, 10), kSession, 7, *a).ok());
  ASSERT_TRUE(GenerateSyntheticItch(Feed(10'000, 10), kSession, 7, *b).ok());
  ASSERT_TRUE(GenerateSyntheticItch(Feed(10'000, 10), kSession, 8, *c).ok());
  const auto bytes = [](const MessageStore& store) {
    const auto blocks = store.blocks(0, store.messages());
    return std::string(blocks.begin(), blocks.end());
  };
  EXPECT_EQ(bytes(*a), bytes(*b));
  EXPECT_NE(bytes(*a), bytes(*c));
}

TEST(SyntheticItch, RefusesWhatCannotBe) {
  const struct {
    uint64_t messages;
    uint32_t symbols;
    const char* why;
  } kCases[] = {{1000, 0, "symbols is 0"}, {1'000'000, 70'000, "symbols is 70000"}, {100, 100, "needs at least 140"}};
  for (const auto& c : kCases) {
    auto store = Store();
    const absl::Status status = GenerateSyntheticItch(Feed(c.messages, c.symbols), kSession, 1, *store);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(std::string(status.message()).find(c.why), std::string::npos) << status;
  }
  auto small = Store(1 << 16);
  const absl::Status status = GenerateSyntheticItch(Feed(100'000, 10), kSession, 1, *small);
  EXPECT_NE(std::string(status.message()).find("do not fit"), std::string::npos) << status;
}

TEST(SyntheticItch, IsPackedByCountAndBytes) {
  StreamContent content;
  content.protocol = v1::FEED_PROTOCOL_MOLDUDP64_ITCH50;
  content.store = Store();
  ASSERT_TRUE(GenerateSyntheticItch(Feed(10'000, 10), kSession, 7, *content.store).ok());
  ASSERT_TRUE(PackItch(20, 500, 1 << 20, content).ok());
  uint64_t next = 0, due = 0;
  for (const StreamPacket& packet : content.packets) {
    EXPECT_EQ(packet.first_index, next);
    EXPECT_EQ(packet.sequence, next + 1);
    EXPECT_LE(packet.bytes, 500);
    EXPECT_LE(packet.count, 20u);
    EXPECT_GE(packet.due_ns, due);
    due = packet.due_ns;
    next = packet.end_index();
  }
  EXPECT_EQ(next, 10'000u);
  content.packets.clear();
  EXPECT_EQ(PackItch(20, 64, 1 << 20, content).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(PackItch(20, 500, 10, content).code(), absl::StatusCode::kInvalidArgument);
}

TEST(SyntheticItch, IsFast) {
  constexpr uint64_t kMessages = 5'000'000;
  auto store = Store();
  const uint64_t start = MonotonicNow();
  ASSERT_TRUE(GenerateSyntheticItch(Feed(kMessages, 500), kSession, 1, *store).ok());
  const double rate = static_cast<double>(kMessages) * 1e9 / static_cast<double>(MonotonicNow() - start);
  std::cout << "generated " << rate / 1e6 << " M messages/s\n";
  // The goal on an idle machine is 5 M/s; this bound only catches a change of kind.
#ifndef FEEDFARM_SANITIZED
  EXPECT_GT(rate, 1e6);
#endif
}

}  // namespace
}  // namespace feedfarm
