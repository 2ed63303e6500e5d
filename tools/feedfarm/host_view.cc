#include "tools/feedfarm/host_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/artifact/text_table.h"
#include "tools/feedfarm/names.h"
#include "tools/feedfarm/units_text.h"

namespace feedfarm {
namespace {

std::string Age(uint64_t seen_ns, uint64_t now_ns) {
  if (seen_ns == 0) return "never";
  return absl::StrCat(DurationText(now_ns > seen_ns ? now_ns - seen_ns : 0), " ago");
}

std::string XdpText(const v1::PortFacts& port) {
  if (!port.xdp_native() && !port.xdp_generic()) return "none";
  return absl::StrCat(port.xdp_native() ? "native" : "generic", port.zero_copy() ? ", zero-copy" : ", copy");
}

std::string LinkSpeed(const v1::PortFacts& port) {
  if (!port.carrier()) return "down";
  return port.link_mbps() == 0 ? "up" : absl::StrCat(port.link_mbps(), " Mb/s");
}

std::string Ports(const v1::HostFacts& facts) {
  return absl::StrJoin(facts.ports(), " ", [](std::string* out, const v1::PortFacts& port) {
    absl::StrAppend(out, port.name(), "=", port.link());
  });
}

}  // namespace

std::string HostsTable(const v1::ListHostsReply& reply, uint64_t now_unix_ns, bool wide) {
  std::vector<std::string> header = {"HOST", "HEALTH", "RUN", "SEEN", "PORTS", "WHY"};
  if (wide) header.insert(header.end(), {">CPUS", "KERNEL", ">EPOCH", "AGENT"});
  TextTable table(header);
  for (const auto& host : reply.hosts()) {
    std::vector<std::string> row = {host.name(),
                                    HealthName(host.health()),
                                    host.run_id().empty() ? "-" : host.run_id(),
                                    Age(host.last_seen_unix_ns(), now_unix_ns),
                                    Ports(host.facts()),
                                    host.reasons().empty() ? "-" : absl::StrJoin(host.reasons(), "; ")};
    if (wide) {
      row.insert(row.end(), {absl::StrCat(host.facts().cpus()), host.facts().kernel(), absl::StrCat(host.epoch()),
                             host.agent_version()});
    }
    table.AddRow(row);
  }
  return table.ToString();
}

std::string HostText(const v1::HostStatus& host, uint64_t now_unix_ns) {
  const v1::HostFacts& facts = host.facts();
  std::string out = absl::StrCat("host ", Printable(host.name()), ": ", HealthName(host.health()), ", seen ",
                                 Age(host.last_seen_unix_ns(), now_unix_ns), "\n");
  for (const auto& reason : host.reasons()) absl::StrAppend(&out, "  why: ", Printable(reason), "\n");
  absl::StrAppend(&out, "  lease: ", host.run_id().empty() ? "none" : Printable(host.run_id()), ", epoch ", host.epoch(), "\n");
  absl::StrAppend(&out, "  agent: ", Printable(host.agent_version()), ", instance ", Printable(host.agent_instance()), "\n");
  absl::StrAppend(&out, "  system: ", Printable(facts.os()), ", kernel ", Printable(facts.kernel()), "\n");
  absl::StrAppend(&out, "  cpu: ", Printable(facts.cpu_model()), ", ", facts.cpus(), " CPUs, isolated: ",
                  facts.isolated_cpus().empty() ? "none" : absl::StrJoin(facts.isolated_cpus(), ","), ", ", facts.numa_nodes(),
                  " NUMA nodes, ", BytesText(facts.memory_bytes()), ", ", facts.huge_pages_2m(), " huge pages\n");
  absl::StrAppend(&out, "  fingerprint: ", Printable(facts.fingerprint()), "\n");
  TextTable table({"  PORT", "LINK", "DRIVER", "FIRMWARE", "STATE", ">MTU", "QUEUES", "XDP", "TIMESTAMPS", "IPV4"});
  for (const auto& port : facts.ports()) {
    table.AddRow({absl::StrCat("  ", port.name()), port.link(), absl::StrCat(port.driver(), " ", port.driver_version()),
               port.firmware().empty() ? "-" : port.firmware(), LinkSpeed(port), absl::StrCat(port.mtu()),
               absl::StrCat(port.rx_queues(), "/", port.tx_queues()), XdpText(port),
               port.hardware_timestamps() ? "hardware" : "software", port.ipv4()});
  }
  return out + table.ToString();
}

}  // namespace feedfarm
