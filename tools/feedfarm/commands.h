#pragma once

#include <CLI/CLI.hpp>

#include "tools/feedfarm/cli_context.h"

namespace feedfarm {

// Each adds one subcommand; its callback leaves the exit code in `context`, which outlives the app.
void AddSubmitCommand(CLI::App& app, CliContext& context);
void AddPlanCommand(CLI::App& app, CliContext& context);
void AddCampaignsCommand(CLI::App& app, CliContext& context);
void AddShowCommand(CLI::App& app, CliContext& context);
void AddWatchCommand(CLI::App& app, CliContext& context);
void AddCancelCommand(CLI::App& app, CliContext& context);
void AddHostsCommand(CLI::App& app, CliContext& context);
void AddHostCommand(CLI::App& app, CliContext& context);
void AddReportCommand(CLI::App& app, CliContext& context);
void AddProfileCommand(CLI::App& app, CliContext& context);

}  // namespace feedfarm
