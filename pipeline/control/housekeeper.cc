#include "pipeline/control/housekeeper.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/control/event_record.h"
#include "pipeline/control/final_record.h"

namespace feedfarm {
namespace {

constexpr uint64_t kIntervalNs = 100'000'000;
// From the fifth second on there must be no page fault any more (requirement D1).
constexpr uint64_t kSteadyAfterNs = 5'000'000'000;

ScopedFd OpenSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return ScopedFd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

absl::Status WriteFile(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  return file ? absl::OkStatus() : ErrnoStatus(absl::StrCat("write ", path));
}

// What the journal brought at the start and took until the end. An error is said and counted: the run's gates decide.
void FinishJournal(HandlerJournal& journal, FinalRecord& record) {
  if (const absl::Status status = journal.Stop(); !status.ok()) {
    LOG(ERROR) << "journal: " << status;
    record.journal_errors = 1;
  }
  const JournalStats stats = journal.stats();
  record.journal_messages = stats.messages;
  record.journal_bytes = stats.bytes;
  record.journal_syncs = stats.syncs;
  record.journal_sync_max_ns = stats.sync_max_ns;
  record.journal_snapshots = stats.snapshots;
  record.journal_overrun_messages = std::max<uint64_t>(stats.overrun.messages, stats.overrun.happened ? 1 : 0);
  record.journal_errors += stats.snapshot_failures;
  record.journal_restored_messages = journal.recovered().messages;
  record.journal_replayed_messages = journal.report().messages;
  record.journal_torn_bytes = journal.report().torn_bytes;
}

}  // namespace

Housekeeper::Housekeeper(const Options& options, ControlChannel* control, HotMailbox* mailbox, HotThread* hot,
                         FeedEventQueue* events, const HandlerBooks* books, AccountPage* account,
                         LatencyHistograms* spare)
    : options_(options),
      control_(control),
      mailbox_(mailbox),
      hot_(hot),
      events_(events),
      books_(books),
      journal_(books->journal.get()),
      account_(account),
      spare_(spare),
      signals_(OpenSignals()),
      telemetry_(UnixNow()) {}

absl::Status Housekeeper::Run(const ReadyRecord& ready) {
  start_ns_ = MonotonicNow();
  absl::Status status = control_->Say(ready.ToLine());
  if (status.ok()) status = Serve();
  if (!hot_stopped_) mailbox_->Call({.kind = HotRequest::Kind::kStop, .histograms = spare_});
  return status;
}

absl::Status Housekeeper::Serve() {
  for (uint64_t tick = 1;; ++tick) {
    FEEDFARM_ASSIGN_OR_RETURN(const bool go_on, Wait(start_ns_ + tick * kIntervalNs));
    if (!go_on) break;
    hot_->KeepFifo();
    FEEDFARM_RETURN_IF_ERROR(Interval());
    if (MonotonicNow() - start_ns_ >= kSteadyAfterNs) faults_.BeginSteady();
  }
  return Final();
}

// Takes commands and signals until `deadline_ns`; false: stop.
absl::StatusOr<bool> Housekeeper::Wait(uint64_t deadline_ns) {
  for (;;) {
    FEEDFARM_RETURN_IF_ERROR(ArmCuts());
    const uint64_t now_ns = MonotonicNow();
    if (now_ns >= deadline_ns) return true;
    // Up to the next cut's turn, if that is earlier.
    const uint64_t tai_now_ns = TaiNow();
    const uint64_t cut_in_ns = cuts_.NextNs() > tai_now_ns ? cuts_.NextNs() - tai_now_ns : 0;
    const uint64_t wait_ns = std::min(deadline_ns - now_ns, cut_in_ns);
    pollfd fds[] = {{control_->read_fd(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    const timespec left = {static_cast<time_t>(wait_ns / 1'000'000'000), static_cast<long>(wait_ns % 1'000'000'000)};
    if (::ppoll(fds, 2, &left, nullptr) <= 0) continue;
    if (fds[1].revents != 0) return false;
    FEEDFARM_ASSIGN_OR_RETURN(const bool go_on, TakeCommands());
    if (!go_on) return false;
  }
}

absl::StatusOr<bool> Housekeeper::TakeCommands() {
  // What came before the socket's end is not done any more: there is nobody to tell.
  FEEDFARM_RETURN_IF_ERROR(control_->Read());
  while (auto line = control_->Next()) {
    if (!line->ok()) return line->status();
    if ((*line)->kind() == "stop") return false;
    FEEDFARM_ASSIGN_OR_RETURN(const CutCommand cut, CutCommand::FromLine(**line));
    cuts_.Add(cut);
  }
  FEEDFARM_RETURN_IF_ERROR(ArmCuts());
  return true;
}

absl::Status Housekeeper::ArmCuts() {
  while (const std::optional<CutCommand> cut = cuts_.Due(TaiNow())) {
    FEEDFARM_RETURN_IF_ERROR(mailbox_->Call({.kind = HotRequest::Kind::kCut, .cut = *cut}).status);
  }
  return absl::OkStatus();
}

absl::Status Housekeeper::Interval() {
  const HotAnswer& answer = mailbox_->Call({.kind = HotRequest::Kind::kExchange, .histograms = spare_});
  spare_ = answer.histograms;
  const IntervalRecord interval = telemetry_.TakeInterval(*spare_, answer.counters, UnixNow());
  StoreAccount(answer);
  // Events first: the agent puts them into the interval that follows.
  FEEDFARM_RETURN_IF_ERROR(SayEvents());
  return control_->Say(interval.ToLine());
}

void Housekeeper::StoreAccount(const HotAnswer& answer) {
  if (account_ == nullptr) return;
  const SourceCounters& source = answer.source;
  const PageFaults::Counts faults = faults_.Steady();
  HouseAccount house{.sampled_unix_ns = UnixNow(),
                     .ring_full = source.ring_full,
                     .fill_ring_empty = source.fill_ring_empty,
                     .invalid = source.invalid,
                     .no_socket = source.no_socket,
                     .no_metadata = source.no_metadata,
                     .receive_errors = source.receive_errors,
                     .pool_misses = source.pool_misses,
                     .pool_return_drops = source.pool_return_drops,
                     .minor_faults_steady = faults.minor,
                     .major_faults_steady = faults.major,
                     .hot_path_allocations = answer.allocations};
  for (size_t i = 0; i < kLines; ++i) house.cut_packets[i] = source.cut_packets[i];
  if (journal_ != nullptr) {
    const JournalStats stats = journal_->stats();
    house.journal_overrun_messages = std::max<uint64_t>(stats.overrun.messages, stats.overrun.happened ? 1 : 0);
    house.journal_errors = stats.snapshot_failures + (stats.status.ok() ? 0 : 1);
  }
  account_->Store(house);
}

absl::Status Housekeeper::SayEvents() {
  const uint64_t tai_now_ns = TaiNow();
  const uint64_t unix_now_ns = UnixNow();
  while (const auto event = events_->Pop()) {
    const EventRecord record{.kind = event->kind,
                             .time_unix_ns = unix_now_ns - (tai_now_ns - event->time_tai_ns),
                             .first_sequence = event->first_sequence,
                             .messages = event->messages,
                             .duration_ns = event->duration_ns,
                             .line = event->line == 0 ? "" : std::string(1, event->line)};
    FEEDFARM_RETURN_IF_ERROR(control_->Say(record.ToLine()));
  }
  return absl::OkStatus();
}

absl::Status Housekeeper::Final() {
  const PageFaults::Counts faults = faults_.Steady();
  const HotAnswer& answer = mailbox_->Call({.kind = HotRequest::Kind::kStop, .histograms = spare_});
  hot_stopped_ = true;
  spare_ = answer.histograms;
  // What the last part of an interval brought is in a last interval, so that intervals add up to the whole.
  const IntervalRecord interval = telemetry_.TakeInterval(*spare_, answer.counters, UnixNow());
  FEEDFARM_RETURN_IF_ERROR(SayEvents());
  FEEDFARM_RETURN_IF_ERROR(control_->Say(interval.ToLine()));
  telemetry_.Finish(*spare_, UnixNow());
  FinalRecord record = MakeFinal(answer.counters, answer.source, events_->lost());
  if (journal_ != nullptr) FinishJournal(*journal_, record);
  FinishTops(record);
  record.minor_faults_steady = faults.minor;
  record.major_faults_steady = faults.major;
  record.hot_path_allocations = answer.allocations;
  record.xdp_mode = options_.xdp_mode;
  record.bind_mode = options_.bind_mode;
  record.histograms = telemetry_.Totals();
  const RecordLine line = record.ToLine();
  const absl::Status written = WriteArtifacts(line);
  FEEDFARM_RETURN_IF_ERROR(control_->Say(line));
  return written;
}

// Best prices that came by a journal or a snapshot were no changes of this process: then there is nothing to compare.
void Housekeeper::FinishTops(FinalRecord& record) const {
  if (!books_->finish_tops) return;
  const TopHash tops = books_->finish_tops();
  if (record.journal_restored_messages != 0 || record.snapshots_loaded != 0) return;
  record.top_hash = tops.ToString();
  record.top_updates = tops.updates();
}

absl::Status Housekeeper::WriteArtifacts(const RecordLine& final) const {
  if (options_.artifacts.empty()) return absl::OkStatus();
  FEEDFARM_RETURN_IF_ERROR(WriteFile(absl::StrCat(options_.artifacts, "/latency.hlog"), telemetry_.latency_log()));
  return WriteFile(absl::StrCat(options_.artifacts, "/counters.json"), ToJson(final));
}

}  // namespace feedfarm
