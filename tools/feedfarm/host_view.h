#pragma once

#include <string>

#include "proto/farm_service.pb.h"

namespace feedfarm {

// Hosts, one a line: health first, and why where it is not fit. `now_unix_ns` gives the age of the last word.
std::string HostsTable(const v1::ListHostsReply& reply, uint64_t now_unix_ns, bool wide);

// One host with everything that its agent found.
std::string HostText(const v1::HostStatus& host, uint64_t now_unix_ns);

}  // namespace feedfarm
