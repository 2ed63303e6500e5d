#include "agent/source_role.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/traffic/session_name.h"
#include "pipeline/base/clock.h"

namespace feedfarm {
namespace {

v1::FailureCause CauseOf(const absl::Status& status) {
  // See TrafficSource::Create.
  return absl::IsNotFound(status) || absl::IsInvalidArgument(status) ? v1::FAILURE_CAUSE_BAD_INPUT
                                                                     : v1::FAILURE_CAUSE_HOST;
}

}  // namespace

SourceRole::SourceRole(Options options, RoleContext context)
    : options_(std::move(options)), context_(std::move(context)) {}

SourceRole::~SourceRole() { End(); }

void SourceRole::Prepare(const v1::DesiredRun& run) {
  absl::MutexLock lock(&thread_mutex_);
  if (thread_.joinable()) return;
  thread_ = std::thread([this, run] { Run(run); });
}

void SourceRole::Start(uint64_t start_unix_ns) {
  absl::MutexLock lock(&mutex_);
  if (traffic_ == nullptr || started_) return;
  context_.log->Write(absl::StrCat("traffic starts at ", start_unix_ns));
  traffic_->Start(start_unix_ns);
  started_ = true;
  context_.sink(run_event::Started{});
}

void SourceRole::Stop() {
  absl::MutexLock lock(&mutex_);
  context_.log->Write("traffic is told to stop");
  stopped_ = true;
  if (traffic_ != nullptr) traffic_->Stop();
}

void SourceRole::End() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
    if (traffic_ != nullptr) traffic_->Stop();
  }
  absl::MutexLock lock(&thread_mutex_);
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<std::unique_ptr<TrafficSource>> SourceRole::Make(const v1::DesiredRun& run) {
  TrafficSource::Options options;
  options.port_a = run.port_a();
  options.port_b = run.port_b();
  options.session = SessionName(options_.session_salt, run.run_id(), run.epoch());
  options.cpu = options_.cpu >= 0 ? options_.cpu : run.cpu();
  context_.log->Write(absl::StrCat("preparing the traffic of ", run.scenario().name(), " on ", options.port_a, " and ",
                                   options.port_b, ", session ", options.session));
  return options_.make(run.scenario(), run.seed(), std::move(options));
}

void SourceRole::Run(v1::DesiredRun run) {
  absl::StatusOr<std::unique_ptr<TrafficSource>> made = Make(run);
  if (!made.ok()) {
    context_.log->Write(absl::StrCat("no traffic: ", made.status().ToString()));
    context_.sink(run_event::RoleFailed{CauseOf(made.status()), std::string(made.status().message())});
    return;
  }
  TrafficSource* const traffic = made->get();
  {
    absl::MutexLock lock(&mutex_);
    rerequest_ = traffic->rerequest_endpoint();
    glimpse_ = traffic->glimpse_endpoint();
    result_ = traffic->Result();
    traffic_ = *std::move(made);
    if (stopped_) traffic_->Stop();
  }
  context_.log->Write(absl::StrCat("traffic is ready: ", traffic->Result().messages(), " messages"));
  context_.sink(run_event::Prepared{});
  Watch(traffic);
  std::unique_ptr<TrafficSource> ended;
  absl::MutexLock lock(&mutex_);
  result_ = traffic->Result();
  progress_ = traffic->Progress();
  ended = std::move(traffic_);
}

void SourceRole::Watch(TrafficSource* traffic) {
  uint64_t since_unix_ns = 0;
  bool done = false;
  for (;;) {
    bool started;
    {
      absl::MutexLock lock(&mutex_);
      const auto ended = [this] {
        mutex_.AssertReaderHeld();
        return ending_;
      };
      if (mutex_.AwaitWithTimeout(absl::Condition(&ended), options_.interval)) break;
      started = started_;
    }
    if (!started || done) continue;
    if (since_unix_ns == 0) since_unix_ns = UnixNow();
    // Asked before the interval is taken, so that the last one holds everything.
    done = traffic->Done();
    Say(traffic, &since_unix_ns);
    if (!done) continue;
    const v1::SourceResult result = traffic->Result();
    context_.log->Write(absl::StrCat("traffic is over: ", result.packets_a(), " packets on line A, ",
                                     result.packets_b(), " on line B, ", result.send_errors(), " send errors"));
    context_.sink(run_event::RoleDone{});
  }
  if (since_unix_ns != 0 && !done) Say(traffic, &since_unix_ns);
}

void SourceRole::Say(TrafficSource* traffic, uint64_t* since_unix_ns) {
  const uint64_t now_unix_ns = UnixNow();
  const TrafficProgress progress = traffic->Progress();
  v1::TelemetryInterval interval;
  interval.set_start_unix_ns(*since_unix_ns);
  interval.set_end_unix_ns(now_unix_ns);
  interval.set_messages(progress.messages);
  interval.set_packets_a(progress.packets_a);
  interval.set_packets_b(progress.packets_b);
  for (v1::Histogram& histogram : traffic->TakeInterval()) *interval.add_histograms() = std::move(histogram);
  context_.telemetry(std::move(interval));
  *since_unix_ns = now_unix_ns;
}

void SourceRole::Describe(v1::ObservedRun* run) const {
  absl::MutexLock lock(&mutex_);
  const TrafficProgress progress = traffic_ != nullptr ? traffic_->Progress() : progress_;
  *run->mutable_source_result() = traffic_ != nullptr ? traffic_->Result() : result_;
  *run->mutable_rerequest() = rerequest_;
  *run->mutable_glimpse() = glimpse_;
  run->set_messages(progress.messages);
  run->set_progress(progress.share);
}

}  // namespace feedfarm
