#include "coordinator/scheduler/placement.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace feedfarm {
namespace {

using Port = v1::PortFacts;
using Host = PlacementHost;

// Lines A and B.
constexpr size_t kLines = 2;

// One wish of a role, on a host as a whole or on each of the two ports that it takes.
struct Constraint {
  std::string text;                               // "driver == ice"
  std::function<bool(const Host&)> host_holds;    // null: the wish is about ports
  std::function<bool(const Port&)> port_holds;    // null: the wish is about the host
  std::function<std::string(const Host&)> found;  // what the host has instead: "veth"
};

std::string JoinPorts(const Host& host, const std::function<std::string(const Port&)>& text) {
  std::set<std::string> values;
  for (const Port& port : host.facts.ports()) {
    if (!port.link().empty()) values.insert(text(port));
  }
  return values.empty() ? "no linked port" : absl::StrJoin(values, "/");
}

std::vector<Constraint> ConstraintsOf(const v1::RoleRequirement& wish) {
  std::vector<Constraint> all;
  if (!wish.host().empty()) {
    all.push_back({absl::StrCat("host == ", wish.host()), [wish](const Host& h) { return h.name == wish.host(); }, nullptr,
                   [](const Host&) { return std::string("another name"); }});
  }
  if (wish.cpus_min() > 0) {
    all.push_back({absl::StrCat("cpus >= ", wish.cpus_min()),
                   [wish](const Host& h) { return h.facts.cpus() >= wish.cpus_min(); }, nullptr,
                   [](const Host& h) { return absl::StrCat(h.facts.cpus()); }});
  }
  if (!wish.driver().empty()) {
    all.push_back({absl::StrCat("driver == ", wish.driver()), nullptr,
                   [wish](const Port& p) { return p.driver() == wish.driver(); },
                   [](const Host& h) { return JoinPorts(h, [](const Port& p) { return p.driver(); }); }});
  }
  if (wish.link_mbps_min() > 0) {
    all.push_back({absl::StrCat("link_mbps >= ", wish.link_mbps_min()), nullptr,
                   [wish](const Port& p) { return p.link_mbps() >= wish.link_mbps_min(); }, [](const Host& h) {
                     return JoinPorts(h, [](const Port& p) {
                       return p.link_mbps() == 0 ? std::string("unknown") : absl::StrCat(p.link_mbps());
                     });
                   }});
  }
  if (wish.zero_copy()) {
    all.push_back({"zero_copy", nullptr, [](const Port& p) { return p.zero_copy(); },
                   [](const Host&) { return std::string("no zero-copy port pair"); }});
  }
  if (wish.hardware_timestamps()) {
    all.push_back({"hardware_timestamps", nullptr, [](const Port& p) { return p.hardware_timestamps(); },
                   [](const Host&) { return std::string("no port pair with hardware timestamps"); }});
  }
  return all;
}

bool PortFits(const Port& port, const std::vector<Constraint>& constraints) {
  return !port.link().empty() && std::all_of(constraints.begin(), constraints.end(), [&](const Constraint& c) {
    return c.port_holds == nullptr || c.port_holds(port);
  });
}

bool HostFits(const Host& host, const std::vector<Constraint>& constraints) {
  return std::all_of(constraints.begin(), constraints.end(),
                     [&](const Constraint& c) { return c.host_holds == nullptr || c.host_holds(host); });
}

// Port by link name.
using Links = std::map<std::string, std::string>;

// Fitting ports; of two on one link the first by name.
Links LinksOf(const Host& host, const std::vector<Constraint>& constraints) {
  Links links;
  if (!HostFits(host, constraints)) return links;
  for (const Port& port : host.facts.ports()) {
    if (!PortFits(port, constraints)) continue;
    auto [at, fresh] = links.emplace(port.link(), port.name());
    if (!fresh) at->second = std::min(at->second, port.name());
  }
  return links;
}

// Does the host meet one constraint alone, on enough ports?
bool Meets(const Host& host, const Constraint& constraint) {
  return constraint.host_holds ? constraint.host_holds(host) : LinksOf(host, {constraint}).size() >= kLines;
}

struct Pair {
  const Host* source;
  const Host* handler;
  RolePlace source_place;
  RolePlace handler_place;
};

std::optional<Pair> Join(const Host& source, const Links& from, const Host& handler, const Links& to) {
  std::vector<std::pair<std::string, std::string>> ports;
  for (const auto& [link, port] : from) {
    if (const auto at = to.find(link); at != to.end() && ports.size() < kLines) ports.emplace_back(port, at->second);
  }
  if (ports.size() < kLines) return std::nullopt;
  return Pair{&source,
              &handler,
              {source.name, ports[0].first, ports[1].first},
              {handler.name, ports[0].second, ports[1].second}};
}

std::vector<Links> AllLinks(const std::vector<Host>& hosts, const v1::RoleRequirement& wish) {
  const std::vector<Constraint> constraints = ConstraintsOf(wish);
  std::vector<Links> all;
  for (const Host& host : hosts) all.push_back(LinksOf(host, constraints));
  return all;
}

// Every pair, until `visit` says stop.
void ForEachPair(const v1::Placement& placement, const std::vector<Host>& hosts,
                 const std::function<bool(const Pair&)>& visit) {
  const std::vector<Links> from = AllLinks(hosts, placement.source());
  const std::vector<Links> to = AllLinks(hosts, placement.handler());
  for (size_t s = 0; s < hosts.size(); ++s) {
    for (size_t h = 0; h < hosts.size(); ++h) {
      if (s == h || from[s].size() < kLines || to[h].size() < kLines) continue;
      const std::optional<Pair> pair = Join(hosts[s], from[s], hosts[h], to[h]);
      if (pair.has_value() && !visit(*pair)) return;
    }
  }
}

void ExplainRole(const char* role, const std::vector<Constraint>& constraints, const std::vector<Host>& hosts,
                 std::vector<std::string>* problems) {
  const size_t before = problems->size();
  for (const Constraint& c : constraints) {
    if (std::any_of(hosts.begin(), hosts.end(), [&](const Host& h) { return Meets(h, c); })) continue;
    problems->push_back(absl::StrCat(role, ": ", c.text, ": ",
                                     absl::StrJoin(hosts, ", ", [&](std::string* out, const Host& h) {
                                       absl::StrAppend(out, h.name, " has ", c.found(h));
                                     })));
  }
  if (problems->size() > before || constraints.empty()) return;
  if (std::any_of(hosts.begin(), hosts.end(), [&](const Host& h) { return LinksOf(h, constraints).size() >= kLines; })) {
    return;
  }
  for (const Host& host : hosts) {
    std::vector<std::string> lacks;
    for (const Constraint& c : constraints) {
      if (!Meets(host, c)) lacks.push_back(c.text);
    }
    // Each wish alone is met, but by different ports.
    if (lacks.empty()) lacks.push_back("2 ports with all of them");
    problems->push_back(
        absl::StrCat(role, ": no host meets everything at once: ", host.name, " lacks ", absl::StrJoin(lacks, ", ")));
  }
}

void ExplainLinks(const v1::Placement& placement, const std::vector<Host>& hosts, std::vector<std::string>* problems) {
  const std::vector<Links> from = AllLinks(hosts, placement.source());
  const std::vector<Links> to = AllLinks(hosts, placement.handler());
  std::vector<std::string> shared;
  for (size_t s = 0; s < hosts.size(); ++s) {
    for (size_t h = 0; h < hosts.size(); ++h) {
      if (s == h || from[s].empty() || to[h].empty()) continue;
      const auto count =
          std::count_if(from[s].begin(), from[s].end(), [&](const auto& link) { return to[h].count(link.first) > 0; });
      shared.push_back(absl::StrCat(hosts[s].name, " and ", hosts[h].name, " share ", count));
    }
  }
  problems->push_back(absl::StrCat("source and handler: two hosts joined by 2 links: ",
                                   shared.empty() ? "no two hosts have fitting ports" : absl::StrJoin(shared, ", ")));
}

std::vector<std::string> ExplainEver(const v1::Placement& placement, const std::vector<Host>& hosts) {
  if (hosts.empty()) return {"hosts: at least 2: none is registered"};
  if (hosts.size() < 2) return {absl::StrCat("hosts: at least 2: only ", hosts[0].name, " is registered")};
  std::vector<std::string> problems;
  ExplainRole("source", ConstraintsOf(placement.source()), hosts, &problems);
  ExplainRole("handler", ConstraintsOf(placement.handler()), hosts, &problems);
  if (problems.empty()) ExplainLinks(placement, hosts, &problems);
  return problems;
}

PairSearch Found(const Pair& pair) { return {true, pair.source_place, pair.handler_place, {}}; }

}  // namespace

PairSearch FindPairEver(const v1::Placement& placement, const std::vector<PlacementHost>& hosts) {
  PairSearch search;
  ForEachPair(placement, hosts, [&](const Pair& pair) {
    search = Found(pair);
    return false;
  });
  if (!search.found) search.problems = ExplainEver(placement, hosts);
  return search;
}

PairSearch FindPairNow(const v1::Placement& placement, const std::vector<PlacementHost>& hosts) {
  PairSearch search;
  std::set<std::string> blocked;
  ForEachPair(placement, hosts, [&](const Pair& pair) {
    if (pair.source->blocked_by.empty() && pair.handler->blocked_by.empty()) {
      search = Found(pair);
      return false;
    }
    for (const Host* host : {pair.source, pair.handler}) {
      for (const std::string& reason : host->blocked_by) blocked.insert(absl::StrCat(host->name, ": ", reason));
    }
    return true;
  });
  if (search.found) return search;
  search.problems.assign(blocked.begin(), blocked.end());
  if (search.problems.empty()) search.problems = ExplainEver(placement, hosts);
  return search;
}

namespace {

void Block(std::vector<Host>* hosts, const std::string& name, const std::string& why) {
  for (Host& host : *hosts) {
    if (host.name == name) host.blocked_by.push_back(why);
  }
}

// One campaign's turn: its first run that can start, the hosts of those that must wait before it kept free for them.
std::optional<PlacedRun> PlaceOne(const std::vector<QueuedRun>& queue, const std::string& campaign_id,
                                  const std::set<std::string>& placed, const std::vector<Host>& hosts) {
  std::vector<Host> left = hosts;
  for (const QueuedRun& run : queue) {
    if (run.campaign_id != campaign_id || placed.count(run.run_id) > 0) continue;
    const PairSearch now = FindPairNow(*run.placement, left);
    if (now.found) return PlacedRun{run.run_id, now.source, now.handler};
    std::set<std::string> wanted;
    ForEachPair(*run.placement, hosts, [&](const Pair& pair) {
      wanted.insert({pair.source->name, pair.handler->name});
      return true;
    });
    for (const std::string& host : wanted) Block(&left, host, absl::StrCat("kept for ", run.run_id));
    if (std::all_of(left.begin(), left.end(), [](const Host& h) { return !h.blocked_by.empty(); })) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::vector<PlacedRun> PlaceRuns(const std::vector<QueuedRun>& queue, std::vector<PlacementHost> hosts,
                                 const std::vector<CampaignLoad>& loads) {
  const auto free = [](const Host& host) { return host.blocked_by.empty(); };
  if (std::count_if(hosts.begin(), hosts.end(), free) < 2) return {};
  // Waiting campaigns in order of submission, each with its active runs.
  std::vector<CampaignLoad> waiting;
  for (const QueuedRun& run : queue) {
    const auto same = [&](const CampaignLoad& load) { return load.campaign_id == run.campaign_id; };
    if (std::any_of(waiting.begin(), waiting.end(), same)) continue;
    const auto load = std::find_if(loads.begin(), loads.end(), same);
    waiting.push_back(load != loads.end() ? *load : CampaignLoad{run.campaign_id, 0});
  }
  std::vector<PlacedRun> placements;
  std::set<std::string> placed;
  while (!waiting.empty()) {
    const auto next = std::min_element(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) {
      return a.active_runs < b.active_runs;
    });
    const std::optional<PlacedRun> run = PlaceOne(queue, next->campaign_id, placed, hosts);
    if (!run.has_value()) {
      waiting.erase(next);
      continue;
    }
    ++next->active_runs;
    placed.insert(run->run_id);
    for (const std::string& host : {run->source.host, run->handler.host}) {
      Block(&hosts, host, absl::StrCat("busy with ", run->run_id));
    }
    placements.push_back(*run);
  }
  return placements;
}

}  // namespace feedfarm
