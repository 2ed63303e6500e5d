#include "coordinator/agent_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "coordinator/grpc_status.h"

namespace feedfarm {
namespace {

using SynchronizeStream = grpc::ServerReaderWriter<v1::DesiredState, v1::AgentState>;

// One connection's slot: the latest desired state that is not sent yet, or why the connection is to end.
class ChannelSlot final : public AgentChannel {
 public:
  ChannelSlot(grpc::ServerContext* context, const Clock* clock) : context_(context), clock_(clock) {}

  void Send(const v1::DesiredState& desired) override ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    desired_ = desired;
    put_ns_ = clock_->Monotonic();
  }

  void Close(const absl::Status& why) override ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (closed_.has_value()) return;
    closed_ = why;
    // Wakes the reader, and a writer that hangs on an agent that does not read.
    context_->TryCancel();
  }

  // The reader has ended by itself.
  void Finish() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    finished_ = true;
  }

  // Waits for the next state to send; nothing at the end.
  std::optional<v1::DesiredState> Next() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return desired_.has_value() || closed_.has_value() || finished_;
    };
    mutex_.Await(absl::Condition(&ready));
    if (closed_.has_value() || finished_) return std::nullopt;
    std::optional<v1::DesiredState> desired = std::exchange(desired_, std::nullopt);
    // The agent counts from receipt: what passed in the slot is not its time.
    const uint64_t waited_ns = clock_->Monotonic() - put_ns_;
    for (v1::DesiredRun& run : *desired->mutable_runs()) {
      run.set_lease_remaining_ns(run.lease_remaining_ns() - std::min(run.lease_remaining_ns(), waited_ns));
    }
    return desired;
  }

  std::optional<absl::Status> closed() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return closed_;
  }

 private:
  grpc::ServerContext* const context_;
  const Clock* const clock_;
  absl::Mutex mutex_;
  std::optional<v1::DesiredState> desired_ ABSL_GUARDED_BY(mutex_);
  uint64_t put_ns_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<absl::Status> closed_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

grpc::Status AgentServiceAdapter::Synchronize(grpc::ServerContext* context, SynchronizeStream* stream) {
  ChannelSlot slot(context, clock_);
  std::thread writer([&] {
    while (std::optional<v1::DesiredState> desired = slot.Next()) {
      if (!stream->Write(*desired)) return;
    }
  });
  absl::Status status;
  v1::AgentState state;
  while (status.ok() && stream->Read(&state)) status = coordinator_->Hear(&slot, state);
  coordinator_->Disconnect(&slot);
  slot.Finish();
  // Not cancelled, so that a refusal reaches the agent; a write that hangs ends with its connection.
  writer.join();
  if (const std::optional<absl::Status> closed = slot.closed(); closed.has_value() && status.ok()) status = *closed;
  return ToGrpc(status);
}

grpc::Status AgentServiceAdapter::StreamTelemetry(grpc::ServerContext*,
                                                  grpc::ServerReaderWriter<v1::TelemetryAck, v1::TelemetryInterval>* stream) {
  v1::TelemetryInterval interval;
  while (stream->Read(&interval)) {
    const absl::StatusOr<v1::TelemetryAck> ack = coordinator_->AddTelemetry(interval);
    if (!ack.ok()) return ToGrpc(ack.status());
    if (!stream->Write(*ack)) break;
  }
  return grpc::Status::OK;
}

grpc::Status AgentServiceAdapter::UploadArtifact(grpc::ServerContext* context,
                                                 grpc::ServerReader<v1::ArtifactChunk>* reader,
                                                 v1::ArtifactReceipt* receipt) {
  v1::ArtifactChunk chunk;
  if (!reader->Read(&chunk)) return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "an artifact without a chunk");
  absl::StatusOr<std::unique_ptr<ArtifactInbox::Upload>> upload = coordinator_->BeginArtifact(chunk);
  if (!upload.ok()) return ToGrpc(upload.status());
  const std::string run_id = chunk.run_id(), name = chunk.name();
  do {
    // Later chunks may leave out what the first one said.
    if ((!chunk.run_id().empty() && chunk.run_id() != run_id) || (!chunk.name().empty() && chunk.name() != name)) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, absl::StrCat("artifact ", name, " changed its name on the way"));
    }
    if (const absl::Status written = (*upload)->Write(chunk.content()); !written.ok()) return ToGrpc(written);
  } while (reader->Read(&chunk));
  // A broken stream is no end of a file.
  if (context->IsCancelled()) return grpc::Status::CANCELLED;
  absl::StatusOr<v1::ArtifactReceipt> committed = (*upload)->Commit();
  if (!committed.ok()) return ToGrpc(committed.status());
  *receipt = *std::move(committed);
  return grpc::Status::OK;
}

}  // namespace feedfarm
