#include "agent/host/host_state.h"

#include <arpa/inet.h>

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "agent/files/durable_file.h"
#include "agent/host/link_query.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// /proc/net/igmp: a line "2\tveth0     :     2      V3" an interface, below it a line a group: "\t\t\t\t010000E0     1
// 0:..."; the group is the address's bytes as one number of this host.
std::vector<std::string> Memberships(const std::string& igmp, const std::string& interface) {
  std::vector<std::string> groups;
  bool inside = false;
  for (absl::string_view line : absl::StrSplit(igmp, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.empty()) continue;
    if (!absl::ascii_isspace(static_cast<unsigned char>(line[0]))) {
      inside = words.size() > 1 && absl::StripSuffix(words[1], ":") == interface;
      continue;
    }
    uint32_t number = 0;
    char text[INET_ADDRSTRLEN];
    if (!inside || !absl::SimpleHexAtoi(words[0], &number)) continue;
    const in_addr address{number};
    if (::inet_ntop(AF_INET, &address, text, sizeof text) != nullptr) groups.emplace_back(text);
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

absl::StatusOr<PortState> TakePort(const std::string& interface, const std::string& igmp) {
  PortState port;
  port.interface = interface;
  const auto link = QueryLink(interface);
  if (absl::IsNotFound(link.status())) return port;
  if (!link.ok()) return link.status();
  port.exists = true;
  port.up = link->up;
  port.promiscuous = link->promiscuous;
  port.all_multicast = link->all_multicast;
  port.mtu = link->mtu;
  port.xdp_program_id = link->xdp_program_id;
  port.xdp_mode = link->xdp_mode;
  port.qdisc = link->qdisc;
  port.memberships = Memberships(igmp, interface);
  return port;
}

absl::StatusOr<std::vector<GroupState>> TakeGroups(const HostStateOptions& options) {
  std::vector<GroupState> groups;
  const auto names = Cgroup::List(options.cgroups);
  if (absl::IsNotFound(names.status())) return groups;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, options.group_prefix)) continue;
    GroupState group{.name = name, .processes = {}};
    FEEDFARM_ASSIGN_OR_RETURN(const std::vector<pid_t> processes, Cgroup::ProcessesOf(name, options.cgroups));
    for (const pid_t pid : processes) {
      const std::string command = ReadWholeFile(absl::StrCat(options.proc, "/", pid, "/comm")).value_or("?");
      group.processes.push_back(absl::StrCat(pid, " ", absl::StripAsciiWhitespace(command)));
    }
    std::sort(group.processes.begin(), group.processes.end());
    groups.push_back(std::move(group));
  }
  return groups;
}

std::string Program(const PortState& port) {
  if (port.xdp_mode.empty()) return "no XDP program";
  if (port.xdp_program_id == 0) return "several XDP programs";
  return absl::StrCat("XDP program ", port.xdp_program_id, " (", port.xdp_mode, ")");
}

// Sentences about one port.
class PortDifference {
 public:
  PortDifference(const PortState& before, const PortState& after, std::vector<std::string>& out)
      : before_(before), after_(after), out_(out) {}

  void Run() {
    if (before_.exists != after_.exists) return Say(after_.exists ? "has appeared" : "is gone");
    if (!after_.exists) return;
    if (before_.up != after_.up) Say(after_.up ? "was down and is up" : "was up and is down");
    Flag("promiscuous mode", before_.promiscuous, after_.promiscuous);
    Flag("all-multicast", before_.all_multicast, after_.all_multicast);
    Changed("MTU ", absl::StrCat(before_.mtu), absl::StrCat(after_.mtu));
    Changed("", Program(before_), Program(after_));
    Changed("queueing discipline ", before_.qdisc, after_.qdisc);
    Memberships();
  }

 private:
  void Say(const std::string& what) { out_.push_back(absl::StrCat("port ", after_.interface, " ", what)); }
  void Flag(const char* name, bool before, bool after) {
    if (before != after) Say(absl::StrCat("has ", name, after ? " on, it was off" : " off, it was on"));
  }
  void Changed(const char* name, const std::string& before, const std::string& after) {
    if (before != after) Say(absl::StrCat("has ", name, after, ", it had ", before));
  }
  void Memberships() {
    for (const std::string& group : Missing(after_.memberships, before_.memberships)) {
      Say(absl::StrCat("is still a member of ", group));
    }
    for (const std::string& group : Missing(before_.memberships, after_.memberships)) {
      Say(absl::StrCat("is no longer a member of ", group));
    }
  }
  // What is in `these` and not in `those`; both are sorted.
  static std::vector<std::string> Missing(const std::vector<std::string>& these,
                                          const std::vector<std::string>& those) {
    std::vector<std::string> missing;
    std::set_difference(these.begin(), these.end(), those.begin(), those.end(), std::back_inserter(missing));
    return missing;
  }

  const PortState& before_;
  const PortState& after_;
  std::vector<std::string>& out_;
};

void GroupDifference(const HostState& before, const HostState& after, std::vector<std::string>& out) {
  std::map<std::string, const GroupState*> earlier;
  for (const GroupState& group : before.groups) earlier[group.name] = &group;
  for (const GroupState& group : after.groups) {
    if (earlier.contains(group.name)) continue;
    const std::string inside = absl::StrJoin(group.processes, ", ");
    out.push_back(absl::StrCat("cgroup ", group.name, " is left",
                               inside.empty() ? ", without processes" : absl::StrCat(" with processes ", inside)));
  }
}

}  // namespace

absl::StatusOr<HostState> TakeHostState(const HostStateOptions& options) {
  // The thread's own view: /proc/net would be that of the process's first thread.
  const std::string igmp = ReadWholeFile(options.proc + "/thread-self/net/igmp").value_or("");
  HostState state;
  for (const std::string& interface : options.interfaces) {
    FEEDFARM_ASSIGN_OR_RETURN(PortState port, TakePort(interface, igmp));
    state.ports.push_back(std::move(port));
  }
  FEEDFARM_ASSIGN_OR_RETURN(state.groups, TakeGroups(options));
  return state;
}

std::vector<std::string> Difference(const HostState& before, const HostState& after) {
  std::vector<std::string> out;
  std::map<std::string, const PortState*> earlier;
  for (const PortState& port : before.ports) earlier[port.interface] = &port;
  for (const PortState& port : after.ports) {
    const auto found = earlier.find(port.interface);
    if (found != earlier.end()) PortDifference(*found->second, port, out).Run();
  }
  GroupDifference(before, after, out);
  return out;
}

}  // namespace feedfarm
