#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/run/run_work.h"

namespace feedfarm::testing {

// What was asked of the works, in order: "r1/1 prepare". Shared by all works of one agent's life.
struct FakeHost {
  std::vector<std::string> calls;
  // Works that were prepared and not undone, by key: what would be left on a real host.
  std::map<RunKey, v1::DesiredRun> holding;
  bool collected = true;
};

inline std::string KeyName(const RunKey& key) { return key.run_id + "/" + std::to_string(key.role); }

// Notes what is asked and answers nothing by itself: the test gives the answers.
class FakeRunWork final : public RunWork {
 public:
  FakeRunWork(RunKey key, FakeHost* host) : key_(std::move(key)), host_(host) {}

  void Prepare(const v1::DesiredRun& run) override {
    Note("prepare");
    host_->holding[key_] = run;
  }
  void Start(uint64_t) override { Note("start"); }
  void Stop() override { Note("stop"); }
  void Upload() override { Note("upload"); }
  void Undo() override { Note("undo"); }
  void Forget() override { Note("forget"); }
  void TelemetryAcked(uint64_t) override {}
  bool TelemetryCollected() const override { return host_->collected; }
  void Describe(v1::ObservedRun* run) const override { run->set_messages(1); }

 private:
  void Note(const std::string& call) { host_->calls.push_back(KeyName(key_) + " " + call); }

  RunKey key_;
  FakeHost* host_;
};

class FakeRunWorkFactory final : public RunWorkFactory {
 public:
  explicit FakeRunWorkFactory(FakeHost* host) : host_(host) {}

  absl::StatusOr<std::unique_ptr<RunWork>> Create(const v1::DesiredRun& run, RunEventSink) override {
    if (!error.ok()) return error;
    host_->calls.push_back(KeyName({run.run_id(), run.role()}) + " create");
    return std::make_unique<FakeRunWork>(RunKey{run.run_id(), run.role()}, host_);
  }

  absl::Status error;

 private:
  FakeHost* host_;
};

}  // namespace feedfarm::testing
