#include "agent/uplink/synchronize_client.h"

#include <glog/logging.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/clock.h"

namespace feedfarm {
namespace {

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

SynchronizeClient::SynchronizeClient(StubMaker stubs, Options options, Callbacks callbacks)
    : stubs_(std::move(stubs)),
      options_(options),
      callbacks_(std::move(callbacks)),
      backoff_(options.backoff_first, options.backoff_longest, options.seed),
      thread_([this] { Run(); }) {}

SynchronizeClient::~SynchronizeClient() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  thread_.join();
}

void SynchronizeClient::Send(v1::AgentState state) {
  absl::MutexLock lock(&mutex_);
  state_ = std::move(state);
  unsent_ = true;
  const uint64_t silent_ns = MonotonicNow() - heard_at_ns_;
  if (context_ == nullptr || absl::Nanoseconds(silent_ns) < options_.silence_longest) return;
  LOG(WARNING) << "coordinator: silent for " << absl::Nanoseconds(silent_ns) << ", connecting again";
  context_->TryCancel();
  heard_at_ns_ = MonotonicNow();
}

uint64_t SynchronizeClient::connections() const {
  absl::MutexLock lock(&mutex_);
  return connections_;
}

bool SynchronizeClient::Pause(absl::Duration wait) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait);
}

void SynchronizeClient::Run() {
  {
    absl::MutexLock lock(&mutex_);
    const auto ready = [this] {
      mutex_.AssertReaderHeld();
      return unsent_ || stopping_;
    };
    mutex_.Await(absl::Condition(&ready));
  }
  std::string last_said;
  for (int refusals = 0; !Pause(absl::ZeroDuration());) {
    const absl::Status status = Converse();
    if (Pause(absl::ZeroDuration())) return;
    const bool refused = absl::IsAlreadyExists(status) || absl::IsInvalidArgument(status);
    refusals = refused ? refusals + 1 : 0;
    if (absl::IsInvalidArgument(status) || refusals >= options_.refusals_max) return callbacks_.refused(status);
    // A coordinator that is away for long is said once.
    if (status.ToString() != last_said) LOG(WARNING) << "coordinator: " << status << "; trying again";
    last_said = status.ToString();
    Pause(backoff_.Next());
  }
}

absl::Status SynchronizeClient::Converse() {
  grpc::ClientContext context;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("ending");
    context_ = &context;
    stream_over_ = false;
    heard_ = false;
    heard_at_ns_ = MonotonicNow();
    unsent_ = true;
  }
  const std::shared_ptr<v1::AgentService::StubInterface> stub = stubs_();
  std::unique_ptr<Stream> stream = stub->Synchronize(&context);
  std::thread reader([this, &stream] { Read(stream.get()); });
  // Returns when the stream is over, or was cancelled by the destructor; to cancel here would hide its status.
  Write(stream.get());
  reader.join();
  const absl::Status status = ToAbsl(stream->Finish());
  absl::MutexLock lock(&mutex_);
  context_ = nullptr;
  if (heard_) backoff_.Reset();
  return status;
}

void SynchronizeClient::Read(Stream* stream) {
  v1::DesiredState desired;
  while (stream->Read(&desired)) {
    {
      absl::MutexLock lock(&mutex_);
      if (!heard_) LOG(INFO) << "coordinator: connected, instance " << desired.coordinator_instance();
      if (!heard_) ++connections_;
      heard_ = true;
      heard_at_ns_ = MonotonicNow();
      if (stopping_) break;
    }
    callbacks_.desired(std::move(desired));
    desired.Clear();
  }
  absl::MutexLock lock(&mutex_);
  stream_over_ = true;
}

void SynchronizeClient::Write(Stream* stream) {
  for (;;) {
    v1::AgentState state;
    {
      absl::MutexLock lock(&mutex_);
      const auto due = [this] {
        mutex_.AssertReaderHeld();
        return unsent_ || stream_over_ || stopping_;
      };
      mutex_.Await(absl::Condition(&due));
      if (stream_over_ || stopping_) return;
      state = state_;
      unsent_ = false;
    }
    if (stream->Write(state)) continue;
    // The stream is broken: the reader sees its end, and Finish says why.
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&stream_over_));
    return;
  }
}

}  // namespace feedfarm
