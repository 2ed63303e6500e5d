#include "agent/host/host_probe.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "agent/files/durable_file.h"
#include "agent/host/port_probe.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// A list of the kernel's is never longer; a file that claims more is not one.
constexpr uint32_t kListMax = 65'536;

// A fact's file; empty where it cannot be read, which is the fact's "unknown".
std::string ReadFact(const std::string& path) { return ReadWholeFile(path).value_or(""); }

// The value behind the first `key` at a line's start, without the separator, blanks and quotes.
std::string ValueOf(const std::string& text, absl::string_view key, char separator) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(separator, 1));
    if (absl::StripAsciiWhitespace(parts.first) != key) continue;
    absl::string_view value = absl::StripAsciiWhitespace(parts.second);
    absl::ConsumePrefix(&value, "\"");
    absl::ConsumeSuffix(&value, "\"");
    return std::string(value);
  }
  return {};
}

// "0-3,8" as the kernel writes sets of processors and nodes; what is no number ends it.
std::vector<uint32_t> ParseList(absl::string_view text) {
  std::vector<uint32_t> numbers;
  for (absl::string_view part : absl::StrSplit(absl::StripAsciiWhitespace(text), ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    uint32_t first = 0, last = 0;
    if (!absl::SimpleAtoi(ends.first, &first)) break;
    if (!absl::SimpleAtoi(absl::StrContains(part, '-') ? ends.second : ends.first, &last)) break;
    if (last < first || last >= kListMax) break;
    for (uint32_t number = first; number <= last; ++number) numbers.push_back(number);
  }
  return numbers;
}

uint64_t ParseCount(absl::string_view text) {
  uint64_t value = 0;
  return absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &value) ? value : 0;
}

std::string CpuModel(const std::string& cpuinfo) {
  for (const char* key : {"model name", "Model", "CPU part"}) {
    if (std::string model = ValueOf(cpuinfo, key, ':'); !model.empty()) return model;
  }
  return {};
}

uint64_t MemoryBytes(const std::string& meminfo) {
  const std::string total = ValueOf(meminfo, "MemTotal", ':');
  return ParseCount(absl::StripSuffix(total, "kB")) * 1024;
}

void TakeSystem(const HostProbeOptions& options, v1::HostFacts& facts) {
  facts.set_os(ValueOf(ReadFact(options.etc + "/os-release"), "PRETTY_NAME", '='));
  facts.set_kernel(std::string(absl::StripAsciiWhitespace(ReadFact(options.proc + "/sys/kernel/osrelease"))));
  facts.set_cpu_model(CpuModel(ReadFact(options.proc + "/cpuinfo")));
  facts.set_memory_bytes(MemoryBytes(ReadFact(options.proc + "/meminfo")));
  const std::string system = options.sys + "/devices/system";
  facts.set_cpus(static_cast<uint32_t>(ParseList(ReadFact(system + "/cpu/online")).size()));
  for (const uint32_t cpu : ParseList(ReadFact(system + "/cpu/isolated"))) facts.add_isolated_cpus(cpu);
  facts.set_numa_nodes(static_cast<uint32_t>(ParseList(ReadFact(system + "/node/online")).size()));
  facts.set_huge_pages_2m(ParseCount(ReadFact(options.sys + "/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")));
}

void CarryOver(const v1::HostFacts& earlier, v1::PortFacts& facts) {
  for (const v1::PortFacts& port : earlier.ports()) {
    if (port.name() != facts.name()) continue;
    facts.set_xdp_native(port.xdp_native());
    facts.set_xdp_generic(port.xdp_generic());
    facts.set_zero_copy(port.zero_copy());
  }
}

}  // namespace

absl::StatusOr<v1::HostFacts> ProbeHost(const HostProbeOptions& options) {
  v1::HostFacts facts;
  facts.set_name(options.name);
  TakeSystem(options, facts);
  for (const HostProbeOptions::Port& port : options.ports) {
    FEEDFARM_ASSIGN_OR_RETURN(v1::PortFacts found, ProbePort(port.interface, options.try_xdp, options.sys));
    found.set_link(port.link);
    if (!options.try_xdp && options.earlier != nullptr) CarryOver(*options.earlier, found);
    *facts.add_ports() = std::move(found);
  }
  facts.set_fingerprint(Fingerprint(facts));
  return facts;
}

std::string Fingerprint(const v1::HostFacts& facts) {
  std::string text = absl::StrCat(facts.os(), "\n", facts.kernel(), "\n", facts.cpu_model(), "\n", facts.cpus(), "\n");
  for (const uint32_t cpu : facts.isolated_cpus()) absl::StrAppend(&text, cpu, ",");
  absl::StrAppend(&text, "\n", facts.numa_nodes(), "\n", facts.memory_bytes(), "\n", facts.huge_pages_2m(), "\n");
  for (const v1::PortFacts& port : facts.ports()) {
    absl::StrAppend(&text, port.driver(), "\n", port.driver_version(), "\n", port.firmware(), "\n", port.mtu(), "\n",
                    port.link_mbps(), "\n", port.rx_queues(), "\n", port.tx_queues(), "\n", port.numa_node(), "\n");
    absl::StrAppend(&text, port.xdp_native(), port.xdp_generic(), port.zero_copy(), port.hardware_timestamps(), "\n");
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return absl::StrFormat("%016x%016x", hash.high64, hash.low64);
}

}  // namespace feedfarm
