#include "agent/handler/handler_flags.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace feedfarm {
namespace {

std::string Text(const v1::Endpoint& endpoint) { return absl::StrCat(endpoint.address(), ":", endpoint.port()); }

const char* ProtocolName(v1::FeedProtocol protocol) {
  return protocol == v1::FEED_PROTOCOL_IEXTP_DEEP10 ? "iextp-deep10" : "moldudp64-itch50";
}

const char* ReceiveName(v1::ReceiveMethod receive) {
  if (receive == v1::RECEIVE_METHOD_RECVMMSG) return "recvmmsg";
  return receive == v1::RECEIVE_METHOD_PACKET_MMAP ? "packet_mmap" : "af_xdp";
}

const char* TimesName(v1::WantedTime times) {
  if (times == v1::WANTED_TIME_SOFTWARE) return "software";
  return times == v1::WANTED_TIME_HARDWARE ? "hardware" : "any";
}

// "RECEIVE_GRANT_ZERO_COPY" is "zero-copy" on the command line.
std::string GrantName(int grant) {
  constexpr absl::string_view kPrefix = "RECEIVE_GRANT_";
  std::string name = v1::ReceiveGrant_Name(static_cast<v1::ReceiveGrant>(grant)).substr(kPrefix.size());
  absl::AsciiStrToLower(&name);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

void AddReceive(const v1::HandlerConfig& handler, std::vector<std::string>& flags) {
  const auto add = [&flags](const char* name, std::string value) {
    flags.push_back(name);
    flags.push_back(std::move(value));
  };
  add("--receive", ReceiveName(handler.receive()));
  if (handler.queues() != 0) add("--queues", absl::StrCat(handler.queues()));
  if (handler.busy_poll_ns() != 0) add("--busy-poll-us", absl::StrCat(handler.busy_poll_ns() / 1'000));
  if (handler.timestamps() != v1::WANTED_TIME_UNSPECIFIED) add("--timestamps", TimesName(handler.timestamps()));
  if (!handler.require().empty()) {
    add("--require", absl::StrJoin(handler.require(), ",",
                                   [](std::string* out, int grant) { absl::StrAppend(out, GrantName(grant)); }));
  }
}

}  // namespace

std::vector<std::string> HandlerFlags(const v1::DesiredRun& run, int cpu, uint64_t first_sequence,
                                      const std::string& artifacts_folder) {
  const v1::Traffic& traffic = run.scenario().traffic();
  const v1::HandlerConfig& handler = run.scenario().handler();
  std::vector<std::string> flags;
  const auto add = [&flags](const char* name, std::string value) {
    flags.push_back(name);
    flags.push_back(std::move(value));
  };
  // What the campaign leaves open is the handler's own default.
  const auto add_number = [&add](const char* name, uint64_t value) {
    if (value != 0) add(name, absl::StrCat(value));
  };
  add("--protocol", ProtocolName(traffic.protocol()));
  AddReceive(handler, flags);
  add("--port-a", run.port_a());
  add("--port-b", run.port_b());
  add("--group-a", Text(traffic.line_a()));
  add("--group-b", Text(traffic.line_b()));
  if (run.rerequest().port() != 0) add("--rerequest", Text(run.rerequest()));
  add_number("--dwell-ns", handler.dwell_ns());
  add_number("--window-messages", handler.window_messages());
  add_number("--jump-messages", handler.jump_messages());
  add_number("--rerequest-timeout-ns", handler.rerequest_timeout_ns());
  add_number("--rerequest-tries", handler.rerequest_tries());
  if (handler.snapshot() == v1::SNAPSHOT_METHOD_GLIMPSE && run.glimpse().port() != 0) {
    add("--snapshot", Text(run.glimpse()));
    add_number("--snapshot-tries", handler.snapshot_tries());
  }
  add_number("--pool-frames", handler.pool_frames());
  add_number("--book-orders-max", handler.book_orders_max());
  add_number("--book-levels-max", handler.book_levels_max());
  add_number("--shards", handler.shards());
  if (!handler.shard_cpus().empty()) add("--shard-cpus", absl::StrJoin(handler.shard_cpus(), ","));
  if (!handler.journal().empty()) {
    add("--journal", absl::StrCat(artifacts_folder, "/journal"));
    add("--journal-sync", handler.journal());
    add("--snapshot-every-messages", absl::StrCat(handler.snapshot_every_messages()));
  }
  if (handler.spin()) flags.push_back("--spin");
  if (handler.fifo()) flags.push_back("--fifo");
  if (cpu >= 0) add("--cpu", absl::StrCat(cpu));
  add("--first-sequence", absl::StrCat(first_sequence));
  add("--artifacts", artifacts_folder);
  return flags;
}

uint64_t FirstSequence(const v1::DesiredRun& run) {
  if (run.scenario().handler().start_after_ns() != 0) return 0;
  return run.scenario().traffic().protocol() == v1::FEED_PROTOCOL_IEXTP_DEEP10 ? 0 : 1;
}

std::vector<CutCommand> CutsOf(const v1::Scenario& scenario, uint64_t start_unix_ns, uint64_t tai_minus_unix_ns,
                               uint64_t now_tai_ns) {
  std::vector<CutCommand> cuts;
  for (const v1::Fault& fault : scenario.faults()) {
    if (!fault.has_cut()) continue;
    const uint64_t start_tai_ns = start_unix_ns + fault.at_ns() + tai_minus_unix_ns;
    if (start_tai_ns + fault.cut().duration_ns() <= now_tai_ns) continue;
    const v1::Line line = fault.cut().line();
    for (const auto& [wanted, id] : {std::pair{v1::LINE_A, LineId::kA}, std::pair{v1::LINE_B, LineId::kB}}) {
      if (line == wanted || line == v1::LINE_BOTH) cuts.push_back({id, start_tai_ns, fault.cut().duration_ns()});
    }
  }
  return cuts;
}

std::vector<uint64_t> KillsOf(const v1::Scenario& scenario) {
  std::vector<uint64_t> kills;
  for (const v1::Fault& fault : scenario.faults()) {
    if (fault.has_kill_handler()) kills.push_back(fault.at_ns());
  }
  std::sort(kills.begin(), kills.end());
  return kills;
}

}  // namespace feedfarm
