#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "tools/feedfarm/commands.h"
#include "tools/feedfarm/report_files.h"

namespace feedfarm {
namespace {

// `file`: of the folder; empty = the report itself.
int Report(CliContext& context, const std::string& id, const std::string& file, const std::string& out) {
  const std::string name = !file.empty() ? file : context.output == OutputFormat::kJson ? "report.json" : "report.txt";
  absl::Status status;
  if (out.empty()) {
    auto text = FetchReportFile(context, id, name);
    if (text.ok()) std::cout << *text;
    status = text.status();
  } else {
    status = FetchReportFolder(context, id, out);
    // The folder has just been fetched: its file is printed, not asked for again.
    if (status.ok()) {
      std::ifstream content(std::filesystem::path(out) / name, std::ios::binary);
      if (content) {
        std::cout << content.rdbuf();
      } else {
        status = absl::NotFoundError(absl::StrCat("the report of ", id, " has no ", name));
      }
    }
  }
  if (status.ok()) return 0;
  return ReportRpcError(context,
                        grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message())));
}

}  // namespace

void AddReportCommand(CLI::App& app, CliContext& context) {
  auto id = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("report", "Print a finished campaign's report, or fetch its folder");
  command->add_option("ID", *id, "campaign, e.g. c1")->required();
  command->add_option("--file", *file, "print this file of the folder, e.g. runs/c1.r1/manifest.json");
  command->add_option("--out", *out, "also fetch the whole report folder into DIR");
  command->footer("Prints report.txt, or report.json with -o json. The folder holds report.txt, report.json, junit.xml, and for each run "
                  "manifest.json, counters.json, latency.hlog and logs.\n\nExample:\n  feedfarm report c1 --out report/");
  command->callback([id, file, out, &context] { context.exit_code = Report(context, *id, *file, *out); });
}

}  // namespace feedfarm
