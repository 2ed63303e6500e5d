#include "pipeline/control/handler_options.h"

#include <bit>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr int kBadFlags = 2;

// Endpoints as they stand on the command line.
struct Texts {
  std::string port_a, port_b, group_a, group_b, rerequest, snapshot, journal_sync;
  std::vector<std::string> required;
  glimpse::FetcherOptions snapshots;
};

void Declare(CLI::App& app, HandlerOptions& options, Texts& texts) {
  const std::map<std::string, HandlerProtocol> protocols = {{"moldudp64-itch50", HandlerProtocol::kMoldItch},
                                                            {"iextp-deep10", HandlerProtocol::kIexDeep}};
  app.add_option("--protocol", options.protocol, "moldudp64-itch50 or iextp-deep10")
      ->required()
      ->transform(CLI::Transformer(protocols))
      ->option_text("NAME");
  app.add_option("--port-a", texts.port_a, "interface of line A")->required();
  app.add_option("--port-b", texts.port_b, "interface of line B")->required();
  app.add_option("--group-a", texts.group_a, "line A's group, IP:PORT")->required();
  app.add_option("--group-b", texts.group_b, "line B's group, IP:PORT")->required();
  app.add_option("--rerequest", texts.rerequest, "re-request server, IP:PORT; none: gaps are skipped");
  app.add_option("--dwell-ns", options.dwell_ns, "a gap older than this is asked for");
  app.add_option("--window-messages", options.window_messages, "messages the reorder buffer holds, power of two");
  app.add_option("--jump-messages", options.jump_messages,
                 "a packet that skips more, or another session's, waits for a second one; 0: is believed");
  app.add_option("--rerequest-timeout-ns", options.rerequest_timeout_ns, "first wait for an answer, doubles");
  app.add_option("--rerequest-tries", options.rerequest_tries, "requests for a range before it is unrecoverable");
  app.add_option("--book-orders-max", options.book_orders_max, "live orders that the books hold");
  app.add_option("--book-levels-max", options.book_levels_max, "price levels that the books hold");
  app.add_option("--shards", options.shards, "threads for the books; 0: the hot thread")->check(CLI::Range(0, 16));
  app.add_option("--shard-cpus", options.shard_cpus, "cores of the shards, e.g. 2,3; others are not pinned")
      ->delimiter(',')
      ->check(CLI::Range(0, 1023));
  app.add_option("--journal", options.journal, "folder of the journal; none: nothing is kept");
  app.add_option("--journal-sync", texts.journal_sync, "none, group, or interval MS")->option_text("POLICY");
  app.add_option("--snapshot-every-messages", options.snapshot_every_messages, "0: none");
  app.add_flag("--spin", options.spin, "spin on the rings instead of sleeping");
  app.add_flag("--fifo", options.fifo, "SCHED_FIFO for the hot thread");
  app.add_option("--cpu", options.cpu, "core of the hot thread; -1: not pinned");
  app.add_option("--first-sequence", options.first_sequence, "first message wanted; 0: the first one seen");
  app.add_option("--artifacts", options.artifacts, "folder for latency.hlog and counters.json");
  app.add_option("--control-fd", options.control_fd, "socket to the agent; none: records go to stdout");
  app.add_option("--account-fd", options.account_fd, "memory of the agent's for counters that a kill must not take");
}

void DeclareSnapshots(CLI::App& app, HandlerOptions& options, Texts& texts) {
  using Width = glimpse::SequenceField::Width;
  using Meaning = glimpse::SequenceField::Meaning;
  const std::map<std::string, Width> widths = {{"text", Width::kText20}, {"binary", Width::kBinary8}};
  const std::map<std::string, Meaning> meanings = {{"next", Meaning::kNext}, {"last", Meaning::kLast}};
  glimpse::FetcherOptions& snapshots = texts.snapshots;
  app.add_option("--snapshot", texts.snapshot, "GLIMPSE server, IP:PORT, for what re-requests do not bring");
  app.add_option("--snapshot-tries", options.snapshot_tries, "snapshots asked for before a gap is unrecoverable");
  app.add_option("--snapshot-user", snapshots.client.user, "its login, 6 characters");
  app.add_option("--snapshot-password", snapshots.client.password, "its password, 10 characters");
  app.add_option("--snapshot-bytes", snapshots.image_bytes, "memory for one; what is larger is refused");
  app.add_option("--snapshot-sequence", snapshots.client.sequence.width, "its sequence: 20 digits or 8 bytes")
      ->transform(CLI::Transformer(widths))
      ->option_text("text|binary");
  app.add_option("--snapshot-sequence-is", snapshots.client.sequence.meaning, "the first not in it, or the last in it")
      ->transform(CLI::Transformer(meanings))
      ->option_text("next|last");
}

void DeclareReceive(CLI::App& app, ReceiveOptions& receive, Texts& texts) {
  const std::map<std::string, ReceiveMethod> methods = {{"af_xdp", ReceiveMethod::kAfXdp},
                                                        {"recvmmsg", ReceiveMethod::kRecvmmsg},
                                                        {"packet_mmap", ReceiveMethod::kPacketMmap}};
  const std::map<std::string, WantedTime> times = {
      {"any", WantedTime::kAny}, {"software", WantedTime::kSoftware}, {"hardware", WantedTime::kHardware}};
  app.add_option("--receive", receive.method, "af_xdp, recvmmsg or packet_mmap")
      ->transform(CLI::Transformer(methods))
      ->option_text("NAME");
  app.add_option("--pool-frames", receive.frames, "receive buffers, power of two");
  app.add_option("--queues", receive.queues, "receive queues an interface that af_xdp serves; 0: all");
  app.add_option("--busy-poll-us", receive.busy_poll_us, "busy poll of the device for so long a call; 0: none");
  app.add_option(
         "--timestamps", receive.timestamps,
         "receive times: any (hardware where the interface stamps already), software, or hardware (switched on)")
      ->transform(CLI::Transformer(times))
      ->option_text("NAME");
  app.add_option("--require", texts.required, "what must be granted, e.g. zero-copy,hardware-time; else exit 11")
      ->delimiter(',');
}

absl::Status CheckReceive(const Texts& texts, ReceiveOptions& receive) {
  FEEDFARM_ASSIGN_OR_RETURN(receive.lines[0], ParseLineEndpoint(texts.port_a, texts.group_a));
  FEEDFARM_ASSIGN_OR_RETURN(receive.lines[1], ParseLineEndpoint(texts.port_b, texts.group_b));
  if (!std::has_single_bit(receive.frames)) {
    return absl::InvalidArgumentError("--pool-frames must be a power of two");
  }
  for (const std::string& name : texts.required) {
    const absl::StatusOr<Grant> grant = ParseGrant(name);
    if (!grant.ok())
      return absl::InvalidArgumentError(absl::StrCat("--require: ", std::string(grant.status().message())));
    receive.required.push_back(*grant);
  }
  return Check(receive);
}

absl::Status Check(const Texts& texts, HandlerOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(CheckReceive(texts, options.receive));
  if (!texts.rerequest.empty()) {
    FEEDFARM_ASSIGN_OR_RETURN(options.rerequest, ParseLineEndpoint("none", texts.rerequest));
  }
  if (!texts.snapshot.empty()) {
    if (options.protocol != HandlerProtocol::kMoldItch) {
      return absl::InvalidArgumentError("--snapshot: GLIMPSE has snapshots of ITCH feeds");
    }
    FEEDFARM_ASSIGN_OR_RETURN(const LineEndpoint server, ParseLineEndpoint("none", texts.snapshot));
    options.snapshots = texts.snapshots;
    options.snapshots->address = texts.snapshot.substr(0, texts.snapshot.find(':'));
    options.snapshots->port = server.port;
  }
  if (!std::has_single_bit(options.window_messages)) {
    return absl::InvalidArgumentError("--window-messages must be a power of two");
  }
  if (!texts.journal_sync.empty()) {
    FEEDFARM_ASSIGN_OR_RETURN(options.journal_sync, ParseSyncPolicy(texts.journal_sync));
  }
  if (options.shard_cpus.size() > options.shards) {
    return absl::InvalidArgumentError("--shard-cpus has more cores than there are --shards");
  }
  if (options.book_orders_max == 0 || options.book_levels_max == 0) {
    return absl::InvalidArgumentError("--book-orders-max and --book-levels-max must not be 0");
  }
  if (options.dwell_ns == 0 || options.rerequest_timeout_ns == 0) {
    return absl::InvalidArgumentError("--dwell-ns and --rerequest-timeout-ns must not be 0");
  }
  return absl::OkStatus();
}

}  // namespace

ParsedHandlerOptions ParseHandlerOptions(int argc, const char* const* argv) {
  CLI::App app("feedfarm-handler: the feed handler under test, run by feedfarm-agent", "feedfarm-handler");
  HandlerOptions options;
  Texts texts;
  try {
    Declare(app, options, texts);
    DeclareReceive(app, options.receive, texts);
    DeclareSnapshots(app, options, texts);
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {std::nullopt, app.help(), 0};
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, error.what(), kBadFlags};
  }
  if (const absl::Status status = Check(texts, options); !status.ok()) {
    return {std::nullopt, std::string(status.message()), kBadFlags};
  }
  return {options, "", 0};
}

}  // namespace feedfarm
