#include "coordinator/scheduler/placement.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/role_name.h"

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

// Links that carry a run's traffic, with the run.
using HeldLinks = std::map<std::string, std::string>;

HeldLinks HeldLinksOf(const std::vector<Host>& hosts) {
  HeldLinks held;
  for (const Host& host : hosts) {
    for (const Port& port : host.facts.ports()) {
      const auto at = host.held_ports.find(port.name());
      if (at != host.held_ports.end() && !port.link().empty()) held.emplace(port.link(), at->second);
    }
  }
  return held;
}

// Fitting ports on links that are not held; of two on one link the first by name.
Links LinksOf(const Host& host, const std::vector<Constraint>& constraints, const HeldLinks& held = {}) {
  Links links;
  if (!HostFits(host, constraints)) return links;
  for (const Port& port : host.facts.ports()) {
    if (!PortFits(port, constraints) || held.count(port.link()) > 0) continue;
    auto [at, fresh] = links.emplace(port.link(), port.name());
    if (!fresh) at->second = std::min(at->second, port.name());
  }
  return links;
}

// Does the host meet one constraint alone, on enough ports?
bool Meets(const Host& host, const Constraint& constraint) {
  return constraint.host_holds ? constraint.host_holds(host) : LinksOf(host, {constraint}).size() >= kLines;
}

// Hosts of a gang, and what of them.
struct Gang {
  std::vector<const Host*> hosts;
  GangPlaces places;
  // That join them.
  std::vector<std::string> links;
};

std::optional<Gang> Join(const Host& source, const Links& from, const Host& handler, const Links& to) {
  std::vector<std::pair<std::string, std::string>> ports;
  std::vector<std::string> links;
  for (const auto& [link, port] : from) {
    const auto at = to.find(link);
    if (at == to.end() || ports.size() >= kLines) continue;
    ports.emplace_back(port, at->second);
    links.push_back(link);
  }
  if (ports.size() < kLines) return std::nullopt;
  return Gang{{&source, &handler},
              {{v1::ROLE_SOURCE, source.name, ports[0].first, ports[1].first},
               {v1::ROLE_HANDLER, handler.name, ports[0].second, ports[1].second}},
              std::move(links)};
}

std::vector<Links> AllLinks(const std::vector<Host>& hosts, const v1::RoleRequirement& wish, const HeldLinks& held = {}) {
  const std::vector<Constraint> constraints = ConstraintsOf(wish);
  std::vector<Links> all;
  for (const Host& host : hosts) all.push_back(LinksOf(host, constraints, held));
  return all;
}

using GangVisitor = std::function<bool(const Gang&)>;

void ForEachPair(const v1::Placement& placement, const std::vector<Host>& hosts, const HeldLinks& held,
                 const GangVisitor& visit) {
  const std::vector<Links> from = AllLinks(hosts, placement.source(), held);
  const std::vector<Links> to = AllLinks(hosts, placement.handler(), held);
  for (size_t s = 0; s < hosts.size(); ++s) {
    for (size_t h = 0; h < hosts.size(); ++h) {
      if (s == h || from[s].size() < kLines || to[h].size() < kLines) continue;
      const std::optional<Gang> pair = Join(hosts[s], from[s], hosts[h], to[h]);
      if (pair.has_value() && !visit(*pair)) return;
    }
  }
}

void ForEachSingle(const v1::RoleRequirement& wish, const std::vector<Host>& hosts, const GangVisitor& visit) {
  const std::vector<Constraint> constraints = ConstraintsOf(wish);
  for (const Host& host : hosts) {
    if (HostFits(host, constraints) && !visit({{&host}, {{v1::ROLE_PROFILE, host.name, "", ""}}, {}})) return;
  }
}

// Every gang that fits and needs no held link, until `visit` says stop.
void ForEachGang(const v1::Placement& placement, const std::vector<Host>& hosts, const HeldLinks& held,
                 const GangVisitor& visit) {
  if (placement.has_profile()) return ForEachSingle(placement.profile(), hosts, visit);
  ForEachPair(placement, hosts, held, visit);
}

void ExplainRole(v1::Role role, const v1::RoleRequirement& wish, const std::vector<Host>& hosts,
                 std::vector<std::string>* problems) {
  const std::vector<Constraint> constraints = ConstraintsOf(wish);
  const auto meets_all = [&](const Host& host) {
    return role == v1::ROLE_PROFILE ? HostFits(host, constraints) : LinksOf(host, constraints).size() >= kLines;
  };
  const size_t before = problems->size();
  for (const Constraint& c : constraints) {
    if (std::any_of(hosts.begin(), hosts.end(), [&](const Host& h) { return Meets(h, c); })) continue;
    problems->push_back(absl::StrCat(RoleName(role), ": ", c.text, ": ",
                                     absl::StrJoin(hosts, ", ", [&](std::string* out, const Host& h) {
                                       absl::StrAppend(out, h.name, " has ", c.found(h));
                                     })));
  }
  if (problems->size() > before || constraints.empty()) return;
  if (std::any_of(hosts.begin(), hosts.end(), meets_all)) return;
  for (const Host& host : hosts) {
    std::vector<std::string> lacks;
    for (const Constraint& c : constraints) {
      if (!Meets(host, c)) lacks.push_back(c.text);
    }
    // Each wish alone is met, but by different ports.
    if (lacks.empty()) lacks.push_back("2 ports with all of them");
    problems->push_back(
        absl::StrCat(RoleName(role), ": no host meets everything at once: ", host.name, " lacks ", absl::StrJoin(lacks, ", ")));
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
  const size_t needed = placement.has_profile() ? 1 : 2;
  if (hosts.empty()) return {absl::StrCat("hosts: at least ", needed, ": none is registered")};
  if (hosts.size() < needed) return {absl::StrCat("hosts: at least 2: only ", hosts[0].name, " is registered")};
  std::vector<std::string> problems;
  if (placement.has_profile()) {
    ExplainRole(v1::ROLE_PROFILE, placement.profile(), hosts, &problems);
    return problems;
  }
  ExplainRole(v1::ROLE_SOURCE, placement.source(), hosts, &problems);
  ExplainRole(v1::ROLE_HANDLER, placement.handler(), hosts, &problems);
  if (problems.empty()) ExplainLinks(placement, hosts, &problems);
  return problems;
}

bool IsFree(const Host& host) { return host.blocked_by.empty(); }

}  // namespace

std::string PlaceSearch::HostOf(v1::Role role) const {
  for (const RolePlace& place : places) {
    if (place.role == role) return place.host;
  }
  return "";
}

PlaceSearch FindPlaceEver(const v1::Placement& placement, const std::vector<PlacementHost>& hosts) {
  PlaceSearch search;
  ForEachGang(placement, hosts, {}, [&](const Gang& gang) {
    search.places = gang.places;
    return false;
  });
  if (!search.found()) search.problems = ExplainEver(placement, hosts);
  return search;
}

PlaceSearch FindPlaceNow(const v1::Placement& placement, const std::vector<PlacementHost>& hosts) {
  PlaceSearch search;
  const HeldLinks held = HeldLinksOf(hosts);
  ForEachGang(placement, hosts, held, [&](const Gang& gang) {
    if (!std::all_of(gang.hosts.begin(), gang.hosts.end(), [](const Host* host) { return IsFree(*host); })) return true;
    search.places = gang.places;
    return false;
  });
  if (search.found()) return search;
  std::set<std::string> blocked;
  ForEachGang(placement, hosts, {}, [&](const Gang& gang) {
    for (const Host* host : gang.hosts) {
      for (const std::string& reason : host->blocked_by) blocked.insert(absl::StrCat(host->name, ": ", reason));
    }
    for (const std::string& link : gang.links) {
      if (const auto at = held.find(link); at != held.end()) {
        blocked.insert(absl::StrCat("link ", link, ": busy with ", at->second));
      }
    }
    return true;
  });
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

void Occupy(std::vector<Host>* hosts, const RolePlace& place, const std::string& run_id) {
  Block(hosts, place.host, absl::StrCat("busy with ", run_id));
  for (Host& host : *hosts) {
    if (host.name != place.host) continue;
    for (const std::string& port : {place.port_a, place.port_b}) host.held_ports[port] = run_id;
  }
}

// One campaign's turn: its first run that can start, the hosts of those that must wait before it kept free for them.
std::optional<PlacedRun> PlaceOne(const std::vector<QueuedRun>& queue, const std::string& campaign_id,
                                  const std::set<std::string>& placed, const std::vector<Host>& hosts) {
  std::vector<Host> left = hosts;
  for (const QueuedRun& run : queue) {
    if (run.campaign_id != campaign_id || placed.count(run.run_id) > 0) continue;
    PlaceSearch now = FindPlaceNow(*run.placement, left);
    if (now.found()) return PlacedRun{run.run_id, std::move(now.places)};
    std::set<std::string> wanted;
    ForEachGang(*run.placement, hosts, {}, [&](const Gang& gang) {
      for (const Host* host : gang.hosts) wanted.insert(host->name);
      return true;
    });
    for (const std::string& host : wanted) Block(&left, host, absl::StrCat("kept for ", run.run_id));
    if (std::none_of(left.begin(), left.end(), &IsFree)) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::vector<PlacedRun> PlaceRuns(const std::vector<QueuedRun>& queue, std::vector<PlacementHost> hosts,
                                 const std::vector<CampaignLoad>& loads) {
  if (std::none_of(hosts.begin(), hosts.end(), &IsFree)) return {};
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
    for (const RolePlace& place : run->places) Occupy(&hosts, place, run->run_id);
    placements.push_back(*run);
  }
  return placements;
}

}  // namespace feedfarm
