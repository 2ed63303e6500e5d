#include "agent/testing/fake_coordinator.h"

#include <glog/logging.h>

#include <chrono>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/files/file_digest.h"

namespace feedfarm::testing {
namespace {

// A test that waits this long has failed.
constexpr absl::Duration kPatience = absl::Seconds(30);

}  // namespace

FakeCoordinator::FakeCoordinator() { Start(); }

FakeCoordinator::~FakeCoordinator() { Stop(); }

void FakeCoordinator::Start() {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(target(), grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  CHECK(server_ != nullptr) << "no port " << port_;
  port_ = port;
}

void FakeCoordinator::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

std::string FakeCoordinator::target() const { return absl::StrCat("127.0.0.1:", port_); }

void FakeCoordinator::Want(v1::DesiredState desired) {
  absl::MutexLock lock(&mutex_);
  desired_ = std::move(desired);
}

void FakeCoordinator::RefuseWith(grpc::Status status) {
  absl::MutexLock lock(&mutex_);
  refusal_ = std::move(status);
}

void FakeCoordinator::BeSilent(bool silent) {
  absl::MutexLock lock(&mutex_);
  silent_ = silent;
}

void FakeCoordinator::BreakTelemetryAfter(uint64_t intervals) {
  absl::MutexLock lock(&mutex_);
  break_after_ = intervals;
}

void FakeCoordinator::FailUploads(std::vector<grpc::Status> statuses) {
  absl::MutexLock lock(&mutex_);
  upload_failures_ = std::move(statuses);
}

bool FakeCoordinator::AwaitState(const std::function<bool(const v1::AgentState&)>& condition) {
  const auto met = [this, &condition] {
    mutex_.AssertReaderHeld();
    return condition(last_state_);
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&met), kPatience);
}

bool FakeCoordinator::AwaitStreams(int count) {
  const auto met = [this, count] {
    mutex_.AssertReaderHeld();
    return streams_ >= count;
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&met), kPatience);
}

bool FakeCoordinator::AwaitTelemetry(uint64_t last_sequence) {
  const auto met = [this, last_sequence] {
    mutex_.AssertReaderHeld();
    return telemetry_.contains(last_sequence);
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&met), kPatience);
}

bool FakeCoordinator::AwaitRestarts(int count) {
  const auto met = [this, count] {
    mutex_.AssertReaderHeld();
    int restarts = 0;
    for (const auto& [sequence, interval] : telemetry_) {
      for (const v1::HandlerEvent& event : interval.events()) {
        restarts += event.kind() == v1::HandlerEvent::KIND_HANDLER_RESTART ? 1 : 0;
      }
    }
    return restarts >= count;
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&met), kPatience);
}

std::vector<uint64_t> FakeCoordinator::telemetry_sequences() const {
  absl::MutexLock lock(&mutex_);
  std::vector<uint64_t> sequences;
  for (const auto& [sequence, interval] : telemetry_) sequences.push_back(sequence);
  return sequences;
}

uint64_t FakeCoordinator::telemetry_resent() const {
  absl::MutexLock lock(&mutex_);
  return telemetry_resent_;
}

std::map<std::string, std::string> FakeCoordinator::artifacts() const {
  absl::MutexLock lock(&mutex_);
  return artifacts_;
}

grpc::Status FakeCoordinator::Synchronize(grpc::ServerContext*,
                                          grpc::ServerReaderWriter<v1::DesiredState, v1::AgentState>* stream) {
  {
    absl::MutexLock lock(&mutex_);
    ++streams_;
    if (!refusal_.ok()) return refusal_;
  }
  v1::AgentState state;
  while (stream->Read(&state)) {
    v1::DesiredState answer;
    {
      absl::MutexLock lock(&mutex_);
      last_state_ = state;
      if (silent_) continue;
      answer = desired_;
    }
    if (!stream->Write(answer)) break;
  }
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::StreamTelemetry(
    grpc::ServerContext*, grpc::ServerReaderWriter<v1::TelemetryAck, v1::TelemetryInterval>* stream) {
  v1::TelemetryInterval interval;
  for (uint64_t taken = 1; stream->Read(&interval); ++taken) {
    v1::TelemetryAck ack;
    ack.set_run_id(interval.run_id());
    ack.set_role(interval.role());
    ack.set_sequence(interval.sequence());
    uint64_t break_after;
    {
      absl::MutexLock lock(&mutex_);
      if (!telemetry_.insert_or_assign(interval.sequence(), interval).second) ++telemetry_resent_;
      break_after = break_after_;
    }
    // It is durable, but the acknowledgement is lost with the stream.
    if (break_after != 0 && taken >= break_after) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "broken");
    stream->Write(ack);
  }
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::UploadArtifact(grpc::ServerContext*, grpc::ServerReader<v1::ArtifactChunk>* reader,
                                             v1::ArtifactReceipt* receipt) {
  {
    absl::MutexLock lock(&mutex_);
    if (!upload_failures_.empty()) {
      const grpc::Status status = upload_failures_.front();
      upload_failures_.erase(upload_failures_.begin());
      return status;
    }
  }
  v1::ArtifactChunk chunk;
  std::string name, content;
  while (reader->Read(&chunk)) {
    name = chunk.name();
    content += chunk.content();
  }
  receipt->set_size_bytes(content.size());
  receipt->set_digest(BytesDigest(content));
  absl::MutexLock lock(&mutex_);
  artifacts_[name] = content;
  return grpc::Status::OK;
}

}  // namespace feedfarm::testing
