#include "agent/handler/handler_role.h"

#include <glog/logging.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/files/file_digest.h"
#include "agent/files/file_tail.h"
#include "agent/handler/handler_flags.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// After kill_handler everything is recovered from the first message on.
constexpr uint64_t kFirstSequenceAfterKill = 1;
// Without anything to wait for, the thread still looks this often.
constexpr uint64_t kIdleNs = 1'000'000'000;
constexpr size_t kLogTailBytes = 600;

}  // namespace

HandlerRole::HandlerRole(Options options, RoleContext context)
    : options_(std::move(options)),
      context_(std::move(context)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      supervisor_(options_.supervision),
      log_path_(options_.folder + "/handler.log") {
  PCHECK(wake_.valid()) << "eventfd";
}

HandlerRole::~HandlerRole() { End(); }

void HandlerRole::Prepare(const v1::DesiredRun& run) {
  absl::MutexLock lock(&thread_mutex_);
  if (thread_.joinable()) return;
  run_ = run;
  Post({Wish::Kind::kPrepare});
  thread_ = std::thread([this] { Run(); });
}

void HandlerRole::Start(uint64_t start_unix_ns) { Post({Wish::Kind::kStart, start_unix_ns}); }

void HandlerRole::Stop() { Post({Wish::Kind::kStop}); }

void HandlerRole::End() {
  Post({Wish::Kind::kEnd});
  absl::MutexLock lock(&thread_mutex_);
  if (thread_.joinable()) thread_.join();
}

void HandlerRole::Describe(v1::ObservedRun* run) const {
  absl::MutexLock lock(&mutex_);
  run->MergeFrom(published_);
}

void HandlerRole::Post(Wish wish) {
  {
    absl::MutexLock lock(&mutex_);
    wishes_.push_back(wish);
  }
  const uint64_t one = 1;
  // Full only when it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

std::vector<HandlerRole::Wish> HandlerRole::TakeWishes() {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
  absl::MutexLock lock(&mutex_);
  return std::exchange(wishes_, {});
}

void HandlerRole::Run() {
  for (;;) {
    for (const Wish& wish : TakeWishes()) Grant(wish);
    if (ending_) break;
    Wait();
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

void HandlerRole::Wait() {
  pollfd fds[3] = {{wake_.get(), POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
  if (process_ != nullptr) {
    fds[1].fd = stream_broken_ || process_->closed() ? -1 : process_->control_fd();
    fds[2].fd = process_->exit_fd();
  }
  const uint64_t now_ns = MonotonicNow();
  const uint64_t next_ns = std::min(supervisor_.next_tick_ns(), now_ns + kIdleNs);
  const uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
  const timespec left = {static_cast<time_t>(left_ns / 1'000'000'000), static_cast<long>(left_ns % 1'000'000'000)};
  ::ppoll(fds, 3, &left, nullptr);
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
  left_ = ReadAccountPage(process_->account_fd());
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

void HandlerRole::Spawn(uint64_t first_sequence) {
  const int cpu = options_.cpu >= 0 ? options_.cpu : run_.cpu();
  HandlerProcess::Options options;
  options.path = options_.handler_path;
  options.arguments = HandlerFlags(run_, cpu, first_sequence, options_.folder);
  options.log_path = log_path_;
  context_.log->Write(absl::StrCat("starting ", options.path, " ", absl::StrJoin(options.arguments, " ")));
  spawned_unix_ns_ = UnixNow();
  absl::Status status = MakeGroup();
  if (status.ok()) {
    if (group_.has_value()) options.cgroup_fd = group_->fd();
    absl::StatusOr<std::unique_ptr<HandlerProcess>> spawned = HandlerProcess::Spawn(options);
    status = spawned.status();
    if (spawned.ok()) process_ = *std::move(spawned);
  }
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
  if (const std::optional<BuildStamp>& build = account_.build()) {
    v1::BuildFacts* const facts = run.mutable_handler_build();
    facts->set_commit(build->commit);
    facts->set_dirty(build->dirty);
    facts->set_compiler(build->compiler);
    facts->set_allocator(build->allocator);
  }
  run.set_messages(account_.messages());
  // Whole-run histograms are only worth their encoding at the end.
  if (whole) *run.mutable_handler_result() = account_.WholeResult();
  absl::MutexLock lock(&mutex_);
  run.set_handler_digest(published_.handler_digest());
  published_ = std::move(run);
}

}  // namespace feedfarm
