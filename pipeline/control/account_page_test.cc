#include "pipeline/control/account_page.h"

#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/base/scoped_fd.h"

namespace feedfarm {
namespace {

ScopedFd Memory(size_t bytes = AccountPage::kBytes) {
  ScopedFd fd(::memfd_create("account", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(bytes)), 0);
  return fd;
}

// A handler each of whose numbers is another one.
struct Counting {
  void Account(FeedAccount* to) const {
    auto* const numbers = reinterpret_cast<uint64_t*>(to);
    for (size_t i = 0; i < sizeof(FeedAccount) / sizeof(uint64_t); ++i) numbers[i] = 1000 + i;
  }
};

TEST(AccountPage, WhatWasStoredOutlivesItsMapping) {
  const ScopedFd fd = Memory();
  {
    auto page = AccountPage::Map(fd.get());
    ASSERT_TRUE(page.ok()) << page.status();
    page->Store(Counting());
    HouseAccount house;
    house.sampled_unix_ns = 77;
    house.cut_packets = {3, 4};
    house.ring_full = 5;
    house.minor_faults_steady = 6;
    house.journal_overrun_messages = 8;
    page->Store(house);
  }
  const auto left = ReadAccountPage(fd.get());
  ASSERT_TRUE(left.ok()) << left.status();
  FeedAccount feed;
  Counting().Account(&feed);
  const FinalRecord& record = left->record;
  EXPECT_EQ(left->sampled_unix_ns, 77u);
  EXPECT_EQ(record.messages, feed.messages);
  EXPECT_EQ(record.partial_overlaps, feed.partial_overlaps);
  EXPECT_EQ(record.duplicates, feed.duplicates);
  EXPECT_EQ(record.out_of_order, feed.out_of_order);
  EXPECT_EQ(record.failovers, feed.failovers);
  EXPECT_EQ(record.failover_max_ns, feed.failover_max_ns);
  EXPECT_EQ(record.gaps, feed.recovery.gaps);
  EXPECT_EQ(record.gap_messages, feed.recovery.gap_messages);
  EXPECT_EQ(record.recovered_messages, feed.recovery.recovered_messages);
  EXPECT_EQ(record.unrecovered_messages, feed.recovery.unrecovered_messages);
  EXPECT_EQ(record.rerequests, feed.recovery.rerequests);
  EXPECT_EQ(record.rerequest_timeouts, feed.recovery.rerequest_timeouts);
  EXPECT_EQ(record.recovery_max_ns, feed.recovery.recovery_max_ns);
  EXPECT_EQ(record.snapshot_skipped_messages, feed.snapshots.skipped_messages);
  EXPECT_EQ(record.snapshot_gap_messages, feed.recovery.snapshot_messages);
  EXPECT_EQ(record.snapshots_asked, feed.snapshots.asked);
  EXPECT_EQ(record.snapshots_loaded, feed.snapshots.loaded);
  EXPECT_EQ(record.snapshots_given_up, feed.snapshots.given_up);
  EXPECT_EQ(record.snapshot_image_messages, feed.snapshots.image_messages);
  EXPECT_EQ(record.snapshot_max_ns, feed.snapshots.hold_max_ns);
  ASSERT_EQ(record.snapshot_failures.size(), static_cast<size_t>(kSnapshotFailures));
  EXPECT_EQ(record.snapshot_failures[1].second, feed.snapshots.failed[1]);
  ASSERT_EQ(record.implausible.size(), kDepartures - 1);
  EXPECT_EQ(record.implausible[0].first, "first");
  EXPECT_EQ(record.implausible[0].second, feed.implausible[1]);
  ASSERT_EQ(record.future_stamps.size(), kLatencyMetrics * kTimestampClasses);
  EXPECT_EQ(record.future_stamps[5].first, "deliver.hardware");
  EXPECT_EQ(record.future_stamps[5].second, feed.future_stamps[1][2]);
  for (size_t i = 0; i < kLines; ++i) {
    EXPECT_EQ(record.lines[i].packets, feed.lines[i].packets);
    EXPECT_EQ(record.lines[i].bytes, feed.lines[i].bytes);
    EXPECT_EQ(record.lines[i].first_copies, feed.lines[i].first_copies);
    EXPECT_EQ(record.lines[i].second_copies, feed.lines[i].second_copies);
    EXPECT_EQ(record.lines[i].stale_packets, feed.lines[i].stale_packets);
    EXPECT_EQ(record.lines[i].malformed_packets, feed.lines[i].malformed_packets);
    EXPECT_EQ(record.lines[i].heartbeats, feed.lines[i].heartbeats);
    EXPECT_EQ(record.lines[i].cut_measured_ns, feed.cut_measured_ns[i]);
    EXPECT_EQ(record.lines[i].cut_packets, 3 + i);
  }
  using Counts = std::vector<std::pair<std::string, uint64_t>>;
  EXPECT_EQ(record.drops, (Counts{{"window_full", feed.window_full},
                                  {"answers_malformed", feed.answers_malformed},
                                  {"answers_stale", feed.answers_stale},
                                  {"ring_full", 5}}));
  EXPECT_EQ(record.minor_faults_steady, 6u);
  EXPECT_EQ(record.journal_overrun_messages, 8u);
}

TEST(AccountPage, MemoryThatNoHandlerMappedIsNoAccount) {
  const ScopedFd fd = Memory();
  EXPECT_EQ(ReadAccountPage(fd.get()).status().message(), "the killed handler left no account");
  const ScopedFd small = Memory(100);
  EXPECT_EQ(ReadAccountPage(small.get()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(AccountPage::Map(small.get()).status().code(), absl::StatusCode::kInvalidArgument);
}

// The handler under test may write anything there.
TEST(AccountPage, AnyBytesAreReadOrRefused) {
  const ScopedFd fd = Memory();
  ASSERT_TRUE(AccountPage::Map(fd.get()).ok());
  Rng rng(7);
  std::vector<uint8_t> good(AccountPage::kBytes);
  ASSERT_EQ(::pread(fd.get(), good.data(), good.size(), 0), static_cast<ssize_t>(good.size()));
  int refused = 0;
  for (int turn = 0; turn < 2'000; ++turn) {
    std::vector<uint8_t> bytes = good;
    for (int flips = 0; flips < 8; ++flips) bytes[8 + rng.Below(4000)] = static_cast<uint8_t>(rng.Next());
    ASSERT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    refused += ReadAccountPage(fd.get()).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace feedfarm
