#include "agent/profile/profile_role.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/files/file_digest.h"
#include "agent/files/file_tail.h"
#include "agent/run/build_facts.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/control/build_fields.h"

namespace feedfarm {
namespace {

constexpr size_t kLogTailBytes = 600;

std::vector<std::string> ArgumentsOf(const v1::DesiredRun& run, const std::string& folder) {
  std::vector<std::string> words = {run.scenario().profile().name()};
  for (const v1::ProfileArgument& argument : run.scenario().profile().arguments()) words.push_back(argument.value());
  for (const std::string& word : {std::string("--seed"), absl::StrCat(run.seed()), std::string("--out"), folder}) {
    words.push_back(word);
  }
  return words;
}

// A value may be any bytes; a protobuf's text is UTF-8.
std::string Plain(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return !absl::ascii_isprint(c); }, '?');
  return text;
}

v1::ProfileResult ResultOf(const RecordLine& line) {
  v1::ProfileResult result;
  for (const auto& [key, raw] : line.fields()) {
    if (key == "schema") continue;
    const std::string value = Plain(raw);
    if (key == "profile") {
      result.set_profile(value);
    } else if (key == "status") {
      result.set_status(value);
    } else if (key == "reasons") {
      result.set_reasons(value);
    } else {
      v1::ProfileValue* to = result.add_values();
      to->set_name(key);
      to->set_value(value);
    }
  }
  return result;
}

}  // namespace

ProfileRole::ProfileRole(Options options, RoleContext context)
    : options_(std::move(options)), context_(std::move(context)), log_path_(options_.folder + "/profile.log") {}

ProfileRole::~ProfileRole() { End(); }

void ProfileRole::Prepare(const v1::DesiredRun& run) {
  absl::MutexLock lock(&thread_mutex_);
  if (thread_.joinable()) return;
  run_ = run;
  wishes_.Post(profile_event::Prepare{});
  thread_ = std::thread([this] { Run(); });
}

void ProfileRole::Start(uint64_t start_unix_ns) {
  const auto in_ns = static_cast<int64_t>(start_unix_ns - UnixNow());
  wishes_.Post(profile_event::Start{MonotonicNow() + static_cast<uint64_t>(std::max<int64_t>(in_ns, 0))});
}

void ProfileRole::Stop() { wishes_.Post(profile_event::Stop{}); }

void ProfileRole::End() {
  wishes_.Post(std::nullopt);
  absl::MutexLock lock(&thread_mutex_);
  if (thread_.joinable()) thread_.join();
}

void ProfileRole::Describe(v1::ObservedRun* run) const {
  absl::MutexLock lock(&mutex_);
  run->MergeFrom(published_);
}

void ProfileRole::Run() {
  NoteDigest();
  for (bool ending = false; !ending;) {
    for (const Wish& wish : wishes_.Take()) {
      ending |= !wish.has_value();
      if (wish.has_value()) Step(*wish);
    }
    if (ending) break;
    AwaitChild(wishes_.fd(), process_.get(), stream_broken_, supervisor_.next_tick_ns());
    ReadLines();
    TakeExit();
    Step(profile_event::Tick{});
  }
  if (process_ != nullptr) {
    context_.log->Write("profile is ended with the run");
    Kill();
    process_.reset();
  }
  // Kills what the profile may have forked, waits, removes the group.
  group_.reset();
}

void ProfileRole::ReadLines() {
  if (process_ == nullptr || stream_broken_) return;
  absl::Status status = process_->Receive();
  for (auto line = process_->Next(); line.has_value(); line = process_->Next()) {
    if (line->ok()) {
      TakeLine(**line);
    } else {
      status = line->status();
      break;
    }
  }
  if (status.ok()) return;
  stream_broken_ = true;
  Step(profile_event::Garbage{std::string(status.message())});
}

void ProfileRole::TakeLine(const RecordLine& line) {
  if (line.kind() == "profile") {
    context_.log->Write(absl::StrCat("result: ", line.Encode()));
    {
      absl::MutexLock lock(&mutex_);
      *published_.mutable_profile_result() = ResultOf(line);
    }
    Step(profile_event::Result{});
  } else if (line.kind() == "ready") {
    context_.log->Write(absl::StrCat("profile is ", line.Encode()));
    absl::MutexLock lock(&mutex_);
    *published_.mutable_handler_build() = FactsOf(BuildOf(line));
  } else if (line.kind() == "error") {
    Step(profile_event::Error{std::string(line.Find("message").value_or("no message"))});
  } else {
    Step(profile_event::Garbage{absl::StrCat("unknown line '", line.kind(), "'")});
  }
}

void ProfileRole::TakeExit() {
  if (process_ == nullptr) return;
  const std::optional<ProcessExit> exit = process_->TryReap();
  if (!exit.has_value()) return;
  // Its last words came before its end.
  ReadLines();
  process_.reset();
  context_.log->Write(absl::StrCat("profile ended with ", exit->ToString()));
  Step(profile_event::Exited{exit->by_signal, exit->number, exit->ToString()});
}

void ProfileRole::Step(const ProfileEvent& event) {
  for (const ProfileAction action : supervisor_.Step(event, MonotonicNow())) Do(action);
}

void ProfileRole::Do(ProfileAction action) {
  switch (action) {
    case ProfileAction::kSpawn:
      if (const absl::Status spawned = Spawn(); !spawned.ok()) {
        Step(profile_event::SpawnFailed{std::string(spawned.message())});
      }
      return;
    case ProfileAction::kKill:
      context_.log->Write(absl::StrCat("profile is killed: ", supervisor_.failure()));
      return Kill();
    case ProfileAction::kSayPrepared:
      return context_.sink(run_event::Prepared{});
    case ProfileAction::kSayStarted:
      return context_.sink(run_event::Started{});
    case ProfileAction::kSayDone:
      return context_.sink(run_event::RoleDone{});
    case ProfileAction::kSayFailed:
      return SayFailed();
  }
}

void ProfileRole::NoteDigest() {
  absl::StatusOr<std::string> digest = FileDigest(options_.profile_path);
  if (!digest.ok()) return context_.log->Write(digest.status().ToString());
  absl::MutexLock lock(&mutex_);
  published_.set_handler_digest(*std::move(digest));
}

absl::Status ProfileRole::Spawn() {
  ChildProcess::Options options;
  options.path = options_.profile_path;
  options.arguments = ArgumentsOf(run_, options_.folder);
  options.log_path = log_path_;
  context_.log->Write(absl::StrCat("starting ", options.path, " ", absl::StrJoin(options.arguments, " ")));
  FEEDFARM_ASSIGN_OR_RETURN(group_, options_.make_group());
  if (group_.has_value()) options.cgroup_fd = group_->fd();
  FEEDFARM_ASSIGN_OR_RETURN(process_, ChildProcess::Spawn(options));
  return absl::OkStatus();
}

void ProfileRole::Kill() {
  if (process_ != nullptr) process_->Kill();
  if (!group_.has_value()) return;
  if (const absl::Status killed = group_->Kill(); !killed.ok()) context_.log->Write(killed.ToString());
}

void ProfileRole::SayFailed() {
  std::string failure = supervisor_.failure();
  if (supervisor_.cause() == v1::FAILURE_CAUSE_SUBJECT) {
    const std::string tail = FileTail(log_path_, kLogTailBytes);
    if (!tail.empty()) absl::StrAppend(&failure, "; its log ends: ", tail);
  }
  context_.log->Write(failure);
  context_.sink(run_event::RoleFailed{supervisor_.cause(), failure});
}

}  // namespace feedfarm
