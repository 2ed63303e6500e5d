#include "agent/handler/handler_role.h"

#include <glog/logging.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/files/file_digest.h"
#include "agent/files/file_tail.h"
#include "agent/handler/handler_flags.h"
#include "agent/run/build_facts.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// After kill_handler everything is recovered from the first message on.
constexpr uint64_t kFirstSequenceAfterKill = 1;
constexpr size_t kLogTailBytes = 600;

// Memory for one AccountPage, of no file: the kernel never writes it back, so it costs the handler no page fault.
absl::StatusOr<ScopedFd> MakeAccount() {
  ScopedFd memory(::memfd_create("handler_account", MFD_CLOEXEC));
  if (!memory.valid()) return ErrnoStatus("memfd_create for a handler's account");
  if (::ftruncate(memory.get(), AccountPage::kBytes) != 0) return ErrnoStatus("ftruncate of a handler's account");
  return memory;
}

}  // namespace

HandlerRole::HandlerRole(Options options, RoleContext context)
    : options_(std::move(options)),
      context_(std::move(context)),
      supervisor_(options_.supervision),
      log_path_(options_.folder + "/handler.log") {}

HandlerRole::~HandlerRole() { End(); }

void HandlerRole::Prepare(const v1::DesiredRun& run) {
  absl::MutexLock lock(&thread_mutex_);
  if (thread_.joinable()) return;
  run_ = run;
  wishes_.Post({Wish::Kind::kPrepare});
  thread_ = std::thread([this] { Run(); });
}

void HandlerRole::Start(uint64_t start_unix_ns) { wishes_.Post({Wish::Kind::kStart, start_unix_ns}); }

void HandlerRole::Stop() { wishes_.Post({Wish::Kind::kStop}); }

void HandlerRole::End() {
  wishes_.Post({Wish::Kind::kEnd});
  absl::MutexLock lock(&thread_mutex_);
  if (thread_.joinable()) thread_.join();
}

void HandlerRole::Describe(v1::ObservedRun* run) const {
  absl::MutexLock lock(&mutex_);
  run->MergeFrom(published_);
}

void HandlerRole::Run() {
  for (;;) {
    for (const Wish& wish : wishes_.Take()) Grant(wish);
    if (ending_) break;
    AwaitChild(wishes_.fd(), process_.get(), stream_broken_, supervisor_.next_tick_ns());
    ReadLines();
    TakeExit();
    Step(handler_event::Tick{});
  }
  if (process_ != nullptr) {
    context_.log->Write("handler is ended with the run");
    Kill();
    process_.reset();
  }
  // Kills what the handler may have forked, waits, removes the group.
  group_.reset();
  FlushEvents();
  Publish();
}

void HandlerRole::Grant(const Wish& wish) {
  switch (wish.kind) {
    case Wish::Kind::kPrepare:
      NoteDigest();
      return Step(handler_event::Prepare{.late = run_.scenario().handler().start_after_ns() != 0,
                                         .one_generation = run_.scenario().traffic().has_synthetic()});
    case Wish::Kind::kStart: {
      start_unix_ns_ = wish.start_unix_ns;
      handler_event::Start start;
      const int64_t until_start_ns = static_cast<int64_t>(start_unix_ns_ - UnixNow());
      const int64_t late_ns = until_start_ns + static_cast<int64_t>(run_.scenario().handler().start_after_ns());
      start.spawn_at_ns = MonotonicNow() + static_cast<uint64_t>(std::max<int64_t>(late_ns, 0));
      for (uint64_t at_ns : KillsOf(run_.scenario())) {
        const int64_t in_ns = until_start_ns + static_cast<int64_t>(at_ns);
        start.kill_at_ns.push_back(MonotonicNow() + static_cast<uint64_t>(std::max<int64_t>(in_ns, 0)));
      }
      return Step(start);
    }
    case Wish::Kind::kStop:
      context_.log->Write("handler is told to stop");
      return Step(handler_event::Stop{});
    case Wish::Kind::kEnd:
      ending_ = true;
      return;
  }
}

void HandlerRole::ReadLines() {
  if (process_ == nullptr || stream_broken_) return;
  const absl::Status received = process_->Receive();
  while (!stream_broken_) {
    std::optional<absl::StatusOr<RecordLine>> line = process_->Next();
    if (!line.has_value()) break;
    if (line->ok()) {
      TakeLine(**line);
    } else {
      stream_broken_ = true;
      Step(handler_event::Garbage{line->status().ToString()});
    }
  }
  if (received.ok() || stream_broken_) return;
  stream_broken_ = true;
  Step(handler_event::Garbage{received.ToString()});
}

void HandlerRole::TakeLine(const RecordLine& line) {
  if (absl::Status status = TakeRecord(line); !status.ok()) {
    stream_broken_ = true;
    Step(handler_event::Garbage{status.ToString()});
  }
}

absl::Status HandlerRole::TakeRecord(const RecordLine& line) {
  if (line.kind() == "interval") {
    FEEDFARM_ASSIGN_OR_RETURN(const IntervalRecord record, IntervalRecord::FromLine(line));
    FEEDFARM_ASSIGN_OR_RETURN(v1::TelemetryInterval telemetry, account_.Take(record));
    context_.telemetry(std::move(telemetry));
    Publish();
    Step(handler_event::Interval{});
  } else if (line.kind() == "event") {
    FEEDFARM_ASSIGN_OR_RETURN(const EventRecord record, EventRecord::FromLine(line));
    account_.Take(record);
    StepFor(record.kind);
  } else if (line.kind() == "ready") {
    FEEDFARM_ASSIGN_OR_RETURN(const ReadyRecord record, ReadyRecord::FromLine(line));
    context_.log->Write(absl::StrCat("handler is ", line.Encode()));
    account_.Take(record);
    Publish();
    Step(handler_event::Ready{});
  } else if (line.kind() == "final") {
    FEEDFARM_ASSIGN_OR_RETURN(const FinalRecord record, FinalRecord::FromLine(line));
    FEEDFARM_RETURN_IF_ERROR(account_.Take(record));
    Step(handler_event::Final{});
  } else if (line.kind() == "error") {
    const std::string message(line.Find("message").value_or("no message"));
    context_.log->Write(absl::StrCat("handler's error: ", message));
    Step(handler_event::Error{message});
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown line '", line.kind(), "'"));
  }
  return absl::OkStatus();
}

void HandlerRole::StepFor(FeedEventKind kind) {
  switch (kind) {
    case FeedEventKind::kEndOfSession:
      return Step(handler_event::EndOfSession{});
    case FeedEventKind::kSessionChange:
    case FeedEventKind::kSessionRestart:
      return Step(handler_event::NewGeneration{});
    case FeedEventKind::kGap:
    case FeedEventKind::kRecovered:
    case FeedEventKind::kUnrecoverable:
    case FeedEventKind::kFailover:
    case FeedEventKind::kSnapshot:
      return;
  }
}

void HandlerRole::TakeExit() {
  if (process_ == nullptr) return;
  const std::optional<ProcessExit> exit = process_->TryReap();
  if (!exit.has_value()) return;
  // Its last words came before its end.
  ReadLines();
  left_ = ReadAccountPage(account_memory_.get());
  process_.reset();
  context_.log->Write(absl::StrCat("handler ended with ", exit->ToString()));
  Step(handler_event::Exited{exit->by_signal, exit->number, exit->ToString()});
}

void HandlerRole::Step(const HandlerEvent& event) {
  for (HandlerAction action : supervisor_.Step(event, MonotonicNow())) Do(action);
}

void HandlerRole::Do(HandlerAction action) {
  switch (action) {
    case HandlerAction::kSpawn:
      return Spawn(FirstSequence(run_));
    case HandlerAction::kSpawnAgain:
      if (!left_.ok()) context_.log->Write(left_.status().ToString());
      account_.BeginInstance({.left = left_,
                              .spawned_unix_ns = spawned_unix_ns_,
                              .killed_unix_ns = killed_unix_ns_,
                              .journal = !run_.scenario().handler().journal().empty()});
      return Spawn(kFirstSequenceAfterKill);
    case HandlerAction::kArmCuts:
      return ArmCuts();
    case HandlerAction::kSendStop:
      if (absl::Status sent = process_->Send(RecordLine("stop")); !sent.ok()) context_.log->Write(sent.ToString());
      return;
    case HandlerAction::kTerminate:
      context_.log->Write("handler gets SIGTERM");
      return process_->Signal(SIGTERM);
    case HandlerAction::kKill:
      context_.log->Write("handler is killed");
      killed_at_ns_ = MonotonicNow();
      killed_unix_ns_ = UnixNow();
      return Kill();
    case HandlerAction::kSayPrepared:
      return context_.sink(run_event::Prepared{});
    case HandlerAction::kSayStarted:
      return context_.sink(run_event::Started{});
    case HandlerAction::kSayRestarted:
      context_.log->Write("handler is back");
      return account_.TakeRestart(UnixNow(), MonotonicNow() - killed_at_ns_);
    case HandlerAction::kSayDone:
      return Finish(true);
    case HandlerAction::kSayFailed:
      return Finish(false);
  }
}

void HandlerRole::NoteDigest() {
  absl::StatusOr<std::string> digest = FileDigest(options_.handler_path);
  if (!digest.ok()) return context_.log->Write(digest.status().ToString());
  absl::MutexLock lock(&mutex_);
  published_.set_handler_digest(*std::move(digest));
}

absl::Status HandlerRole::MakeGroup() {
  if (group_.has_value()) return group_->Renew();
  FEEDFARM_ASSIGN_OR_RETURN(group_, options_.make_group());
  return absl::OkStatus();
}

absl::Status HandlerRole::SpawnChild(ChildProcess::Options options) {
  FEEDFARM_RETURN_IF_ERROR(MakeGroup());
  if (group_.has_value()) options.cgroup_fd = group_->fd();
  FEEDFARM_ASSIGN_OR_RETURN(account_memory_, MakeAccount());
  options.account_fd = account_memory_.get();
  FEEDFARM_ASSIGN_OR_RETURN(process_, ChildProcess::Spawn(options));
  return absl::OkStatus();
}

void HandlerRole::Spawn(uint64_t first_sequence) {
  const int cpu = options_.cpu >= 0 ? options_.cpu : run_.cpu();
  ChildProcess::Options options;
  options.path = options_.handler_path;
  options.arguments = HandlerFlags(run_, cpu, first_sequence, options_.folder);
  options.log_path = log_path_;
  context_.log->Write(absl::StrCat("starting ", options.path, " ", absl::StrJoin(options.arguments, " ")));
  spawned_unix_ns_ = UnixNow();
  const absl::Status status = SpawnChild(std::move(options));
  stream_broken_ = false;
  Publish();
  if (!status.ok()) Step(handler_event::SpawnFailed{std::string(status.message())});
}

void HandlerRole::ArmCuts() {
  const uint64_t now_tai_ns = TaiNow();
  const uint64_t tai_minus_unix_ns = now_tai_ns - UnixNow();
  for (const CutCommand& cut : CutsOf(run_.scenario(), start_unix_ns_, tai_minus_unix_ns, now_tai_ns)) {
    const RecordLine line = cut.ToLine();
    const absl::Status sent = process_->Send(line);
    context_.log->Write(absl::StrCat(line.Encode(), sent.ok() ? "" : " not armed: ", sent.message()));
  }
}

void HandlerRole::Kill() {
  if (process_ != nullptr) process_->Kill();
  if (!group_.has_value()) return;
  if (absl::Status killed = group_->Kill(); !killed.ok()) context_.log->Write(killed.ToString());
}

void HandlerRole::Finish(bool done) {
  FlushEvents();
  Publish();
  if (done) return context_.sink(run_event::RoleDone{});
  std::string failure = supervisor_.failure();
  if (supervisor_.cause() == v1::FAILURE_CAUSE_SUBJECT) {
    const std::string tail = FileTail(log_path_, kLogTailBytes);
    if (!tail.empty()) absl::StrAppend(&failure, "; its log ends: ", tail);
  }
  context_.log->Write(failure);
  context_.sink(run_event::RoleFailed{supervisor_.cause(), failure});
}

void HandlerRole::FlushEvents() {
  if (account_.has_unsent_events()) context_.telemetry(account_.TakeUnsentEvents(UnixNow()));
}

void HandlerRole::Publish() {
  const bool whole = ending_ || supervisor_.state() == HandlerSupervisor::State::kEnded;
  v1::ObservedRun run;
  if (account_.build().has_value()) *run.mutable_handler_build() = FactsOf(*account_.build());
  run.set_messages(account_.messages());
  // Whole-run histograms are only worth their encoding at the end.
  if (whole) *run.mutable_handler_result() = account_.WholeResult();
  absl::MutexLock lock(&mutex_);
  run.set_handler_digest(published_.handler_digest());
  published_ = std::move(run);
}

}  // namespace feedfarm
