#include "tools/feedfarm/campaign_follower.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/exit_code.h"
#include "glog/logging.h"
#include "pipeline/base/clock.h"
#include "tools/feedfarm/annotations.h"
#include "tools/feedfarm/campaign_view.h"
#include "tools/feedfarm/progress.h"
#include "tools/feedfarm/report_files.h"

namespace feedfarm {
namespace {

// How long a coordinator may be away before waiting for it is given up: longer than its restart takes.
constexpr uint64_t kReconnectNs = 60'000'000'000;

sigset_t InterruptSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

ProgressStyle StyleOfTerminal() {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  ProgressStyle style;
  style.redraw = isatty(STDERR_FILENO) == 1 && term != nullptr && std::string(term) != "dumb";
  style.color = style.redraw && (no_color == nullptr || *no_color == 0);
  return style;
}

}  // namespace

Interrupts::Interrupts(CliContext* context) : context_(context) {
  const sigset_t signals = InterruptSignals();
  CHECK_EQ(pthread_sigmask(SIG_BLOCK, &signals, nullptr), 0);
  context_->Stub();  // made here, so that the thread below only calls it
  std::thread([this] { Loop(); }).detach();
}

void Interrupts::CancelOnInterrupt(const std::string& campaign_id) {
  // Lives as long as the program: the signal thread is never joined.
  campaign_id_ = new std::string(campaign_id);
}

void Interrupts::Loop() {
  const sigset_t signals = InterruptSignals();
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    const std::string* campaign = campaign_id_;
    if (++count_ > 1 || campaign == nullptr) _exit(kExitInterrupted);
    std::cerr << absl::StrCat("\nfeedfarm: cancelling ", *campaign, "; again to leave without waiting\n");
    v1::CancelRequest request;
    request.set_campaign_id(*campaign);
    v1::CancelReply reply;
    auto call = CallContext(10);
    const grpc::Status status = context_->Stub().Cancel(call.get(), request, &reply);
    if (!status.ok() && status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) ReportRpcError(*context_, status);
  }
}

absl::StatusOr<v1::CampaignStatus> FollowCampaign(CliContext& context, const std::string& campaign_id) {
  Progress progress(StyleOfTerminal());
  v1::WatchRequest request;
  request.set_campaign_id(campaign_id);
  uint64_t heard_ns = MonotonicNow();
  bool told = false;
  for (;;) {
    grpc::ClientContext call;
    auto stream = context.Stub().Watch(&call, request);
    v1::CampaignStatus status;
    while (stream->Read(&status)) {
      heard_ns = MonotonicNow();
      told = false;
      std::cerr << progress.Update(status, heard_ns) << std::flush;
      if (status.finished()) {
        call.TryCancel();
        stream->Finish();
        return status;
      }
    }
    const grpc::Status end = stream->Finish();
    const bool away = end.ok() || end.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (!away || MonotonicNow() - heard_ns > kReconnectNs) {
      return absl::Status(static_cast<absl::StatusCode>(end.error_code()), end.error_message());
    }
    if (!told) std::cerr << absl::StrCat("feedfarm: no answer from the coordinator; ", campaign_id, " goes on, waiting\n");
    told = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int ConcludeCampaign(CliContext& context, const v1::CampaignStatus& status, bool annotations) {
  if (context.output == OutputFormat::kJson) {
    std::cout << JsonText(status);
  } else {
    auto text = FetchReportFile(context, status.campaign_id(), "report.txt");
    std::cout << (text.ok() ? *text : CampaignText(status, context.output == OutputFormat::kWide));
  }
  // JSON stays alone on its stream; CI servers read annotations from both.
  if (annotations) (context.output == OutputFormat::kJson ? std::cerr : std::cout) << AnnotationsText(status);
  if (!status.report_error().empty()) return Complain(absl::StrCat("the report failed: ", status.report_error()), kExitReportFailed);
  return ExitCodeOf(status.verdict());
}

}  // namespace feedfarm
