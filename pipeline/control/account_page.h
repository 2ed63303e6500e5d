#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "pipeline/control/final_record.h"
#include "pipeline/feed/feed_counters.h"
#include "pipeline/source/packet_source.h"

namespace feedfarm {

// What only the housekeeping thread knows, as of its last interval.
struct HouseAccount {
  uint64_t sampled_unix_ns = 0;
  std::array<uint64_t, kLines> cut_packets{};
  uint64_t ring_full = 0;
  uint64_t fill_ring_empty = 0;
  uint64_t invalid = 0;
  uint64_t no_socket = 0;
  uint64_t no_metadata = 0;
  uint64_t receive_errors = 0;
  uint64_t pool_misses = 0;
  uint64_t pool_return_drops = 0;
  uint64_t minor_faults_steady = 0;
  uint64_t major_faults_steady = 0;
  uint64_t hot_path_allocations = 0;
  uint64_t journal_overrun_messages = 0;
  uint64_t journal_errors = 0;
};

// Counters in memory that agent and handler share (a memfd of the agent's), so that kill -9 does not take them. The hot
// thread stores its own after every turn in which something happened, the housekeeper its own once an interval. The page says by
// name what stands where: the agent reads that of any build. What a turn that the kill interrupted did is not in it; the next process
// does it again, but for what the journal's thread wrote of it in the microseconds between.
class AccountPage {
 public:
  static constexpr size_t kBytes = 8192;

  // Maps and touches the page, writes its names. INVALID_ARGUMENT: fd has another size than kBytes; errno of mmap.
  static absl::StatusOr<AccountPage> Map(int fd);
  ~AccountPage();
  AccountPage(AccountPage&& other) noexcept : page_(other.page_) { other.page_ = nullptr; }
  AccountPage& operator=(AccountPage&&) = delete;

  // Hot thread. Cost: the stores.
  template <class Handler>
  void Store(const Handler& handler) {
    handler.Account(feed());
    // The next turn's work comes after these stores.
    asm volatile("" ::: "memory");
  }

  // Housekeeping thread.
  void Store(const HouseAccount& house);

 private:
  explicit AccountPage(uint8_t* page) : page_(page) {}
  FeedAccount* feed();

  uint8_t* page_;
};

// What a handler that is gone left in its page.
struct LeftAccount {
  // The counters that the page has; no histograms, hashes or types.
  FinalRecord record;
  // When the housekeeper's part was stored; 0 = never.
  uint64_t sampled_unix_ns = 0;
};

// Agent, when the handler is dead. DATA_LOSS: no handler ever mapped it, or it cannot be read as one.
absl::StatusOr<LeftAccount> ReadAccountPage(int fd);

}  // namespace feedfarm
