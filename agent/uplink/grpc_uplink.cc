#include "agent/uplink/grpc_uplink.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/files/durable_file.h"
#include "agent/files/file_digest.h"

namespace feedfarm {
namespace {

// Well below gRPC's bound of 4 MiB a message.
constexpr size_t kChunkBytes = 256 << 10;
// How long a change of the stream's state may go unnoticed.
constexpr absl::Duration kLook = absl::Milliseconds(200);

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// The coordinator will never take it, however often it is asked.
bool IsFinal(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsNotFound(status) || absl::IsInvalidArgument(status) ||
         absl::IsUnimplemented(status) || absl::IsPermissionDenied(status);
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

GrpcUplink::GrpcUplink(StubMaker stubs, Options options, RunKey key, uint64_t epoch, TelemetrySpool* spool)
    : stubs_(std::move(stubs)),
      options_(options),
      key_(std::move(key)),
      epoch_(epoch),
      spool_(spool),
      telemetry_([this] { SendTelemetry(); }) {}

GrpcUplink::~GrpcUplink() {
  std::vector<std::thread> uploads;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (telemetry_context_ != nullptr) telemetry_context_->TryCancel();
    if (upload_context_ != nullptr) upload_context_->TryCancel();
    uploads = std::move(uploads_);
  }
  telemetry_.join();
  for (std::thread& upload : uploads) upload.join();
}

bool GrpcUplink::Pause(absl::Duration wait) const {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait);
}

void GrpcUplink::SendTelemetry() {
  Backoff backoff(options_.backoff_first, options_.backoff_longest, options_.seed);
  while (!Pause(absl::ZeroDuration())) {
    if (!spool_->WaitFor(spool_->acked(), kLook)) {
      if (Pause(absl::ZeroDuration())) return;
      continue;
    }
    const uint64_t acked = spool_->acked();
    const absl::Status status = Converse();
    if (Pause(absl::ZeroDuration())) return;
    if (spool_->acked() > acked) backoff.Reset();
    if (!absl::IsDeadlineExceeded(status)) {
      LOG_EVERY_N(WARNING, 10) << key_.run_id << ": telemetry: " << status << "; trying again";
    }
    if (Pause(backoff.Next())) return;
  }
}

absl::Status GrpcUplink::Converse() {
  grpc::ClientContext context;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("ending");
    telemetry_context_ = &context;
    stream_over_ = false;
  }
  // Ends a write that is stuck because nobody reads.
  context.set_deadline(absl::ToChronoTime(absl::Now() + options_.stream_longest));
  const std::shared_ptr<v1::AgentService::StubInterface> stub = stubs_();
  std::unique_ptr<Stream> stream = stub->StreamTelemetry(&context);
  std::thread reader([this, &stream] { ReadAcks(stream.get()); });
  WriteIntervals(stream.get());
  // To cancel a stream that is over would hide its status.
  if (!StreamOver()) context.TryCancel();
  reader.join();
  const absl::Status status = ToAbsl(stream->Finish());
  absl::MutexLock lock(&mutex_);
  telemetry_context_ = nullptr;
  return status;
}

void GrpcUplink::ReadAcks(Stream* stream) {
  v1::TelemetryAck ack;
  while (stream->Read(&ack)) spool_->Ack(ack.sequence());
  absl::MutexLock lock(&mutex_);
  stream_over_ = true;
}

bool GrpcUplink::StreamOver() const {
  absl::MutexLock lock(&mutex_);
  return stream_over_ || stopping_;
}

void GrpcUplink::WriteIntervals(Stream* stream) {
  uint64_t sent = spool_->acked();
  uint64_t acked = sent;
  absl::Time heard = absl::Now();
  while (!StreamOver()) {
    if (spool_->acked() != acked || sent == acked) heard = absl::Now();
    acked = spool_->acked();
    if (absl::Now() - heard > options_.silence_longest) return;
    if (!spool_->WaitFor(sent, kLook)) {
      // A closed spool does not wait.
      if (Pause(absl::Milliseconds(1))) return;
      continue;
    }
    absl::StatusOr<v1::TelemetryInterval> interval = spool_->After(sent);
    if (!interval.ok()) {
      // Its sequences were dropped or cannot be read; Pause, as this may last.
      LOG_EVERY_N(ERROR, 100) << key_.run_id << ": telemetry spool: " << interval.status();
      if (Pause(kLook)) return;
      continue;
    }
    sent = interval->sequence();
    if (!stream->Write(*interval)) return AwaitEnd();
  }
}

void GrpcUplink::AwaitEnd() const {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&stream_over_));
}

void GrpcUplink::Upload(std::vector<std::string> paths, std::function<void(bool complete)> done) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return;
  uploads_.emplace_back([this, paths = std::move(paths), done = std::move(done)] { SendFiles(paths, done); });
}

void GrpcUplink::SendFiles(const std::vector<std::string>& paths, const std::function<void(bool)>& done) {
  bool complete = true;
  for (const std::string& path : paths) {
    const absl::Status status = SendFile(path);
    if (absl::IsCancelled(status)) return;
    if (!status.ok()) LOG(ERROR) << key_.run_id << ": upload of " << path << ": " << status;
    complete = complete && status.ok();
  }
  done(complete);
}

absl::Status GrpcUplink::SendFile(const std::string& path) {
  absl::StatusOr<std::string> content = ReadWholeFile(path);
  // Not every run makes every file.
  if (absl::IsNotFound(content.status())) return absl::OkStatus();
  if (!content.ok()) return content.status();
  if (content->size() > options_.file_bytes_max) content->erase(0, content->size() - options_.file_bytes_max);
  Backoff backoff(options_.backoff_first, options_.backoff_longest, options_.seed + 1);
  for (;;) {
    const absl::Status status = TryFile(BaseName(path), *content);
    if (Pause(absl::ZeroDuration())) return absl::CancelledError("ending");
    if (status.ok() || IsFinal(status)) return status;
    LOG(WARNING) << key_.run_id << ": upload of " << path << ": " << status << "; trying again";
    if (Pause(backoff.Next())) return absl::CancelledError("ending");
  }
}

absl::Status GrpcUplink::TryFile(const std::string& name, const std::string& content) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + options_.upload_longest));
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("ending");
    upload_context_ = &context;
  }
  v1::ArtifactReceipt receipt;
  const std::shared_ptr<v1::AgentService::StubInterface> stub = stubs_();
  auto stream = stub->UploadArtifact(&context, &receipt);
  size_t at = 0;
  // An empty file is one empty chunk.
  do {
    v1::ArtifactChunk chunk;
    chunk.set_run_id(key_.run_id);
    chunk.set_epoch(epoch_);
    chunk.set_role(key_.role);
    chunk.set_name(name);
    chunk.set_content(content.substr(at, kChunkBytes));
    at += kChunkBytes;
    if (!stream->Write(chunk)) break;
  } while (at < content.size());
  stream->WritesDone();
  const absl::Status status = ToAbsl(stream->Finish());
  {
    absl::MutexLock lock(&mutex_);
    upload_context_ = nullptr;
  }
  if (!status.ok()) return status;
  if (receipt.size_bytes() != content.size() || receipt.digest() != BytesDigest(content)) {
    return absl::DataLossError(absl::StrCat(name, ": ", receipt.size_bytes(), " bytes arrived of ", content.size()));
  }
  return absl::OkStatus();
}

}  // namespace feedfarm
