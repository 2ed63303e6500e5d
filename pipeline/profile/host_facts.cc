#include "pipeline/profile/host_facts.h"

#include <sched.h>
#include <sys/utsname.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace feedfarm {
namespace {

// What stands behind the first line that begins with `key`, without separators and quotes.
std::string ValueOf(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const size_t begin = line.find_first_not_of(" \t:=\"", key.size());
    const size_t end = line.find_last_not_of("\" \t");
    return begin == std::string::npos ? "" : line.substr(begin, end + 1 - begin);
  }
  return "";
}

}  // namespace

HostFacts ReadHostFacts() {
  HostFacts facts;
  facts.system = ValueOf("/etc/os-release", "PRETTY_NAME");
  utsname name{};
  if (uname(&name) == 0) facts.kernel = name.release;
  facts.cpu = ValueOf("/proc/cpuinfo", "model name");
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) facts.cpus = static_cast<uint32_t>(CPU_COUNT(&set));
  return facts;
}

std::string HostClass(const HostFacts& facts) {
  return absl::StrCat(facts.cpu.empty() ? "unknown" : facts.cpu, "/", facts.cpus, "cpu/", facts.kernel);
}

std::string NicDriver(const std::string& interface) {
  std::error_code error;
  const auto link = std::filesystem::read_symlink("/sys/class/net/" + interface + "/device/driver", error);
  return error ? "" : link.filename().string();
}

}  // namespace feedfarm
