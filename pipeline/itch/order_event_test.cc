#include "pipeline/itch/order_event.h"

#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/itch/decode.h"
#include "pipeline/itch/sample_messages.h"

namespace feedfarm::itch {
namespace {

// The record that the typed message makes.
struct FromTyped {
  OrderEvent event{};
  bool about_orders = false;

  template <class M>
  void operator()(const M& message) {
    about_orders = std::string_view("AFECXDU").find(M::kType) != std::string_view::npos;
    event.type = M::kType;
    event.head = message.head;
    if constexpr (requires { message.order; }) event.order = message.order;
    if constexpr (requires { message.old_order; }) event.order = message.old_order;
    if constexpr (requires { message.new_order; }) event.new_order = message.new_order;
    if constexpr (requires { message.side; }) event.side = message.side;
    if constexpr (requires { event.shares = message.shares; }) event.shares = message.shares;
    if constexpr (requires { message.stock; }) event.stock = message.stock;
    if constexpr (requires { event.price = message.price; }) event.price = message.price;
    if constexpr (requires { message.match; }) event.match = message.match;
    if constexpr (requires { message.printable; }) event.printable = message.printable;
    if constexpr (requires { event.attribution = message.attribution; }) event.attribution = message.attribution;
  }
};

void ExpectSame(const OrderEvent& event, const OrderEvent& wanted) {
  EXPECT_EQ(event.type, wanted.type);
  EXPECT_EQ(event.head, wanted.head);
  EXPECT_EQ(event.order, wanted.order);
  EXPECT_EQ(event.new_order, wanted.new_order);
  EXPECT_EQ(event.side, wanted.side);
  EXPECT_EQ(event.shares, wanted.shares);
  EXPECT_EQ(event.stock, wanted.stock);
  EXPECT_EQ(event.price, wanted.price);
  EXPECT_EQ(event.match, wanted.match);
  EXPECT_EQ(event.printable, wanted.printable);
  EXPECT_EQ(event.attribution, wanted.attribution);
}

TEST(OrderEvent, SaysWhatTheTypedMessageSays) {
  Rng rng(5);
  int about_orders = 0;
  for (const char type : std::string_view(kAllTypes)) {
    for (int i = 0; i < 200; ++i) {
      const std::vector<uint8_t> message = RandomMessage(type, rng);
      FromTyped typed;
      ASSERT_TRUE(Decode(message, typed));
      OrderEvent event{};
      ASSERT_EQ(DecodeOrderEvent(message, &event), typed.about_orders) << type;
      if (!typed.about_orders) continue;
      ExpectSame(event, typed.event);
      ++about_orders;
    }
  }
  EXPECT_EQ(about_orders, 7 * 200);
}

// Under the address sanitizer a byte too far would be seen: each span is a heap block of its own.
TEST(OrderEvent, RefusesEveryOtherLengthAndLeavesTheRecordAsItWas) {
  Rng rng(6);
  for (const char type : std::string_view("AFECXDU")) {
    const std::vector<uint8_t> whole = RandomMessage(type, rng);
    for (size_t size = 0; size <= whole.size() + 1; ++size) {
      std::vector<uint8_t> message(whole);
      message.resize(size);
      message.shrink_to_fit();
      OrderEvent event{};
      event.shares = {77};
      EXPECT_EQ(DecodeOrderEvent(message, &event), size == whole.size()) << type << size;
      if (size != whole.size()) {
        EXPECT_EQ(event.shares.value, 77u);
      }
    }
  }
}

}  // namespace
}  // namespace feedfarm::itch
