#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/uplink/backoff.h"
#include "agent/uplink/coordinator_channel.h"
#include "agent/uplink/run_uplink.h"
#include "proto/agent_service.grpc.pb.h"

namespace feedfarm {

// RunUplink over AgentService: StreamTelemetry on one pair of threads, UploadArtifact on another one.
class GrpcUplink final : public RunUplink {
 public:
  struct Options {
    absl::Duration backoff_first = absl::Milliseconds(200);
    absl::Duration backoff_longest = absl::Seconds(5);
    // A stream that acknowledges nothing of what was sent for so long is given up.
    absl::Duration silence_longest = absl::Seconds(10);
    // A stream's whole life; then the next one goes on from the last acknowledgement.
    absl::Duration stream_longest = absl::Seconds(60);
    absl::Duration upload_longest = absl::Seconds(60);
    // Of a larger file, only the end is sent.
    size_t file_bytes_max = 64 << 20;
    uint64_t seed = 0;
  };

  GrpcUplink(StubMaker stubs, Options options, RunKey key, uint64_t epoch, TelemetrySpool* spool);
  ~GrpcUplink() override;

  void Upload(std::vector<std::string> paths, std::function<void(bool complete)> done) override
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Stream = grpc::ClientReaderWriterInterface<v1::TelemetryInterval, v1::TelemetryAck>;

  void SendTelemetry();
  absl::Status Converse();
  void ReadAcks(Stream* stream);
  // Until the stream is over.
  void WriteIntervals(Stream* stream);
  void AwaitEnd() const ABSL_LOCKS_EXCLUDED(mutex_);
  bool StreamOver() const ABSL_LOCKS_EXCLUDED(mutex_);

  void SendFiles(const std::vector<std::string>& paths, const std::function<void(bool)>& done);
  // OK, or why it will never be taken; CANCELLED when the uplink ends first.
  absl::Status SendFile(const std::string& path);
  absl::Status TryFile(const std::string& name, const std::string& content);

  bool Pause(absl::Duration wait) const ABSL_LOCKS_EXCLUDED(mutex_);

  const StubMaker stubs_;
  const Options options_;
  const RunKey key_;
  const uint64_t epoch_;
  TelemetrySpool* const spool_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stream_over_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* telemetry_context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  grpc::ClientContext* upload_context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<std::thread> uploads_ ABSL_GUARDED_BY(mutex_);
  std::thread telemetry_;
};

}  // namespace feedfarm
