#include "tools/feedfarm/target_run.h"

#include <iostream>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/exit_code.h"
#include "tools/feedfarm/campaign_view.h"

namespace feedfarm {

TargetRun::TargetRun(CliContext* context) : context_(context), interrupts_(std::make_unique<Interrupts>(context)) {}

// The signal thread lives as long as the program.
TargetRun::~TargetRun() { (void)interrupts_.release(); }

std::optional<v1::CampaignStatus> TargetRun::EndWith(int exit_code) {
  exit_code_ = exit_code;
  return std::nullopt;
}

std::optional<v1::CampaignStatus> TargetRun::Run(const std::string& profile, const std::string& yaml) {
  v1::SubmitRequest request;
  request.set_file(absl::StrCat(profile, ".yaml"));
  request.set_text(yaml);
  v1::SubmitReply reply;
  auto call = CallContext();
  const grpc::Status submitted = context_->Stub().Submit(call.get(), request, &reply);
  if (!submitted.ok()) return EndWith(ReportRpcError(*context_, submitted));
  if (reply.diagnostics_size() > 0) {
    std::cerr << DiagnosticsText(reply.diagnostics());
    return EndWith(kExitUsage);
  }
  if (reply.campaign_id().empty()) {
    std::cerr << UnplaceableText(reply.unplaceable());
    return EndWith(kExitSkipped);
  }
  std::cerr << "submitted " << reply.campaign_id() << "\n";
  interrupts_->CancelOnInterrupt(reply.campaign_id());
  const auto status = FollowCampaign(*context_, reply.campaign_id());
  if (interrupts_->interrupted()) return EndWith(kExitInterrupted);
  if (!status.ok()) {
    return EndWith(Complain(absl::StrCat("lost the coordinator at ", context_->coordinator, ": ",
                                         std::string(status.status().message()), "; ", reply.campaign_id(), " goes on"),
                            kExitInfrastructure));
  }
  if (status->runs_size() != 1) return EndWith(Complain("the campaign has no run", kExitInternal));
  return *status;
}

}  // namespace feedfarm
