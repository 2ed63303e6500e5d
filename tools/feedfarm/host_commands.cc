// The commands that look at hosts: hosts, host.
#include <iostream>
#include <memory>

#include "pipeline/base/clock.h"
#include "tools/feedfarm/commands.h"
#include "tools/feedfarm/host_view.h"

namespace feedfarm {
namespace {

int Hosts(CliContext& context) {
  v1::ListHostsReply reply;
  auto call = CallContext();
  const grpc::Status status = context.Stub().ListHosts(call.get(), {}, &reply);
  if (!status.ok()) return ReportRpcError(context, status);
  std::cout << (context.output == OutputFormat::kJson
                    ? JsonText(reply)
                    : HostsTable(reply, UnixNow(), context.output == OutputFormat::kWide));
  return 0;
}

int Host(CliContext& context, const std::string& name) {
  v1::GetHostRequest request;
  request.set_name(name);
  v1::HostStatus reply;
  auto call = CallContext();
  const grpc::Status status = context.Stub().GetHost(call.get(), request, &reply);
  if (!status.ok()) return ReportRpcError(context, status);
  std::cout << (context.output == OutputFormat::kJson ? JsonText(reply) : HostText(reply, UnixNow()));
  return 0;
}

}  // namespace

void AddHostsCommand(CLI::App& app, CliContext& context) {
  CLI::App* command = app.add_subcommand("hosts", "List hosts with their health, and why one is not fit");
  command->footer("Example:\n  feedfarm hosts -o wide");
  command->callback([&context] { context.exit_code = Hosts(context); });
}

void AddHostCommand(CLI::App& app, CliContext& context) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("host", "Show one host: health, lease, system, ports as probed");
  command->add_option("NAME", *name, "host name")->required();
  command->footer("Example:\n  feedfarm host dut");
  command->callback([name, &context] { context.exit_code = Host(context, *name); });
}

}  // namespace feedfarm
