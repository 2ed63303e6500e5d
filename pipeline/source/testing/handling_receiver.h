#pragma once

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/book/book_stage.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/feed/feed_event_queue.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/feed/feed_protocol.h"
#include "pipeline/feed/latency_histograms.h"
#include "pipeline/source/live_source.h"
#include "pipeline/source/testing/receiver.h"

namespace feedfarm::testing {

// The whole feed handler: decode, arbitration of the two lines, stream hash, books, latencies.
class HandlingReceiver final : public Receiver {
 public:
  static absl::StatusOr<std::unique_ptr<Receiver>> Create(std::unique_ptr<LiveSource> source) {
    std::unique_ptr<HandlingReceiver> receiver(new HandlingReceiver(std::move(source)));
    FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<ItchBook> book, ItchBook::Create({}));
    receiver->books_ = std::make_unique<InlineBook<ItchBook>>(std::move(book));
    FEEDFARM_ASSIGN_OR_RETURN(
        receiver->handler_,
        FeedHandler<MoldItchProtocol>::Create({}, receiver->source_.get(), nullptr, &receiver->events_,
                                              &receiver->histograms_, receiver->books_.get()));
    return std::unique_ptr<Receiver>(std::move(receiver));
  }

  size_t Poll() override { return handler_->Poll(); }
  uint64_t messages() const override { return handler_->Snapshot().messages; }

 private:
  explicit HandlingReceiver(std::unique_ptr<LiveSource> source) : source_(std::move(source)) {}

  std::unique_ptr<LiveSource> source_;
  FeedEventQueue events_;
  LatencyHistograms histograms_;
  std::unique_ptr<BookStage> books_;
  std::unique_ptr<FeedHandler<MoldItchProtocol>> handler_;
};

}  // namespace feedfarm::testing
