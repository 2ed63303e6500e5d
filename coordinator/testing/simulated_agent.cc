#include "coordinator/testing/simulated_agent.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"
#include "proto/role_name.h"

namespace feedfarm {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kIntervalNs = 250 * kMs;

// 10 samples of 1 us.
const std::string& OneInterval() {
  static const std::string* encoded = [] {
    Histogram histogram;
    histogram.RecordCount(1000, 10);
    return new std::string(EncodeHdrV2Compressed(histogram));
  }();
  return *encoded;
}

v1::ProfileResult ProfileResultOf(const v1::DesiredRun& desired, uint64_t events) {
  v1::ProfileResult result;
  result.set_profile(desired.scenario().profile().name());
  result.set_status("ok");
  v1::ProfileValue* value = result.add_values();
  value->set_name("events");
  value->set_value(absl::StrCat(events));
  value = result.add_values();
  value->set_name("missing");
  value->set_value(absl::StrCat(SimulatedAgent::Messages(desired.seed()) - events));
  return result;
}

// Two pairs of wires that every host is plugged into.
constexpr const char* kLinks[] = {"line-a", "line-b", "line-c", "line-d"};

std::string PortOn(const char* link) { return absl::StrCat("port-", link); }

}  // namespace

SimulatedAgent::SimulatedAgent(std::string host, uint64_t seed, AgentTroubles troubles)
    : host_(std::move(host)), troubles_(troubles), rng_(seed) {
  Start();
}

void SimulatedAgent::Crash() {
  alive_ = false;
  for (auto& [id, run] : runs_) {
    // The journal is undone at the start; the run is told of once more.
    if (!Ended(run)) {
      run.state = v1::AGENT_RUN_STATE_FAILED;
      run.cause = v1::FAILURE_CAUSE_AGENT_RESTART;
      run.failure = "the agent was restarted";
    }
    run.undone = true;
    run.stopping = run.tearing_down = run.reported = false;
    run.step_ends_ns = 0;
  }
}

void SimulatedAgent::Start() {
  alive_ = true;
  instance_ = absl::StrCat(host_, "-", rng_.Next());
  // The folder of a run may be gone as well.
  for (auto at = runs_.begin(); at != runs_.end();) at = rng_.Below(4) == 0 ? runs_.erase(at) : std::next(at);
}

uint64_t SimulatedAgent::TrafficNs(uint64_t seed) { return (500 + Rng(seed).Below(1500)) * kMs; }

bool SimulatedAgent::Holds() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const auto& run) { return !run.second.undone; });
}

void SimulatedAgent::Fail(Run* run, v1::FailureCause cause, std::string failure) {
  if (Ended(*run)) return;
  run->state = v1::AGENT_RUN_STATE_FAILED;
  run->cause = cause;
  run->failure = std::move(failure);
}

void SimulatedAgent::TearDown(Run* run, const char* why, v1::FailureCause cause, uint64_t now_ns) {
  if (run->tearing_down) return;
  Fail(run, cause, why);
  run->tearing_down = true;
  run->step_ends_ns = now_ns + (50 + rng_.Below(200)) * kMs;
}

void SimulatedAgent::OnDesired(const v1::DesiredState& desired, uint64_t now_ns) {
  std::set<std::string> named;
  for (const v1::DesiredRun& run : desired.runs()) {
    named.insert(run.run_id());
    Take(run, now_ns);
  }
  for (auto at = runs_.begin(); at != runs_.end();) {
    if (named.count(at->first) > 0) {
      ++at;
    } else if (at->second.undone) {
      at = runs_.erase(at);
    } else {
      TearDown(&at->second, "no longer wanted", v1::FAILURE_CAUSE_UNSPECIFIED, now_ns);
      ++at;
    }
  }
}

void SimulatedAgent::Take(const v1::DesiredRun& desired, uint64_t now_ns) {
  const auto known = runs_.find(desired.run_id());
  if (known != runs_.end()) {
    Run& run = known->second;
    if (run.desired.epoch() != desired.epoch() || now_ns >= run.lease_until_ns) return;
    run.lease_until_ns = now_ns + desired.lease_remaining_ns();
    run.desired = desired;
    if (desired.phase() == v1::DESIRED_PHASE_TEAR_DOWN) {
      TearDown(&run, "torn down", v1::FAILURE_CAUSE_UNSPECIFIED, now_ns);
    } else if (desired.phase() == v1::DESIRED_PHASE_STOP && !Ended(run) && !run.stopping) {
      run.stopping = true;
      run.step_ends_ns = now_ns + 50 * kMs;
    }
    return;
  }
  if (desired.epoch() < epoch_seen_ || (desired.epoch() == epoch_seen_ && desired.run_id() != epoch_run_)) {
    violations_.push_back(
        absl::StrCat(host_, ": ", desired.run_id(), " came with epoch ", desired.epoch(), " after ", epoch_seen_));
    return;
  }
  for (auto& [id, other] : runs_) {
    if (other.undone) continue;
    if (other.reported && now_ns < other.lease_until_ns && !other.tearing_down) {
      violations_.push_back(absl::StrCat(host_, ": given to ", desired.run_id(), " while ", id, " holds it"));
    }
    TearDown(&other, "overtaken", v1::FAILURE_CAUSE_LEASE, now_ns);
  }
  epoch_seen_ = desired.epoch();
  epoch_run_ = desired.run_id();
  if (desired.phase() == v1::DESIRED_PHASE_TEAR_DOWN) return;
  Run run;
  run.desired = desired;
  run.lease_until_ns = now_ns + desired.lease_remaining_ns();
  run.hangs = rng_.Uniform() < troubles_.hang;
  const bool subject = desired.role() != v1::ROLE_SOURCE;
  run.crashes = subject && rng_.Uniform() < troubles_.subject_crash;
  run.lossy = subject && rng_.Uniform() < troubles_.lost_message;
  if (rng_.Uniform() < troubles_.residue) run.residue.push_back("a filter stayed on port0");
  if (rng_.Uniform() < troubles_.host_failure) Fail(&run, v1::FAILURE_CAUSE_HOST, "no such interface port0");
  run.step_ends_ns = now_ns + (20 + rng_.Below(300)) * kMs;
  runs_[desired.run_id()] = std::move(run);
}

void SimulatedAgent::Tick(uint64_t now_ns, uint64_t unix_ns) {
  for (auto& [id, run] : runs_) {
    TickRun(&run, now_ns, unix_ns);
    if (run.state == v1::AGENT_RUN_STATE_DONE && !run.lossy) clean_[id] = run.telemetry_made;
  }
}

void SimulatedAgent::TickRun(Run* run, uint64_t now_ns, uint64_t unix_ns) {
  if (!run->undone && now_ns >= run->lease_until_ns) {
    TearDown(run, "the lease ran out", v1::FAILURE_CAUSE_LEASE, now_ns);
  }
  const bool step_over = run->step_ends_ns != 0 && now_ns >= run->step_ends_ns;
  if (run->tearing_down) {
    if (step_over) run->undone = true;
    return;
  }
  if (Ended(*run) || run->hangs) return;
  if (run->stopping) {
    if (!step_over) return;
    if (run->desired.start_unix_ns() == 0) return Fail(run, v1::FAILURE_CAUSE_UNSPECIFIED, "stopped before its start");
    run->state = v1::AGENT_RUN_STATE_DONE;
    return;
  }
  const bool source_known = run->desired.role() != v1::ROLE_HANDLER || run->desired.has_rerequest();
  if (run->state == v1::AGENT_RUN_STATE_PREPARING && step_over && source_known && !run->undone) {
    run->state = v1::AGENT_RUN_STATE_READY;
  }
  if (run->desired.phase() == v1::DESIRED_PHASE_RUN) TickTraffic(run, now_ns, unix_ns);
}

void SimulatedAgent::TickTraffic(Run* run, uint64_t now_ns, uint64_t unix_ns) {
  const uint64_t start = run->desired.start_unix_ns();
  if (run->state < v1::AGENT_RUN_STATE_READY || unix_ns < start) return;
  run->state = v1::AGENT_RUN_STATE_RUNNING;
  const uint64_t length = TrafficNs(run->desired.seed());
  const uint64_t passed = unix_ns - start;
  const uint64_t messages = Messages(run->desired.seed()) - (run->lossy ? 1 : 0);
  run->messages = std::min(messages, messages * std::min(passed, length) / length);
  if (now_ns >= run->next_interval_ns && run->desired.role() != v1::ROLE_PROFILE) {
    run->next_interval_ns = now_ns + kIntervalNs;
    ++run->telemetry_made;
  }
  if (run->crashes && passed > length / 2)
    return Fail(run, v1::FAILURE_CAUSE_SUBJECT, "killed by signal 11");
  // Half of the handlers know the end by themselves; the others wait for STOP.
  const bool ends_alone = run->desired.role() != v1::ROLE_HANDLER || run->desired.seed() % 2 == 0;
  if (passed > length && ends_alone) run->state = v1::AGENT_RUN_STATE_DONE;
}

void SimulatedAgent::FillTrial(const Run& run, v1::ObservedRun* observed) const {
  const v1::Traffic& traffic = run.desired.scenario().traffic();
  const uint64_t packets = traffic.synthetic().messages() / std::max(1u, traffic.synthetic().messages_per_packet());
  if (run.desired.role() == v1::ROLE_SOURCE) {
    observed->mutable_source_result()->set_messages(traffic.synthetic().messages());
    observed->mutable_source_result()->set_data_packets_a(packets);
    observed->mutable_source_result()->set_data_packets_b(packets);
    return;
  }
  const double carried = std::min(1.0, capacity_pps_ / traffic.rate_pps());
  const double messages = carried * static_cast<double>(traffic.synthetic().messages());
  observed->mutable_handler_result()->set_messages(static_cast<uint64_t>(messages));
  for (const char* name : {"A", "B"}) {
    v1::LineResult* line = observed->mutable_handler_result()->add_lines();
    line->set_line(name);
    line->set_packets(static_cast<uint64_t>(carried * static_cast<double>(packets)));
  }
}

std::map<std::string, std::string> SimulatedAgent::LinksInUse() const {
  std::map<std::string, std::string> used;
  if (!alive_) return used;
  for (const auto& [id, run] : runs_) {
    if (run.undone || run.tearing_down) continue;
    for (const char* link : kLinks) {
      if (run.desired.port_a() == PortOn(link) || run.desired.port_b() == PortOn(link)) used[link] = id;
    }
  }
  return used;
}

v1::AgentState SimulatedAgent::State() const {
  v1::AgentState state;
  state.set_host(host_);
  state.set_instance_id(instance_);
  state.set_epoch_seen(epoch_seen_);
  state.set_version("simulated");
  v1::HostFacts* facts = state.mutable_facts();
  facts->set_name(host_);
  facts->set_cpus(4);
  for (const char* link : kLinks) {
    v1::PortFacts* port = facts->add_ports();
    port->set_name(PortOn(link));
    port->set_link(link);
    port->set_driver("veth");
    port->set_carrier(true);
  }
  for (const auto& [id, run] : runs_) {
    v1::ObservedRun* observed = state.add_runs();
    observed->set_run_id(id);
    observed->set_epoch(run.desired.epoch());
    observed->set_role(run.desired.role());
    observed->set_state(run.tearing_down && run.undone ? v1::AGENT_RUN_STATE_TORN_DOWN : run.state);
    observed->set_failure_cause(run.cause);
    observed->set_failure(run.failure);
    observed->set_telemetry_sequence_last(run.telemetry_made);
    observed->set_artifacts_uploaded(run.uploaded);
    observed->set_messages(run.messages);
    if (run.undone) {
      for (const std::string& left : run.residue) observed->add_residue(left);
    }
    if (run.desired.role() == v1::ROLE_SOURCE && run.state >= v1::AGENT_RUN_STATE_READY) {
      observed->mutable_rerequest()->set_address("10.0.0.1");
      observed->mutable_rerequest()->set_port(26490);
    }
    // One that is stopped has no result.
    const bool whole = run.messages >= Messages(run.desired.seed()) - (run.lossy ? 1 : 0);
    if (run.desired.role() == v1::ROLE_PROFILE) {
      if (whole) *observed->mutable_profile_result() = ProfileResultOf(run.desired, run.messages);
      continue;
    }
    if (run.state != v1::AGENT_RUN_STATE_DONE) continue;
    const uint64_t sent = Messages(run.desired.seed());
    if (run.desired.role() == v1::ROLE_SOURCE) {
      observed->mutable_source_result()->set_messages(sent);
      observed->mutable_source_result()->set_reference_hash(absl::StrCat(absl::Hex(sent, absl::kZeroPad16)));
      observed->mutable_source_result()->set_reference_state_hash(absl::StrCat(absl::Hex(sent, absl::kZeroPad16)));
    } else {
      const uint64_t delivered = sent - (run.lossy ? 1 : 0);
      observed->mutable_handler_result()->set_messages(delivered);
      observed->mutable_handler_result()->set_stream_hash(absl::StrCat(absl::Hex(delivered, absl::kZeroPad16)));
      observed->mutable_handler_result()->set_state_hash(absl::StrCat(absl::Hex(delivered, absl::kZeroPad16)));
    }
    if (capacity_pps_ > 0) FillTrial(run, observed);
  }
  return state;
}

std::vector<v1::TelemetryInterval> SimulatedAgent::Unacknowledged(size_t limit) const {
  std::vector<v1::TelemetryInterval> intervals;
  for (const auto& [id, run] : runs_) {
    for (uint64_t s = run.telemetry_acked + 1; s <= run.telemetry_made && s <= run.telemetry_acked + limit; ++s) {
      v1::TelemetryInterval& interval = intervals.emplace_back();
      interval.set_run_id(id);
      interval.set_epoch(run.desired.epoch());
      interval.set_role(run.desired.role());
      interval.set_sequence(s);
      v1::Histogram* histogram = interval.add_histograms();
      histogram->set_metric(run.desired.role() == v1::ROLE_SOURCE ? v1::LATENCY_METRIC_SEND
                                                                  : v1::LATENCY_METRIC_DECODE);
      histogram->set_timestamp_class(v1::TIMESTAMP_CLASS_SOFTWARE);
      histogram->set_hdr_v2_compressed(OneInterval());
      histogram->set_count(10);
    }
  }
  return intervals;
}

void SimulatedAgent::Acknowledged(const v1::TelemetryAck& ack) {
  const auto at = runs_.find(ack.run_id());
  if (at == runs_.end()) return;
  Run& run = at->second;
  run.telemetry_acked = std::max(run.telemetry_acked, std::min(ack.sequence(), run.telemetry_made));
}

std::vector<v1::ArtifactChunk> SimulatedAgent::Uploads() const {
  std::vector<v1::ArtifactChunk> uploads;
  if (troubles_.refused_upload > 0) return uploads;
  for (const auto& [id, run] : runs_) {
    if (!Ended(run) || run.uploaded) continue;
    v1::ArtifactChunk& chunk = uploads.emplace_back();
    chunk.set_run_id(id);
    chunk.set_epoch(run.desired.epoch());
    chunk.set_role(run.desired.role());
    chunk.set_name(absl::StrCat("agent-", RoleName(run.desired.role()), ".log"));
    chunk.set_content(absl::StrCat("log of ", id));
  }
  return uploads;
}

void SimulatedAgent::Uploaded(const std::string& run_id) {
  if (const auto at = runs_.find(run_id); at != runs_.end()) at->second.uploaded = true;
}

void SimulatedAgent::Reported() {
  for (auto& [id, run] : runs_) run.reported = true;
}

}  // namespace feedfarm
