#pragma once

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "pipeline/control/cut_command.h"
#include "pipeline/feed/feed_counters.h"
#include "pipeline/feed/latency_histograms.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// What the housekeeping thread wants of the hot thread.
struct HotRequest {
  enum class Kind : uint8_t {
    kExchange,  // give the histograms so far for `histograms`, and a snapshot
    kCut,       // arm `cut` in the source
    kStop,      // drain, finish, give everything as for kExchange; the hot loop ends
  };
  Kind kind = Kind::kExchange;
  LatencyHistograms* histograms = nullptr;
  CutCommand cut = {};
};

struct HotAnswer {
  LatencyHistograms* histograms = nullptr;
  FeedCounters counters;
  SourceCounters source;
  uint64_t allocations = 0;  // by the hot thread since its loop began
  absl::Status status;       // kCut
};

// One request at a time from the housekeeping thread to the hot thread. For the hot thread it is one relaxed load a
// turn while there is none, and no system call ever: the asker sleeps and looks again.
class HotMailbox {
 public:
  // Housekeeping thread. Sleeps until the hot thread has answered.
  const HotAnswer& Call(const HotRequest& request);

  // Hot thread: there is a request.
  bool asked() const { return state_.load(std::memory_order_relaxed) == State::kAsked; }
  // Hot thread, when asked(): the request; fill in answer() and call Answered.
  const HotRequest& Take() {
    // Pairs with Call's release: the request is written.
    (void)state_.load(std::memory_order_acquire);
    return request_;
  }
  HotAnswer& answer() { return answer_; }
  void Answered() { state_.store(State::kAnswered, std::memory_order_release); }  // Call's acquire sees the answer

 private:
  enum class State : uint8_t { kIdle, kAsked, kAnswered };
  alignas(64) std::atomic<State> state_{State::kIdle};
  HotRequest request_;
  HotAnswer answer_;
};

}  // namespace feedfarm
