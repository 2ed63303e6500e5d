#include "pipeline/control/account_page.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/control/drop_reason.h"

namespace feedfarm {
namespace {

constexpr char kMagic[8] = {'F', 'F', 'A', 'C', 'C', 'T', '1', '\n'};
constexpr char kSampled[] = "sampled_unix_ns";
constexpr size_t kNameBytes = 40;

// Two threads write, each its own cache lines.
struct Values {
  alignas(64) FeedAccount feed;
  alignas(64) HouseAccount house;
};
static_assert(std::is_trivially_copyable_v<Values> && std::is_standard_layout_v<Values>);

// The page: header, then names with the offsets of their values in the page, then the values.
struct Header {
  char magic[8];
  uint64_t slots;
};
struct Slot {
  char name[kNameBytes];
  uint64_t offset;
};

struct Entry {
  std::string name;
  size_t offset;  // in Values
};

std::vector<Entry> Names() {
  std::vector<Entry> names;
  const auto feed = [&](std::string name, size_t offset) {
    names.push_back({std::move(name), offsetof(Values, feed) + offset});
  };
  const auto house = [&](std::string name, size_t offset) {
    names.push_back({std::move(name), offsetof(Values, house) + offset});
  };
  const auto feed_drops = [&](DropReason reason, size_t offset) { feed(absl::StrCat("drops.", Name(reason)), offset); };
  const auto house_drops = [&](DropReason reason, size_t offset) { house(absl::StrCat("drops.", Name(reason)), offset); };
  feed("messages", offsetof(FeedAccount, messages));
  feed("partial_overlaps", offsetof(FeedAccount, partial_overlaps));
  feed_drops(DropReason::kWindowFull, offsetof(FeedAccount, window_full));
  feed_drops(DropReason::kAnswersMalformed, offsetof(FeedAccount, answers_malformed));
  feed_drops(DropReason::kAnswersStale, offsetof(FeedAccount, answers_stale));
  for (size_t i = 1; i < kDepartures; ++i) {
    names.push_back({absl::StrCat("implausible.", std::string(Name(static_cast<Departure>(i)))),
                     offsetof(Values, feed) + offsetof(FeedAccount, implausible) + i * sizeof(uint64_t)});
  }
  for (size_t metric = 0; metric < kLatencyMetrics; ++metric) {
    for (size_t i = 0; i < kTimestampClasses; ++i) {
      names.push_back({absl::StrCat("future_stamps.", Name(static_cast<LatencyMetric>(metric)), ".",
                                    Name(static_cast<TimestampClass>(i))),
                       offsetof(Values, feed) + offsetof(FeedAccount, future_stamps) +
                           (metric * kTimestampClasses + i) * sizeof(uint64_t)});
    }
  }
  feed("duplicates", offsetof(FeedAccount, duplicates));
  feed("out_of_order", offsetof(FeedAccount, out_of_order));
  feed("failovers", offsetof(FeedAccount, failovers));
  feed("failover_max_ns", offsetof(FeedAccount, failover_max_ns));
  const auto recovery = [&](const char* name, size_t offset) { feed(name, offsetof(FeedAccount, recovery) + offset); };
  recovery("gaps", offsetof(RecoveryCounters, gaps));
  recovery("gap_messages", offsetof(RecoveryCounters, gap_messages));
  recovery("recovered_messages", offsetof(RecoveryCounters, recovered_messages));
  recovery("unrecovered_messages", offsetof(RecoveryCounters, unrecovered_messages));
  recovery("snapshot_gap_messages", offsetof(RecoveryCounters, snapshot_messages));
  recovery("rerequests", offsetof(RecoveryCounters, rerequests));
  recovery("rerequest_timeouts", offsetof(RecoveryCounters, rerequest_timeouts));
  recovery("recovery_max_ns", offsetof(RecoveryCounters, recovery_max_ns));
  const auto snapshots = [&](std::string name, size_t offset) {
    names.push_back({std::move(name), offsetof(Values, feed) + offsetof(FeedAccount, snapshots) + offset});
  };
  snapshots("snapshots_asked", offsetof(SnapshotCounters, asked));
  snapshots("snapshots_loaded", offsetof(SnapshotCounters, loaded));
  snapshots("snapshots_given_up", offsetof(SnapshotCounters, given_up));
  snapshots("snapshot_skipped_messages", offsetof(SnapshotCounters, skipped_messages));
  snapshots("snapshot_image_messages", offsetof(SnapshotCounters, image_messages));
  snapshots("snapshot_max_ns", offsetof(SnapshotCounters, hold_max_ns));
  for (int i = 0; i < kSnapshotFailures; ++i) {
    snapshots(absl::StrCat("snapshot_failures.", std::string(Name(static_cast<SnapshotFailure>(i)))),
              offsetof(SnapshotCounters, failed) + static_cast<size_t>(i) * sizeof(uint64_t));
  }
  for (size_t i = 0; i < kLines; ++i) {
    const std::string line = i == 0 ? "line.A." : "line.B.";
    const auto of_line = [&](const char* name, size_t offset) {
      names.push_back({line + name, offsetof(Values, feed) + offsetof(FeedAccount, lines) + i * sizeof(LineCounters) +
                                        offset});
    };
    of_line("packets", offsetof(LineCounters, packets));
    of_line("bytes", offsetof(LineCounters, bytes));
    of_line("first_copies", offsetof(LineCounters, first_copies));
    of_line("second_copies", offsetof(LineCounters, second_copies));
    of_line("stale_packets", offsetof(LineCounters, stale_packets));
    of_line("malformed_packets", offsetof(LineCounters, malformed_packets));
    of_line("heartbeats", offsetof(LineCounters, heartbeats));
    names.push_back({line + "cut_measured_ns",
                     offsetof(Values, feed) + offsetof(FeedAccount, cut_measured_ns) + i * sizeof(uint64_t)});
    house(line + "cut_packets", offsetof(HouseAccount, cut_packets) + i * sizeof(uint64_t));
  }
  house(kSampled, offsetof(HouseAccount, sampled_unix_ns));
  house_drops(DropReason::kRingFull, offsetof(HouseAccount, ring_full));
  house_drops(DropReason::kFillRingEmpty, offsetof(HouseAccount, fill_ring_empty));
  house_drops(DropReason::kInvalid, offsetof(HouseAccount, invalid));
  house_drops(DropReason::kNoSocket, offsetof(HouseAccount, no_socket));
  house_drops(DropReason::kNoMetadata, offsetof(HouseAccount, no_metadata));
  house_drops(DropReason::kReceiveErrors, offsetof(HouseAccount, receive_errors));
  house("pool_misses", offsetof(HouseAccount, pool_misses));
  house("pool_return_drops", offsetof(HouseAccount, pool_return_drops));
  house("minor_faults_steady", offsetof(HouseAccount, minor_faults_steady));
  house("major_faults_steady", offsetof(HouseAccount, major_faults_steady));
  house("hot_path_allocations", offsetof(HouseAccount, hot_path_allocations));
  house("journal_overrun_messages", offsetof(HouseAccount, journal_overrun_messages));
  house("journal_errors", offsetof(HouseAccount, journal_errors));
  return names;
}

// Where the values begin in a page of this build.
constexpr size_t kValuesAt = AccountPage::kBytes - 1024;
static_assert(sizeof(Values) <= 1024 && kValuesAt % alignof(Values) == 0);

}  // namespace

absl::StatusOr<AccountPage> AccountPage::Map(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return ErrnoStatus("--account-fd");
  if (status.st_size != static_cast<off_t>(kBytes)) {
    return absl::InvalidArgumentError(absl::StrCat("--account-fd: ", status.st_size, " bytes instead of ", kBytes));
  }
  void* const mapped = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (mapped == MAP_FAILED) return ErrnoStatus("mmap of --account-fd");
  auto* const page = static_cast<uint8_t*>(mapped);
  const std::vector<Entry> names = Names();
  static_assert(sizeof(Header) % 8 == 0);
  if (sizeof(Header) + names.size() * sizeof(Slot) > kValuesAt) return absl::InternalError("account page: too many names");
  Slot* slot = reinterpret_cast<Slot*>(page + sizeof(Header));
  for (const Entry& name : names) {
    if (name.name.size() >= sizeof slot->name) return absl::InternalError("account page: a name is too long");
    std::memcpy(slot->name, name.name.c_str(), name.name.size() + 1);
    slot->offset = kValuesAt + name.offset;
    ++slot;
  }
  Header header{};
  header.slots = names.size();
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  std::memcpy(page, &header, sizeof header);
  return AccountPage(page);
}

AccountPage::~AccountPage() {
  if (page_ != nullptr) ::munmap(page_, kBytes);
}

FeedAccount* AccountPage::feed() { return &reinterpret_cast<Values*>(page_ + kValuesAt)->feed; }

void AccountPage::Store(const HouseAccount& house) {
  reinterpret_cast<Values*>(page_ + kValuesAt)->house = house;
  asm volatile("" ::: "memory");
}

absl::StatusOr<LeftAccount> ReadAccountPage(int fd) {
  std::vector<uint8_t> page(AccountPage::kBytes);
  if (::pread(fd, page.data(), page.size(), 0) != static_cast<ssize_t>(page.size())) {
    return absl::DataLossError("the killed handler's account cannot be read");
  }
  Header header;
  std::memcpy(&header, page.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) {
    return absl::DataLossError("the killed handler left no account");
  }
  if (header.slots == 0 || header.slots > (page.size() - sizeof header) / sizeof(Slot)) {
    return absl::DataLossError("the killed handler's account is damaged");
  }
  LeftAccount left;
  for (uint64_t i = 0; i < header.slots; ++i) {
    Slot slot;
    std::memcpy(&slot, page.data() + sizeof header + i * sizeof slot, sizeof slot);
    if (slot.offset > page.size() - sizeof(uint64_t) || slot.name[sizeof slot.name - 1] != 0) {
      return absl::DataLossError("the killed handler's account is damaged");
    }
    uint64_t value;
    std::memcpy(&value, page.data() + slot.offset, sizeof value);
    if (std::string_view(slot.name) == kSampled) {
      left.sampled_unix_ns = value;
    } else {
      left.record.Set(slot.name, value);  // what this build does not know is nothing that it judges
    }
  }
  return left;
}

}  // namespace feedfarm
