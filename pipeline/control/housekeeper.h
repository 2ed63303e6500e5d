#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/control/account_page.h"
#include "pipeline/control/control_channel.h"
#include "pipeline/control/cut_schedule.h"
#include "pipeline/control/final_record.h"
#include "pipeline/control/handler_books.h"
#include "pipeline/control/hot_mailbox.h"
#include "pipeline/control/hot_thread.h"
#include "pipeline/control/page_faults.h"
#include "pipeline/control/ready_record.h"
#include "pipeline/control/telemetry.h"
#include "pipeline/feed/feed_event_queue.h"

namespace feedfarm {

// Everything of the handler process that is not the hot path, on the main thread: intervals every 100 ms, events,
// commands, signals (SIGTERM and SIGINT are taken as `stop`; block them before threads exist), the final account and
// the artifacts.
class Housekeeper {
 public:
  struct Options {
    std::string artifacts;  // folder; empty = none
    std::string xdp_mode;
    std::string bind_mode;
  };

  // All borrowed; account may be nullptr. `spare` are the histograms that the hot thread does not have.
  Housekeeper(const Options& options, ControlChannel* control, HotMailbox* mailbox, HotThread* hot,
              FeedEventQueue* events, const HandlerBooks* books, AccountPage* account, LatencyHistograms* spare);

  // Says `ready`, works until `stop`, says `final`. When it returns the hot loop has been told to end, whatever the
  // status: UNAVAILABLE: the agent is gone; others: a command could not be done, or an artifact not be written.
  absl::Status Run(const ReadyRecord& ready);

 private:
  absl::Status Serve();
  // False on `stop`.
  absl::StatusOr<bool> TakeCommands();
  // Those whose turn it is.
  absl::Status ArmCuts();
  absl::StatusOr<bool> Wait(uint64_t deadline_ns);
  absl::Status Interval();
  absl::Status SayEvents();
  void StoreAccount(const HotAnswer& answer);
  void FinishTops(FinalRecord& record) const;
  absl::Status Final();
  absl::Status WriteArtifacts(const RecordLine& final) const;

  const Options options_;
  ControlChannel* const control_;
  HotMailbox* const mailbox_;
  HotThread* const hot_;
  FeedEventQueue* const events_;
  const HandlerBooks* const books_;
  HandlerJournal* const journal_;  // the books', or nullptr
  AccountPage* const account_;
  LatencyHistograms* spare_;
  CutSchedule cuts_;
  ScopedFd signals_;
  Telemetry telemetry_;
  PageFaults faults_;
  uint64_t start_ns_ = 0;  // CLOCK_MONOTONIC, of `ready`
  bool hot_stopped_ = false;
};

}  // namespace feedfarm
