#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "pipeline/base/allocation_guard.h"
#include "pipeline/base/clock.h"
#include "pipeline/control/account_page.h"
#include "pipeline/control/hot_mailbox.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/source/live_source.h"

namespace feedfarm {

// What the hot thread runs, whatever the protocol.
class HotLoop {
 public:
  virtual ~HotLoop() = default;
  // Until a kStop request is answered.
  virtual void Run() = 0;
};

// Polls the feed handler and answers the mailbox. Spinning, or sleeping in the source while nothing comes.
template <FeedProtocol Protocol>
class FeedHotLoop final : public HotLoop {
 public:
  // source, mailbox and account (nullptr = none is kept) are borrowed.
  FeedHotLoop(std::unique_ptr<FeedHandler<Protocol>> handler, LiveSource* source, HotMailbox* mailbox,
              AccountPage* account, bool spin)
      : handler_(std::move(handler)), source_(source), mailbox_(mailbox), account_(account), spin_(spin) {}

  void Run() override {
    AllocationGuard guard;
    for (;;) {
      const bool busy = handler_->busy();
      const size_t packets = handler_->Poll();
      if (account_ != nullptr && (packets != 0 || busy)) account_->Store(*handler_);
      if (mailbox_->asked()) [[unlikely]] {
        if (Attend(guard)) return;
      }
      if (packets == 0 && !spin_) source_->Wait(handler_->busy() ? kBusyWaitNs : kIdleWaitNs);
    }
  }

 private:
  // Answers of the re-request server do not wake the source: look for them this often.
  static constexpr uint64_t kBusyWaitNs = 100'000;
  // The mailbox does not wake the source either; commands and intervals can wait this long.
  static constexpr uint64_t kIdleWaitNs = 5'000'000;
  // For what is still under way when stop comes.
  static constexpr uint64_t kDrainMaxNs = 1'000'000'000;

  // True when the loop is over.
  bool Attend(const AllocationGuard& guard) {
    const HotRequest& request = mailbox_->Take();
    HotAnswer& answer = mailbox_->answer();
    const bool stop = request.kind == HotRequest::Kind::kStop;
    const uint64_t at_start = guard.allocations();
    if (request.kind == HotRequest::Kind::kCut) {
      answer.status = source_->ArmCut(request.cut.line, request.cut.start_tai_ns, request.cut.duration_ns);
      if (answer.status.ok()) {
        handler_->NoteCut(request.cut.line, request.cut.start_tai_ns, request.cut.duration_ns);
      }
    } else {
      if (stop) Drain();
      answer.allocations = guard.allocations() - attending_;
      answer.histograms = handler_->SwapHistograms(request.histograms);
      // First: what shards have under way is then in the counters.
      const uint64_t state_hash = stop ? handler_->StateHash() : 0;
      answer.counters = handler_->Snapshot();
      answer.counters.state_hash = state_hash;
      answer.source = source_->Counters();
    }
    attending_ += guard.allocations() - at_start;
    mailbox_->Answered();
    return stop;
  }

  // The rings are emptied and recovery comes to its end, as far as time allows.
  void Drain() {
    const uint64_t deadline_ns = MonotonicNow() + kDrainMaxNs;
    while ((handler_->Poll() != 0 || handler_->busy()) && MonotonicNow() < deadline_ns) {
    }
    handler_->Finish();
  }

  const std::unique_ptr<FeedHandler<Protocol>> handler_;
  LiveSource* const source_;
  HotMailbox* const mailbox_;
  AccountPage* const account_;
  const bool spin_;
  uint64_t attending_ = 0;  // allocations made for requests: no part of the hot path
};

}  // namespace feedfarm
