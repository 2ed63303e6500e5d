#include <sys/random.h>

#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "coordinator/gate/exit_code.h"
#include "tools/feedfarm/campaign_file.h"
#include "tools/feedfarm/campaign_follower.h"
#include "tools/feedfarm/campaign_view.h"
#include "tools/feedfarm/commands.h"
#include "tools/feedfarm/units_text.h"

namespace feedfarm {
namespace {

struct SubmitFlags {
  std::string file;
  std::vector<std::string> settings;
  std::string folder;
  bool wait = false;
  bool watch = false;
  bool annotations = false;
  bool allow_unplaceable = false;
  std::string key;
};

std::string RandomKey() {
  uint64_t words[2] = {};
  if (getrandom(words, sizeof(words), 0) != sizeof(words)) return "";
  return absl::StrFormat("%016x%016x", words[0], words[1]);
}

// The answer's problems on stderr; 0 where the campaign was taken.
int ShowProblems(const v1::SubmitReply& reply) {
  if (reply.diagnostics_size() > 0) {
    std::cerr << DiagnosticsText(reply.diagnostics());
    return kExitUsage;
  }
  std::cerr << UnplaceableText(reply.unplaceable());
  if (reply.campaign_id().empty()) {
    std::cerr << "feedfarm: not submitted; --allow-unplaceable takes it and skips these scenarios\n";
    return kExitSkipped;
  }
  return 0;
}

int Follow(CliContext& context, Interrupts& interrupts, const std::string& campaign_id, bool annotations) {
  auto status = FollowCampaign(context, campaign_id);
  if (!status.ok()) {
    return Complain(
        absl::StrCat("lost the coordinator at ", context.coordinator, ": ", std::string(status.status().message()),
                     "; ", campaign_id, " goes on: feedfarm watch ", campaign_id),
        kExitInfrastructure);
  }
  const int code = ConcludeCampaign(context, *status, annotations);
  return interrupts.interrupted() ? kExitInterrupted : code;
}

int Submit(CliContext& context, const SubmitFlags& flags) {
  auto request = LoadCampaignFile(flags.file, flags.settings, flags.folder);
  if (!request.ok()) return Complain(std::string(request.status().message()), kExitUsage);
  request->set_allow_unplaceable(flags.allow_unplaceable);
  // With a key of its own the call can be repeated after a lost answer without making two campaigns.
  request->set_idempotency_key(flags.key.empty() ? RandomKey() : flags.key);
  const bool follow = flags.wait || flags.watch || flags.annotations;
  std::unique_ptr<Interrupts> interrupts;
  if (follow) interrupts = std::make_unique<Interrupts>(&context);

  v1::SubmitReply reply;
  auto call = CallContext();
  const grpc::Status status = context.Stub().Submit(call.get(), *request, &reply);
  if (!status.ok()) return ReportRpcError(context, status);
  if (const int problem = ShowProblems(reply); problem != 0) return problem;
  if (reply.first_submitted_unix_ns() != 0) {
    std::cerr << "feedfarm: " << reply.campaign_id() << " has this key since "
              << TimeText(reply.first_submitted_unix_ns()) << "; nothing new was started\n";
  } else if (follow) {
    std::cerr << "submitted " << reply.campaign_id() << "\n";
  }
  if (!follow) {
    std::cout << (context.output == OutputFormat::kJson ? JsonText(reply) : reply.campaign_id() + "\n");
    return 0;
  }
  interrupts->CancelOnInterrupt(reply.campaign_id());
  const int code = Follow(context, *interrupts, reply.campaign_id(), flags.annotations);
  interrupts.release();  // its thread lives as long as the program
  return code;
}

}  // namespace

void AddSubmitCommand(CLI::App& app, CliContext& context) {
  auto flags = std::make_shared<SubmitFlags>();
  CLI::App* command = app.add_subcommand("submit", "Submit a campaign file");
  command->add_option("FILE", flags->file, "campaign file (YAML; docs/campaign.md)")->required();
  command->add_flag("--wait", flags->wait, "wait for the verdict; the exit code is the verdict's");
  command->add_flag("--watch", flags->watch, "the same, with live progress");
  command->add_option("--set", flags->settings, "NAME=VALUE: fills ${NAME} in the file; may be repeated")->take_all();
  command->add_option("--folder", flags->folder, "where relative captures are (default: the file's folder)");
  command->add_flag("--annotations", flags->annotations, "wait, and print GitHub annotations for what did not hold");
  command->add_flag("--allow-unplaceable", flags->allow_unplaceable,
                    "take scenarios that no host can run now; they are skipped");
  command->add_option("--key", flags->key,
                      "for retries: a second submit of the same with this key starts nothing; give each job its own");
  command->footer(
      "Prints the campaign's id, or with --wait its report. Ctrl-C while waiting cancels the campaign and waits for "
      "its end; a second one "
      "leaves at once.\n\nExamples:\n  feedfarm submit campaign.yaml --watch\n  feedfarm submit capture.yaml --set "
      "capture=/data/day.pcap.gz --set rate=50kpps --wait\n  id=$(feedfarm submit campaign.yaml) && feedfarm watch "
      "$id");
  command->callback([flags, &context] { context.exit_code = Submit(context, *flags); });
}

}  // namespace feedfarm
