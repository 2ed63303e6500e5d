#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/uplink/backoff.h"
#include "agent/uplink/coordinator_channel.h"
#include "proto/agent_service.grpc.pb.h"

namespace feedfarm {

// Keeps one Synchronize stream to the coordinator: sends the latest state whenever there is a new one, hands on what
// comes, reconnects for ever with a bounded, jittered backoff. States are level-triggered, so a newer one replaces one
// that is not sent yet. Two threads of its own; what it calls back must not block.
class SynchronizeClient {
 public:
  struct Options {
    absl::Duration backoff_first = absl::Milliseconds(100);
    absl::Duration backoff_longest = absl::Seconds(3);
    // A stream on which nothing comes for so long is given up: the coordinator speaks at least once an interval.
    absl::Duration silence_longest = absl::Seconds(10);
    // ALREADY_EXISTS may only mean that the coordinator has not yet noticed our own former life's end.
    int refusals_max = 3;
    uint64_t seed = 0;  // of the jitter
  };
  struct Callbacks {
    std::function<void(v1::DesiredState)> desired;
    // It has given up for good: the coordinator will not have this agent.
    std::function<void(absl::Status)> refused;
  };

  SynchronizeClient(StubMaker stubs, Options options, Callbacks callbacks);
  // Ends the stream; no callback comes afterwards.
  ~SynchronizeClient();

  // Any thread. Call it at least once a heartbeat interval: it is also what notices a silent stream.
  void Send(v1::AgentState state) ABSL_LOCKS_EXCLUDED(mutex_);

  // Streams on which the coordinator has spoken.
  uint64_t connections() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Stream = grpc::ClientReaderWriterInterface<v1::AgentState, v1::DesiredState>;

  void Run();
  // One stream from its beginning to its end.
  absl::Status Converse();
  void Read(Stream* stream);
  void Write(Stream* stream);
  // True when it is time to end.
  bool Pause(absl::Duration wait) ABSL_LOCKS_EXCLUDED(mutex_);

  const StubMaker stubs_;
  const Options options_;
  const Callbacks callbacks_;
  Backoff backoff_;  // the thread's

  mutable absl::Mutex mutex_;
  v1::AgentState state_ ABSL_GUARDED_BY(mutex_);
  bool unsent_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stream_over_ ABSL_GUARDED_BY(mutex_) = false;
  bool heard_ ABSL_GUARDED_BY(mutex_) = false;  // on this stream
  uint64_t heard_at_ns_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t connections_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;  // of the live stream
  std::thread thread_;
};

}  // namespace feedfarm
