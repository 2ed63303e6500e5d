// The commands that look at campaigns that are there: campaigns, show, watch, cancel.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/exit_code.h"
#include "tools/feedfarm/campaign_follower.h"
#include "tools/feedfarm/campaign_view.h"
#include "tools/feedfarm/commands.h"

namespace feedfarm {
namespace {

int List(CliContext& context, uint32_t limit) {
  v1::ListRequest request;
  request.set_limit(limit);
  v1::ListReply reply;
  auto call = CallContext();
  const grpc::Status status = context.Stub().List(call.get(), request, &reply);
  if (!status.ok()) return ReportRpcError(context, status);
  std::cout << (context.output == OutputFormat::kJson ? JsonText(reply) : CampaignsTable(reply));
  return 0;
}

int Show(CliContext& context, const std::string& id) {
  v1::GetRequest request;
  request.set_campaign_id(id);
  v1::CampaignStatus reply;
  auto call = CallContext();
  const grpc::Status status = context.Stub().Get(call.get(), request, &reply);
  if (!status.ok()) return ReportRpcError(context, status);
  std::cout << (context.output == OutputFormat::kJson ? JsonText(reply)
                                                      : CampaignText(reply, context.output == OutputFormat::kWide));
  return 0;
}

int Watch(CliContext& context, const std::string& id, bool annotations) {
  auto status = FollowCampaign(context, id);
  if (!status.ok()) {
    return ReportRpcError(context, grpc::Status(static_cast<grpc::StatusCode>(status.status().code()),
                                                std::string(status.status().message())));
  }
  return ConcludeCampaign(context, *status, annotations);
}

int Cancel(CliContext& context, const std::string& id) {
  v1::CancelRequest request;
  request.set_campaign_id(id);
  v1::CancelReply reply;
  auto call = CallContext();
  const grpc::Status status = context.Stub().Cancel(call.get(), request, &reply);
  if (!status.ok()) return ReportRpcError(context, status);
  std::cerr << "cancelling " << id << "\n";
  return 0;
}

}  // namespace

void AddCampaignsCommand(CLI::App& app, CliContext& context) {
  auto limit = std::make_shared<uint32_t>(50);
  CLI::App* command = app.add_subcommand("campaigns", "List campaigns, newest first");
  command->add_option("--limit", *limit, "how many (default 50)")->check(CLI::Range(1, 10000));
  command->footer("Example:\n  feedfarm campaigns -o json");
  command->callback([limit, &context] { context.exit_code = List(context, *limit); });
}

void AddShowCommand(CLI::App& app, CliContext& context) {
  auto id = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("show", "Show one campaign: runs, reasons, gates that did not hold");
  command->add_option("ID", *id, "campaign, e.g. c1")->required();
  command->footer("-o wide shows every gate.\n\nExample:\n  feedfarm show c1 -o wide");
  command->callback([id, &context] { context.exit_code = Show(context, *id); });
}

void AddWatchCommand(CLI::App& app, CliContext& context) {
  auto id = std::make_shared<std::string>();
  auto annotations = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("watch", "Follow a campaign to its verdict");
  command->add_option("ID", *id, "campaign, e.g. c1")->required();
  command->add_flag("--annotations", *annotations, "print GitHub annotations for what did not hold");
  command->footer("The exit code is the verdict's. Ctrl-C leaves; the campaign goes on.\n\nExample:\n  feedfarm watch c1");
  command->callback([id, annotations, &context] { context.exit_code = Watch(context, *id, *annotations); });
}

void AddCancelCommand(CLI::App& app, CliContext& context) {
  auto id = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("cancel", "Cancel a campaign");
  command->add_option("ID", *id, "campaign, e.g. c1")->required();
  command->footer("Runs are stopped and their hosts put back; `feedfarm watch ID` waits for that.\n\nExample:\n  feedfarm cancel c1");
  command->callback([id, &context] { context.exit_code = Cancel(context, *id); });
}

}  // namespace feedfarm
