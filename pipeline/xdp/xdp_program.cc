#include "pipeline/xdp/xdp_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <time.h>

#include <algorithm>
#include <cstdarg>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/xdp/busy_retry.h"
#include "pipeline/xdp/feed_filter.skel.h"

namespace feedfarm {
namespace {

// linux/bpf.h of Linux 6.3 on; Debian 12's is older.
constexpr uint32_t kBoundToDevice = 1U << 6;

constexpr uint64_t kCutMaxNs = 3'600'000'000'000;

enum class TimeFrom { kHardware, kSoftware };

int Quiet(libbpf_print_level, const char*, va_list) { return 0; }

struct SkeletonDeleter {
  void operator()(feed_filter* skeleton) const { feed_filter__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<feed_filter, SkeletonDeleter>;

absl::StatusOr<Skeleton> LoadSkeleton(const XdpProgramOptions& options, TimeFrom time_from) {
  // Failed attempts are part of the plan: the verifier's log of a variant that this device cannot have is of no use.
  libbpf_set_print(Quiet);
  const NetworkInterface& interface = options.interface;
  Skeleton skeleton(feed_filter__open());
  if (skeleton == nullptr) return ErrnoStatus("open BPF object feed_filter");

  std::copy(options.endpoints.begin(), options.endpoints.end(), skeleton->rodata->endpoints);
  const bool hardware = time_from == TimeFrom::kHardware;
  bpf_program* wanted = hardware ? skeleton->progs.feed_filter_hardware : skeleton->progs.feed_filter_software;
  bpf_program* other = hardware ? skeleton->progs.feed_filter_software : skeleton->progs.feed_filter_hardware;
  bpf_program__set_autoload(other, false);
  if (hardware) {
    bpf_program__set_flags(wanted, bpf_program__flags(wanted) | kBoundToDevice);
    bpf_program__set_ifindex(wanted, static_cast<uint32_t>(interface.index));
  }
  bpf_map__set_max_entries(skeleton->maps.sockets, interface.receive_queues);
  if (int error = feed_filter__load(skeleton.get()); error != 0) {
    return ErrnoStatus(absl::StrCat("load BPF program for ", interface.name), -error);
  }
  return skeleton;
}

absl::StatusOr<ScopedFd> Link(int program_fd, const NetworkInterface& interface, XdpMode mode) {
  bpf_link_create_opts link_options{};
  link_options.sz = sizeof(link_options);
  link_options.flags = mode == XdpMode::kNative ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
  int fd = -1;
  const int error = RetryWhileBusy([&] {
    fd = bpf_link_create(program_fd, interface.index, BPF_XDP, &link_options);
    return fd < 0 ? -fd : 0;
  });
  if (error == EBUSY || error == EEXIST) {
    return absl::FailedPreconditionError(absl::StrCat(interface.name, " has another XDP program"));
  }
  if (error != 0) {
    return ErrnoStatus(absl::StrCat("attach XDP program to ", interface.name, " (", XdpModeName(mode), ")"), error);
  }
  return ScopedFd(fd);
}

void MergeLine(const feed_filter_line_counters& cpu, uint64_t newest_rule, feed_filter_line_counters& sum) {
  sum.matched += cpu.matched;
  sum.cut += cpu.cut;
  if (newest_rule == 0 || cpu.rule_id != newest_rule) return;
  sum.rule_cut += cpu.rule_cut;
  if (sum.rule_first_tai_ns == 0) sum.rule_first_tai_ns = cpu.rule_first_tai_ns;
  sum.rule_first_tai_ns = std::min(sum.rule_first_tai_ns, cpu.rule_first_tai_ns);
  sum.rule_last_tai_ns = std::max(sum.rule_last_tai_ns, cpu.rule_last_tai_ns);
}

}  // namespace

absl::string_view XdpModeName(XdpMode mode) {
  switch (mode) {
    case XdpMode::kDetached:
      return "detached";
    case XdpMode::kNative:
      return "native";
    case XdpMode::kSkb:
      return "skb";
  }
  return "";
}

class XdpProgram::Impl {
 public:
  Impl(Skeleton skeleton, TimeFrom time_from, XdpMode mode, ScopedFd link, uint32_t queues)
      : skeleton_(std::move(skeleton)), time_from_(time_from), mode_(mode), queues_(queues), link_(std::move(link)) {}

  absl::Status Disarm() {
    for (uint32_t line = 0; line < FEED_FILTER_LINES; ++line) {
      FEEDFARM_RETURN_IF_ERROR(WriteCut(line, {FEED_FILTER_NEVER, 0, 0}));
    }
    return absl::OkStatus();
  }

  absl::Status WriteCut(uint32_t line, const feed_filter_cut& rule) {
    if (line >= FEED_FILTER_LINES) return absl::OutOfRangeError(absl::StrCat("no line ", line));
    if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.cuts), &line, &rule, BPF_ANY) != 0) {
      return ErrnoStatus("update BPF map cuts");
    }
    return absl::OkStatus();
  }

  Skeleton skeleton_;
  TimeFrom time_from_;
  XdpMode mode_;
  uint32_t queues_;
  std::array<uint64_t, FEED_FILTER_LINES> rule_ids_{};
  ScopedFd link_;  // last: closed, and with it detached, first
};

absl::StatusOr<std::unique_ptr<XdpProgram>> XdpProgram::Attach(const XdpProgramOptions& options) {
  struct Attempt {
    TimeFrom time_from;
    XdpMode mode;
  };
  std::vector<Attempt> attempts = {{TimeFrom::kHardware, XdpMode::kNative},
                                   {TimeFrom::kSoftware, XdpMode::kNative},
                                   {TimeFrom::kSoftware, XdpMode::kSkb}};
  if (!options.ask_hardware_time) attempts.erase(attempts.begin());
  if (options.force_skb_mode) attempts = {{TimeFrom::kSoftware, XdpMode::kSkb}};

  absl::Status last;
  for (const Attempt& attempt : attempts) {
    absl::StatusOr<Skeleton> skeleton = LoadSkeleton(options, attempt.time_from);
    if (!skeleton.ok()) {
      last = skeleton.status();
      continue;
    }
    const bpf_program* program = attempt.time_from == TimeFrom::kHardware ? (*skeleton)->progs.feed_filter_hardware
                                                                          : (*skeleton)->progs.feed_filter_software;
    auto impl = std::make_unique<Impl>(*std::move(skeleton), attempt.time_from, attempt.mode, ScopedFd(),
                                       options.interface.receive_queues);
    FEEDFARM_RETURN_IF_ERROR(impl->Disarm());
    absl::StatusOr<ScopedFd> link = Link(bpf_program__fd(program), options.interface, attempt.mode);
    // Another program has the hook, in whatever mode: the other modes would only wait for it again.
    if (absl::IsFailedPrecondition(link.status())) return link.status();
    if (!link.ok()) {
      last = link.status();
      continue;
    }
    impl->link_ = *std::move(link);
    return std::unique_ptr<XdpProgram>(new XdpProgram(std::move(impl)));
  }
  return last;
}

absl::StatusOr<std::unique_ptr<XdpProgram>> XdpProgram::Load(const XdpProgramOptions& options) {
  FEEDFARM_ASSIGN_OR_RETURN(Skeleton skeleton, LoadSkeleton(options, TimeFrom::kSoftware));
  auto impl = std::make_unique<Impl>(std::move(skeleton), TimeFrom::kSoftware, XdpMode::kDetached, ScopedFd(),
                                     options.interface.receive_queues);
  FEEDFARM_RETURN_IF_ERROR(impl->Disarm());
  return std::unique_ptr<XdpProgram>(new XdpProgram(std::move(impl)));
}

XdpProgram::XdpProgram(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
XdpProgram::~XdpProgram() = default;

XdpMode XdpProgram::mode() const { return impl_->mode_; }

bool XdpProgram::asks_hardware_time() const { return impl_->time_from_ == TimeFrom::kHardware; }

int XdpProgram::program_fd() const {
  return bpf_program__fd(asks_hardware_time() ? impl_->skeleton_->progs.feed_filter_hardware
                                              : impl_->skeleton_->progs.feed_filter_software);
}

absl::Status XdpProgram::SetSocket(uint32_t queue, int socket_fd) {
  if (queue >= impl_->queues_) return absl::OutOfRangeError(absl::StrCat("no receive queue ", queue));
  if (bpf_map_update_elem(bpf_map__fd(impl_->skeleton_->maps.sockets), &queue, &socket_fd, BPF_ANY) != 0) {
    return ErrnoStatus(absl::StrCat("update BPF map sockets, queue ", queue));
  }
  return absl::OkStatus();
}

// The program may read a rule between two of its words, which are written in order. Disarming first makes every mixture
// empty: [NEVER, old end), then [start, 0).
absl::Status XdpProgram::ArmCut(uint32_t line, uint64_t start_tai_ns, uint64_t duration_ns) {
  if (line >= FEED_FILTER_LINES) return absl::OutOfRangeError(absl::StrCat("no line ", line));
  if (duration_ns == 0 || duration_ns > kCutMaxNs) {
    return absl::InvalidArgumentError(absl::StrCat("a cut of ", duration_ns, " ns: 1 ns to one hour"));
  }
  if (start_tai_ns > FEED_FILTER_NEVER - duration_ns || start_tai_ns + duration_ns <= TaiNow()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a cut that ends at TAI ", start_tai_ns + duration_ns, " ns: already over"));
  }
  FEEDFARM_RETURN_IF_ERROR(DisarmCut(line));
  const uint64_t rule_id = impl_->rule_ids_[line] + 1;
  FEEDFARM_RETURN_IF_ERROR(impl_->WriteCut(line, {start_tai_ns, start_tai_ns + duration_ns, rule_id}));
  impl_->rule_ids_[line] = rule_id;
  return absl::OkStatus();
}

absl::Status XdpProgram::DisarmCut(uint32_t line) { return impl_->WriteCut(line, {FEED_FILTER_NEVER, 0, 0}); }

absl::StatusOr<feed_filter_counters> XdpProgram::Counters() const {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) return ErrnoStatus("count CPUs", -cpus);
  std::vector<feed_filter_counters> each(static_cast<size_t>(cpus));
  const uint32_t zero = 0;
  if (bpf_map_lookup_elem(bpf_map__fd(impl_->skeleton_->maps.counters), &zero, each.data()) != 0) {
    return ErrnoStatus("read BPF map counters");
  }
  feed_filter_counters sum{};
  for (const feed_filter_counters& cpu : each) {
    for (uint32_t line = 0; line < FEED_FILTER_LINES; ++line) {
      sum.lines[line].rule_id = impl_->rule_ids_[line];
      MergeLine(cpu.lines[line], impl_->rule_ids_[line], sum.lines[line]);
    }
    sum.pass_other_protocol += cpu.pass_other_protocol;
    sum.pass_fragment += cpu.pass_fragment;
    sum.pass_malformed += cpu.pass_malformed;
    sum.pass_other_endpoint += cpu.pass_other_endpoint;
    sum.no_socket += cpu.no_socket;
    sum.no_metadata += cpu.no_metadata;
  }
  return sum;
}

}  // namespace feedfarm
