#include "agent/agent_loop.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

constexpr uint64_t kHeartbeatShortestNs = 50'000'000;
constexpr uint64_t kHeartbeatLongestNs = 5'000'000'000;

// What of a state is worth saying at once; live numbers go with the heartbeat.
std::string Outline(const v1::AgentState& state) {
  std::string outline = absl::StrCat(state.epoch_seen(), " ", state.unfit_reasons_size());
  for (const v1::ObservedRun& run : state.runs()) {
    absl::StrAppend(&outline, "|", run.run_id(), " ", run.role(), " ", run.epoch(), " ", run.state(), " ",
                    run.artifacts_uploaded(), " ", run.residue_size(), " ", run.rerequest().port(), " ",
                    run.glimpse().port());
  }
  return outline;
}

}  // namespace

void AgentLoop::Post(Task task) {
  absl::MutexLock lock(&mutex_);
  tasks_.push_back(std::move(task));
}

RunEventSink AgentLoop::sink() {
  return [this](const RunKey& key, RunEvent event) {
    Post([key, event = std::move(event)](AgentCore* core, uint64_t now_ns) { core->OnRunEvent(key, event, now_ns); });
  };
}

void AgentLoop::PostDesired(v1::DesiredState desired) {
  // The lease's time counts from receipt.
  const uint64_t received_ns = clock_->Monotonic();
  Post([this, received_ns, desired = std::move(desired)](AgentCore* core, uint64_t) {
    if (desired.heartbeat_interval_ns() != 0) {
      heartbeat_interval_ns_ = std::clamp(desired.heartbeat_interval_ns(), kHeartbeatShortestNs, kHeartbeatLongestNs);
    }
    core->OnDesired(desired, received_ns);
  });
}

void AgentLoop::PostRefused(absl::Status status) {
  Post([this, status = std::move(status)](AgentCore* core, uint64_t now_ns) {
    LOG(ERROR) << "the coordinator refuses this agent: " << status;
    refusal_ = status;
    BeginEnd(End::kRefused, core, now_ns);
  });
}

void AgentLoop::PostShutdown() {
  Post([this](AgentCore* core, uint64_t now_ns) {
    LOG(INFO) << "stopping: every run is undone";
    BeginEnd(End::kShutdown, core, now_ns);
  });
}

void AgentLoop::BeginEnd(End end, AgentCore* core, uint64_t now_ns) {
  if (ending_) return;
  ending_ = true;
  end_ = end;
  end_until_ns_ = now_ns + options_.shutdown_longest_ns;
  core->Shutdown(now_ns);
}

std::vector<AgentLoop::Task> AgentLoop::TakeTasks() {
  const auto posted = [this] {
    mutex_.AssertReaderHeld();
    return !tasks_.empty();
  };
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&posted), options_.tick);
  return std::exchange(tasks_, {});
}

void AgentLoop::Publish(const AgentCore& core, uint64_t now_ns, const Publisher& publish) {
  v1::AgentState state = core.State(clock_->Unix());
  std::string outline = Outline(state);
  if (outline == published_ && now_ns - published_at_ns_ < heartbeat_interval_ns_) return;
  published_ = std::move(outline);
  published_at_ns_ = now_ns;
  publish(std::move(state));
}

AgentLoop::End AgentLoop::Run(AgentCore* core, const Publisher& publish) {
  heartbeat_interval_ns_ = options_.heartbeat_interval_ns;
  probed_at_ns_ = clock_->Monotonic();
  for (;;) {
    for (const Task& task : TakeTasks()) task(core, clock_->Monotonic());
    const uint64_t now_ns = clock_->Monotonic();
    core->Tick(now_ns);
    if (options_.probe && core->idle() && now_ns - probed_at_ns_ >= options_.probe_interval_ns) {
      options_.probe(core);
      probed_at_ns_ = now_ns;
    }
    Publish(*core, now_ns, publish);
    if (!ending_) continue;
    if (core->idle()) return end_;
    if (now_ns >= end_until_ns_) return End::kNotUndone;
  }
}

}  // namespace feedfarm
