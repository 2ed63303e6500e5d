#include "coordinator/campaign/scenario_parser.h"

#include <iterator>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/fault_check.h"
#include "coordinator/campaign/handler_settings.h"
#include "coordinator/campaign/map_reader.h"
#include "coordinator/campaign/profile_parser.h"
#include "coordinator/campaign/rate_search_parser.h"
#include "coordinator/campaign/receive_parser.h"
#include "coordinator/campaign/snapshot_settings.h"
#include "coordinator/campaign/units.h"
#include "coordinator/gate/gate_expression.h"
#include "coordinator/gate/profile_gates.h"
#include "pipeline/profile/profile_catalog.h"

namespace feedfarm {
namespace {

constexpr int64_t kMicrosecond = 1'000;
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kHour = 3600 * kSecond;

constexpr uint64_t kMessagesMax = 10'000'000'000;
constexpr size_t kFaultsMax = 200;
constexpr size_t kGatesMax = 200;

// The gates of a scenario that names none: exactly once, in order, complete.
constexpr absl::string_view kDefaultGates[] = {
    "messages == sent_messages", "duplicates == 0",         "out_of_order == 0",
    "unrecovered_messages == 0", "stream_hash == stream_reference", "state_hash == reference",
};

constexpr Choice kProtocols[] = {{"moldudp64-itch50", v1::FEED_PROTOCOL_MOLDUDP64_ITCH50},
                                 {"iextp-deep10", v1::FEED_PROTOCOL_IEXTP_DEEP10}};
constexpr Choice kOneLine[] = {{"A", v1::LINE_A}, {"B", v1::LINE_B}};
constexpr Choice kLines[] = {{"A", v1::LINE_A}, {"B", v1::LINE_B}, {"both", v1::LINE_BOTH}};

v1::Endpoint MakeEndpoint(absl::string_view address, uint32_t port) {
  v1::Endpoint endpoint;
  endpoint.set_address(std::string(address));
  endpoint.set_port(port);
  return endpoint;
}

void ReadSynthetic(const YamlNode& node, v1::SyntheticFeed* out, Diagnostics& diagnostics) {
  MapReader reader(node, "synthetic", diagnostics);
  uint64_t messages = 200'000;
  uint32_t symbols = 8'000;
  uint32_t per_packet = 4;
  reader.Count("messages", 1, kMessagesMax, &messages);
  // A stock locate is 16 bits and begins at 1.
  reader.Count32("symbols", 1, 65'535, &symbols);
  reader.Count32("messages_per_packet", 1, 100, &per_packet);
  reader.Finish();
  out->set_messages(messages);
  out->set_symbols(symbols);
  out->set_messages_per_packet(per_packet);
}

void ReadCapture(const YamlNode& node, absl::string_view folder, v1::CaptureFeed* out, Diagnostics& diagnostics) {
  MapReader reader(node, "capture", diagnostics);
  uint64_t limit = 0;
  uint32_t per_packet = 4;
  std::string path;
  bool known_holes = false;
  reader.Need("path");
  if (reader.Text("path", &path) && !absl::StartsWith(path, "/")) {
    if (folder.empty()) {
      reader.Refuse("path", "a relative path needs a campaign file whose folder is known: give an absolute path");
    } else {
      path = absl::StrCat(folder, path);
    }
  }
  reader.Count("limit", 0, kMessagesMax, &limit);
  reader.Bool("known_holes", &known_holes);
  reader.Count32("messages_per_packet", 1, 100, &per_packet);
  reader.Finish();
  out->set_path(path);
  out->set_limit(limit);
  out->set_known_holes(known_holes);
  out->set_messages_per_packet(per_packet);
}

void ReadContent(MapReader& reader, absl::string_view folder, v1::Traffic* traffic, Diagnostics& diagnostics) {
  const YamlNode* synthetic = reader.FindMaybeEmpty("synthetic");
  const YamlNode* capture = reader.Find("capture");
  if ((synthetic == nullptr) == (capture == nullptr)) {
    reader.Refuse(synthetic == nullptr ? "traffic" : "capture",
                  "give one of \"synthetic\" and \"capture\": what the source sends");
  }
  if (synthetic != nullptr) ReadSynthetic(*synthetic, traffic->mutable_synthetic(), diagnostics);
  if (capture != nullptr) ReadCapture(*capture, folder, traffic->mutable_capture(), diagnostics);
}

void ReadSchedule(MapReader& reader, v1::Traffic* traffic) {
  double rate = 20'000;
  double speed = 1;
  const bool has_speed = reader.Speed("speed", 0.001, 1e6, &speed);
  const bool has_rate = reader.Rate("rate", 1, 1e9, &rate);
  if (has_rate && has_speed) reader.Refuse("speed", "give \"rate\" or \"speed\", not both");
  if (has_speed && traffic->has_synthetic())
    reader.Refuse("speed", "a synthetic feed has no schedule of its own: give a rate such as 20000pps");
  if (has_speed) {
    traffic->set_speed(speed);
  } else {
    traffic->set_rate_pps(rate);
  }
}

void ReadRerequest(const YamlNode* node, v1::Rerequest* out, Diagnostics& diagnostics) {
  uint32_t port = 26'490;
  uint32_t messages_max = 0;
  uint64_t delay_ns = 0;
  uint64_t keep_messages = 0;
  double loss = 0;
  if (node != nullptr) {
    MapReader reader(*node, "rerequest", diagnostics);
    reader.Count("keep_messages", 0, kMessagesMax, &keep_messages);
    reader.Count32("port", 0, 65'535, &port);
    reader.Percent("loss", &loss);
    reader.Count32("messages_max", 0, 65'534, &messages_max);
    reader.Duration("delay", 0, 10 * kSecond, &delay_ns);
    reader.Finish();
  }
  out->set_port(port);
  out->set_loss(loss);
  out->set_messages_max(messages_max);
  out->set_delay_ns(delay_ns);
  out->set_keep_messages(keep_messages);
}

void ReadLine(MapReader& reader, absl::string_view name, v1::Endpoint* line) {
  if (!reader.EndpointAt(name, line)) return;
  const absl::StatusOr<uint64_t> first = ParseCount(line->address().substr(0, line->address().find('.')));
  if (!first.ok() || *first < 224 || *first > 239)
    reader.Refuse(name, absl::StrCat(line->address(), " is not a multicast group (224.0.0.0 to 239.255.255.255)"));
}

void ReadLines(const YamlNode* node, v1::Traffic* traffic, Diagnostics& diagnostics) {
  *traffic->mutable_line_a() = MakeEndpoint("239.10.0.1", 26'400);
  *traffic->mutable_line_b() = MakeEndpoint("239.10.0.2", 26'400);
  if (node == nullptr) return;
  MapReader reader(*node, "lines", diagnostics);
  ReadLine(reader, "a", traffic->mutable_line_a());
  ReadLine(reader, "b", traffic->mutable_line_b());
  const v1::Endpoint& a = traffic->line_a();
  const v1::Endpoint& b = traffic->line_b();
  if (a.address() == b.address() && a.port() == b.port())
    reader.Refuse("b", "lines a and b have the same group and port");
  reader.Finish();
}

void ReadTraffic(const YamlNode& node, absl::string_view folder, v1::Traffic* traffic, Diagnostics& diagnostics) {
  MapReader reader(node, "traffic", diagnostics);
  ReadContent(reader, folder, traffic, diagnostics);
  int protocol = v1::FEED_PROTOCOL_MOLDUDP64_ITCH50;
  reader.OneOf("protocol", kProtocols, &protocol);
  if (traffic->has_synthetic() && protocol != v1::FEED_PROTOCOL_MOLDUDP64_ITCH50)
    reader.Refuse("protocol", "a synthetic feed is moldudp64-itch50");
  traffic->set_protocol(static_cast<v1::FeedProtocol>(protocol));
  ReadSchedule(reader, traffic);
  int64_t skew_ns = 0;
  bool repack = false;
  uint64_t heartbeat_ns = kSecond;
  uint32_t bytes_max = 1'472;
  reader.Duration("skew_b", -10 * kSecond, 10 * kSecond, &skew_ns);
  reader.Bool("repack_b", &repack);
  reader.Duration("heartbeat", kMillisecond, kHour, &heartbeat_ns);
  // The longest message with its headers takes 92 bytes (IEX-TP 40 + 2 + 50).
  reader.Count32("packet_bytes_max", 128, 1'472, &bytes_max);
  traffic->set_skew_b_ns(skew_ns);
  traffic->set_repack_b(repack);
  traffic->set_heartbeat_ns(heartbeat_ns);
  traffic->set_packet_bytes_max(bytes_max);
  ReadRerequest(reader.FindMaybeEmpty("rerequest"), traffic->mutable_rerequest(), diagnostics);
  ReadGlimpse(reader.FindMaybeEmpty("glimpse"), traffic->mutable_glimpse(), diagnostics);
  ReadLines(reader.FindMaybeEmpty("lines"), traffic, diagnostics);
  reader.Finish();
}

v1::Line ReadLinesOf(MapReader& reader) {
  int line = v1::LINE_BOTH;
  reader.OneOf("lines", kLines, &line);
  return static_cast<v1::Line>(line);
}

void ReadCut(const YamlNode& node, v1::CutFault* cut, Diagnostics& diagnostics) {
  MapReader reader(node, "cut", diagnostics);
  int line = v1::LINE_A;
  uint64_t duration_ns = 0;
  reader.Need("line");
  reader.Need("duration");
  reader.OneOf("line", kOneLine, &line);
  reader.Duration("duration", kMicrosecond, kHour, &duration_ns);
  reader.Finish();
  cut->set_line(static_cast<v1::Line>(line));
  cut->set_duration_ns(duration_ns);
}

void ReadGap(const YamlNode& node, v1::GapFault* gap, Diagnostics& diagnostics) {
  MapReader reader(node, "gap", diagnostics);
  uint64_t messages = 0;
  reader.Need("messages");
  reader.Count("messages", 1, kMessagesMax, &messages);
  gap->set_messages(messages);
  gap->set_lines(ReadLinesOf(reader));
  reader.Finish();
}

void ReadDuplicate(const YamlNode& node, v1::DuplicateFault* duplicate, Diagnostics& diagnostics) {
  MapReader reader(node, "duplicate", diagnostics);
  uint64_t packets = 0;
  reader.Need("packets");
  reader.Count("packets", 1, kMessagesMax, &packets);
  duplicate->set_packets(packets);
  duplicate->set_lines(ReadLinesOf(reader));
  reader.Finish();
}

void ReadReorder(const YamlNode& node, v1::ReorderFault* reorder, Diagnostics& diagnostics) {
  MapReader reader(node, "reorder", diagnostics);
  uint64_t packets = 0;
  uint32_t distance = 1;
  reader.Need("packets");
  reader.Count("packets", 1, kMessagesMax, &packets);
  reader.Count32("distance", 1, 1000, &distance);
  reorder->set_packets(packets);
  reorder->set_distance(distance);
  reorder->set_lines(ReadLinesOf(reader));
  reader.Finish();
}

void ReadFault(const YamlNode& node, v1::Fault* fault, Diagnostics& diagnostics) {
  MapReader reader(node, "a fault", diagnostics);
  uint64_t at_ns = 0;
  reader.Need("at");
  reader.Duration("at", 0, 24 * kHour, &at_ns);
  fault->set_at_ns(at_ns);
  fault->set_line(node.position.line);
  int kinds = 0;
  const auto kind = [&](absl::string_view name) {
    const YamlNode* value = reader.FindMaybeEmpty(name);
    if (value != nullptr) ++kinds;
    return value;
  };
  if (const YamlNode* cut = kind("cut")) ReadCut(*cut, fault->mutable_cut(), diagnostics);
  if (const YamlNode* gap = kind("gap")) ReadGap(*gap, fault->mutable_gap(), diagnostics);
  if (const YamlNode* duplicate = kind("duplicate")) ReadDuplicate(*duplicate, fault->mutable_duplicate(), diagnostics);
  if (const YamlNode* reorder = kind("reorder")) ReadReorder(*reorder, fault->mutable_reorder(), diagnostics);
  if (const YamlNode* kill = kind("kill_handler")) {
    MapReader(*kill, "kill_handler", diagnostics).Finish();
    fault->mutable_kill_handler();
  }
  if (kinds != 1 && node.kind == YamlNode::Kind::kMap)
    diagnostics.Add(node.position, "a fault is one of cut, gap, duplicate, reorder, kill_handler");
  reader.Finish();
}

void ReadFaults(const YamlNode* node, v1::Scenario* scenario, Diagnostics& diagnostics) {
  if (node == nullptr) return;
  if (node->kind != YamlNode::Kind::kSequence || node->items.size() > kFaultsMax) {
    diagnostics.Add(node->position, absl::StrCat("faults must be a list of at most ", kFaultsMax));
    return;
  }
  std::vector<Position> positions;
  for (const YamlPtr& item : node->items) {
    ReadFault(*item, scenario->add_faults(), diagnostics);
    positions.push_back(item->position);
  }
  if (diagnostics.empty()) CheckFaults(*scenario, positions, diagnostics);
}

RunKind KindOf(const v1::Scenario& scenario) {
  if (scenario.has_profile()) return RunKind::kProfile;
  return scenario.has_rate_search() ? RunKind::kRateSearch : RunKind::kFeed;
}

// Why a run of this scenario has no such quantity; empty = it has.
std::string Misfit(const Quantity& quantity, const v1::Scenario& scenario) {
  const MetricRef* ref = std::get_if<MetricRef>(&quantity);
  const RunKind kind = ref != nullptr ? ref->metric->run_kind() : RunKind::kFeed;
  if (kind != KindOf(scenario)) {
    switch (KindOf(scenario)) {
      case RunKind::kRateSearch:
        return "a rate search answers only ndr_pps, pdr_pps and strict_pps";
      case RunKind::kProfile:
        return "a profile tells only profile[NAME]";
      case RunKind::kFeed:
        return absl::StrCat("only a scenario with ", kind == RunKind::kProfile ? "profile" : "rate_search",
                            " has an answer to this");
    }
  }
  const LocalProfile* profile = FindLocalProfile(scenario.profile().name());
  if (profile == nullptr || FindField(*profile, ref->part) != nullptr) return "";
  return absl::StrCat(profile->name, " tells no ", ref->part);
}

std::string Misfit(const GateExpression& gate, const v1::Scenario& scenario) {
  std::string misfit = Misfit(gate.left, scenario);
  const Quantity* right = std::get_if<Quantity>(&gate.right);
  return misfit.empty() && right != nullptr ? Misfit(*right, scenario) : misfit;
}

std::vector<std::string> DefaultGates(const v1::Scenario& scenario) {
  std::vector<std::string> gates;
  switch (KindOf(scenario)) {
    case RunKind::kFeed:
      for (const absl::string_view gate : kDefaultGates) gates.emplace_back(gate);
      break;
    case RunKind::kRateSearch:
      for (const std::string& goal : scenario.rate_search().goals()) gates.push_back(absl::StrCat(goal, "_pps > 0"));
      break;
    case RunKind::kProfile:
      if (const LocalProfile* profile = FindLocalProfile(scenario.profile().name())) gates = GatesOf(*profile);
      break;
  }
  return gates;
}

void ReadGate(const YamlNode& item, std::set<std::string>* seen, v1::Scenario* scenario, Diagnostics& diagnostics) {
  if (item.kind != YamlNode::Kind::kScalar) {
    diagnostics.Add(item.position,
                    absl::StrCat("a gate is text such as \"duplicates == 0\", not ", KindName(item.kind)));
    return;
  }
  const std::variant<GateExpression, GateError> gate = ParseGate(item.scalar);
  if (const GateError* error = std::get_if<GateError>(&gate)) {
    const uint32_t column = item.position.column + (item.quoted ? 1 : 0) + static_cast<uint32_t>(error->column) - 1;
    diagnostics.Add({item.position.line, column}, absl::StrCat("gate ", Quoted(item.scalar), ": ", error->message));
    return;
  }
  if (const std::string misfit = Misfit(std::get<GateExpression>(gate), *scenario); !misfit.empty()) {
    diagnostics.Add(item.position, absl::StrCat("gate ", Quoted(item.scalar), ": ", misfit));
    return;
  }
  if (!seen->insert(item.scalar).second) return;
  v1::Gate* out = scenario->add_gates();
  out->set_expression(item.scalar);
  out->set_line(item.position.line);
}

void ReadGates(const YamlNode* node, v1::Scenario* scenario, Diagnostics& diagnostics) {
  if (node == nullptr) {
    for (const std::string& expression : DefaultGates(*scenario)) {
      scenario->add_gates()->set_expression(expression);
      scenario->mutable_gates()->rbegin()->set_line(scenario->line());
    }
    return;
  }
  if (node->kind != YamlNode::Kind::kSequence || node->items.empty() || node->items.size() > kGatesMax) {
    diagnostics.Add(node->position, absl::StrCat("gates must be a list of 1 to ", kGatesMax,
                                                 " expressions: a run without one proves nothing"));
    return;
  }
  std::set<std::string> seen;
  for (const YamlPtr& item : node->items) ReadGate(*item, &seen, scenario, diagnostics);
}

void ReadRole(const YamlNode* node, absl::string_view what, v1::RoleRequirement* out, Diagnostics& diagnostics) {
  if (node == nullptr) return;
  MapReader reader(*node, what, diagnostics);
  std::string host;
  std::string driver;
  uint32_t cpus = 0;
  uint64_t link_mbps = 0;
  bool zero_copy = false;
  bool timestamps = false;
  reader.Text("host", &host);
  reader.Count32("cpus_min", 0, 4096, &cpus);
  reader.Text("driver", &driver);
  reader.Count("link_mbps_min", 0, 10'000'000, &link_mbps);
  reader.Bool("zero_copy", &zero_copy);
  reader.Bool("hardware_timestamps", &timestamps);
  reader.Finish();
  out->set_host(host);
  out->set_cpus_min(cpus);
  out->set_driver(driver);
  out->set_link_mbps_min(link_mbps);
  out->set_zero_copy(zero_copy);
  out->set_hardware_timestamps(timestamps);
}

// The host of a profile, which uses none of its ports.
void ReadProfilePlacement(const YamlNode* node, v1::Placement* out, Diagnostics& diagnostics) {
  v1::RoleRequirement* wish = out->mutable_profile();
  if (node == nullptr) return;
  MapReader reader(*node, "placement", diagnostics);
  for (const char* role : {"source", "handler"}) {
    if (reader.FindMaybeEmpty(role) != nullptr) reader.Refuse(role, "a profile has one host: write placement.profile");
  }
  if (const YamlNode* profile = reader.FindMaybeEmpty("profile")) {
    MapReader host_reader(*profile, "placement.profile", diagnostics);
    host_reader.Text("host", wish->mutable_host());
    uint32_t cpus = 0;
    host_reader.Count32("cpus_min", 0, 4096, &cpus);
    wish->set_cpus_min(cpus);
    host_reader.Finish();
  }
  reader.Finish();
}

void ReadPlacement(const YamlNode* node, v1::Placement* out, Diagnostics& diagnostics) {
  if (node == nullptr) return;
  MapReader reader(*node, "placement", diagnostics);
  if (reader.FindMaybeEmpty("profile") != nullptr) reader.Refuse("profile", "only a scenario with profile has this role");
  ReadRole(reader.FindMaybeEmpty("source"), "placement.source", out->mutable_source(), diagnostics);
  ReadRole(reader.FindMaybeEmpty("handler"), "placement.handler", out->mutable_handler(), diagnostics);
  if (!out->source().host().empty() && out->source().host() == out->handler().host())
    reader.Refuse("handler", "source and handler need two hosts");
  reader.Finish();
}

void ReadProfileScenario(const YamlNode& profile, const YamlNode& node, MapReader& reader, v1::Scenario* scenario,
                         Diagnostics& diagnostics) {
  // Those it refuses itself.
  for (const char* field : {"traffic", "rate_search", "handler", "faults"}) reader.FindMaybeEmpty(field);
  ReadProfile(profile, node, scenario, diagnostics);
  ReadGates(reader.FindMaybeEmpty("gates"), scenario, diagnostics);
  ReadProfilePlacement(reader.FindMaybeEmpty("placement"), scenario->mutable_placement(), diagnostics);
}

void ReadFeedScenario(const YamlNode& node, absl::string_view folder, MapReader& reader, v1::Scenario* scenario,
                      Diagnostics& diagnostics) {
  if (const YamlNode* traffic = reader.Need("traffic"))
    ReadTraffic(*traffic, folder, scenario->mutable_traffic(), diagnostics);
  if (const YamlNode* search = reader.FindMaybeEmpty("rate_search")) ReadRateSearch(*search, node, scenario, diagnostics);
  ReadHandler(reader.FindMaybeEmpty("handler"), scenario->mutable_handler(), diagnostics);
  ReadFaults(reader.FindMaybeEmpty("faults"), scenario, diagnostics);
  ReadGates(reader.FindMaybeEmpty("gates"), scenario, diagnostics);
  ReadPlacement(reader.FindMaybeEmpty("placement"), scenario->mutable_placement(), diagnostics);
  CheckTimeout(*scenario, reader.PlaceOf("timeout"), diagnostics);
  CheckSnapshot(*scenario, reader.PlaceOf("handler"), diagnostics);
}

}  // namespace

bool IsName(absl::string_view name) {
  if (name.empty() || name.size() > 63 || !absl::ascii_isalnum(name[0])) return false;
  for (const char c : name) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

v1::Scenario ParseScenario(const YamlNode& node, absl::string_view folder, Diagnostics& diagnostics) {
  v1::Scenario scenario;
  scenario.set_line(node.position.line);
  MapReader reader(node, "a scenario", diagnostics);
  std::string name;
  uint32_t repetitions = 1;
  uint64_t timeout_ns = 60 * kSecond;
  reader.Need("name");
  if (reader.Text("name", &name) && !IsName(name))
    reader.Refuse("name", absl::StrCat(Quoted(name), " is not a name: lower-case letters, digits, - _ . (at most 63)"));
  reader.Count32("repetitions", 1, 1000, &repetitions);
  reader.Duration("timeout", kSecond, 24 * kHour, &timeout_ns);
  scenario.set_name(name);
  scenario.set_repetitions(repetitions);
  scenario.set_timeout_ns(timeout_ns);
  if (const YamlNode* profile = reader.FindMaybeEmpty("profile")) {
    ReadProfileScenario(*profile, node, reader, &scenario, diagnostics);
  } else {
    ReadFeedScenario(node, folder, reader, &scenario, diagnostics);
  }
  reader.Finish();
  return scenario;
}

}  // namespace feedfarm
