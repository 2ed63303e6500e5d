#include <iostream>
#include <memory>

#include "coordinator/gate/exit_code.h"
#include "tools/feedfarm/campaign_file.h"
#include "tools/feedfarm/campaign_view.h"
#include "tools/feedfarm/commands.h"

namespace feedfarm {
namespace {

struct PlanFlags {
  std::string file;
  std::vector<std::string> settings;
  std::string folder;
};

int Plan(CliContext& context, const PlanFlags& flags) {
  auto request = LoadCampaignFile(flags.file, flags.settings, flags.folder);
  if (!request.ok()) return Complain(std::string(request.status().message()), kExitUsage);
  v1::PlanReply reply;
  auto call = CallContext();
  const grpc::Status status = context.Stub().Plan(call.get(), *request, &reply);
  if (!status.ok()) return ReportRpcError(context, status);
  if (context.output == OutputFormat::kJson) {
    std::cout << JsonText(reply);
  } else if (reply.diagnostics().empty()) {
    std::cout << PlanText(reply);
  }
  std::cerr << DiagnosticsText(reply.diagnostics()) << UnplaceableText(reply.unplaceable());
  if (!reply.diagnostics().empty()) return kExitUsage;
  return reply.unplaceable().empty() ? kExitPassed : kExitSkipped;
}

}  // namespace

void AddPlanCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* command = app.add_subcommand("plan", "Check a campaign file and show what would run where");
  command->add_option("FILE", flags->file, "campaign file (YAML; docs/campaign.md)")->required();
  command->add_option("--set", flags->settings, "NAME=VALUE: fills ${NAME} in the file; may be repeated")->take_all();
  command->add_option("--folder", flags->folder, "where relative captures are (default: the file's folder)");
  command->footer("Stores nothing. Exit code 2: the file is wrong (file:line:column on stderr); 4: no hosts can carry a scenario.\n\n"
                  "Example:\n  feedfarm plan campaign.yaml");
  command->callback([flags, &context] { context.exit_code = Plan(context, *flags); });
}

}  // namespace feedfarm
