#include "coordinator/testing/connected_agent.h"

#include "absl/time/clock.h"
#include "pipeline/base/clock.h"

namespace feedfarm {
namespace {

constexpr absl::Duration kStep = absl::Milliseconds(25);
constexpr size_t kIntervalsAtOnce = 100;

}  // namespace

ConnectedAgent::ConnectedAgent(const std::string& address, const std::string& host, uint64_t seed, AgentTroubles troubles)
    : stub_(v1::AgentService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))),
      agent_(host, seed, troubles),
      thread_([this] { Run(); }) {}

ConnectedAgent::~ConnectedAgent() {
  stopping_ = true;
  thread_.join();
}

grpc::Status ConnectedAgent::last_status() {
  absl::MutexLock lock(&mutex_);
  return last_status_;
}

std::vector<std::string> ConnectedAgent::violations() {
  absl::MutexLock lock(&mutex_);
  return agent_.violations();
}

void ConnectedAgent::Run() {
  while (!stopping_) {
    Connect();
    absl::SleepFor(kStep);
  }
}

void ConnectedAgent::Connect() {
  grpc::ClientContext context;
  const auto stream = stub_->Synchronize(&context);
  std::thread reader([&] {
    v1::DesiredState desired;
    while (stream->Read(&desired)) {
      absl::MutexLock lock(&mutex_);
      agent_.OnDesired(desired, MonotonicNow());
    }
  });
  for (;;) {
    v1::AgentState state;
    {
      absl::MutexLock lock(&mutex_);
      agent_.Tick(MonotonicNow(), UnixNow());
      state = agent_.State();
    }
    if (stopping_ || !stream->Write(state)) break;
    Transfer();
    absl::SleepFor(kStep);
  }
  if (stopping_) context.TryCancel();
  reader.join();
  const grpc::Status status = stream->Finish();
  absl::MutexLock lock(&mutex_);
  last_status_ = status;
}

void ConnectedAgent::Transfer() {
  std::vector<v1::TelemetryInterval> intervals;
  std::vector<v1::ArtifactChunk> uploads;
  {
    absl::MutexLock lock(&mutex_);
    intervals = agent_.Unacknowledged(kIntervalsAtOnce);
    uploads = agent_.Uploads();
  }
  if (!intervals.empty()) {
    grpc::ClientContext context;
    const auto stream = stub_->StreamTelemetry(&context);
    v1::TelemetryAck ack;
    for (const v1::TelemetryInterval& interval : intervals) {
      if (!stream->Write(interval) || !stream->Read(&ack)) break;
      absl::MutexLock lock(&mutex_);
      agent_.Acknowledged(ack);
    }
    stream->WritesDone();
    stream->Finish();
  }
  for (const v1::ArtifactChunk& chunk : uploads) {
    grpc::ClientContext context;
    v1::ArtifactReceipt receipt;
    const auto writer = stub_->UploadArtifact(&context, &receipt);
    writer->Write(chunk);
    writer->WritesDone();
    if (!writer->Finish().ok()) continue;
    absl::MutexLock lock(&mutex_);
    agent_.Uploaded(chunk.run_id());
  }
}

}  // namespace feedfarm
