#include "pipeline/control/hot_mailbox.h"

#include <time.h>

namespace feedfarm {
namespace {

constexpr timespec kLookAgain = {0, 50'000};  // an exchange every 100 ms may take its time

}  // namespace

const HotAnswer& HotMailbox::Call(const HotRequest& request) {
  request_ = request;
  state_.store(State::kAsked, std::memory_order_release);  // Take's acquire sees the request
  while (state_.load(std::memory_order_acquire) != State::kAnswered) ::nanosleep(&kLookAgain, nullptr);
  state_.store(State::kIdle, std::memory_order_relaxed);
  return answer_;
}

}  // namespace feedfarm
