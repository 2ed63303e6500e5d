#include "pipeline/profile/rx_probe.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/scoped_fd.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/source/recvmmsg_source.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {
namespace {

constexpr char kInterface[] = "lo";
// Administratively scoped (RFC 2365); one port for both.
constexpr uint32_t kGroupA = 0xEFC0'4601;  // 239.192.70.1
// What has not come so long after it was sent is missing.
constexpr uint64_t kPatienceNs = 1'000'000'000;
constexpr uint64_t kStampPatienceNs = 500'000'000;

const LocalProfile& Profile() { return *FindLocalProfile("rx-probe"); }

std::string ClassWord(const RxProbeOptions& options) {
  return options.timestamp_class == TimestampClass::kHardware ? "hardware" : "software";
}

absl::Status Check(const RxProbeOptions& options) {
  return CheckArguments(Profile(), {absl::StrCat(options.packets), absl::StrCat(options.bytes),
                                    absl::StrCat(options.batch), ClassWord(options)});
}

// A port that nobody has now.
absl::StatusOr<uint16_t> FreePort() {
  const ScopedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof(address);
  if (!fd.valid() || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return ErrnoStatus("a free UDP port");
  }
  return ntohs(address.sin_port);
}

// Sends numbered packets, a batch a call: number (8 bytes), token (8 bytes), zeros. Packet n goes to line n % 2.
class ProbeSender {
 public:
  static absl::StatusOr<ProbeSender> Create(const RxProbeOptions& options, uint16_t port, uint64_t token) {
    ScopedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return ErrnoStatus("socket AF_INET");
    ip_mreqn out{};
    out.imr_ifindex = static_cast<int>(if_nametoindex(kInterface));
    if (setsockopt(fd.get(), IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) != 0) {
      return ErrnoStatus("setsockopt IP_MULTICAST_IF lo");
    }
    return ProbeSender(options, std::move(fd), port, token);
  }

  // Numbers [first, first + count). Returns how many the kernel took.
  uint32_t Send(uint64_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) StoreBig<uint64_t>(payloads_.data() + i * bytes_, first + i);
    std::array<mmsghdr, kBatchMax> messages{};
    std::array<iovec, kBatchMax> parts;
    for (uint32_t i = 0; i < count; ++i) {
      parts[i] = {payloads_.data() + i * bytes_, bytes_};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &lines_[(first + i) % kLines];
      messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
    }
    const int sent = sendmmsg(fd_.get(), messages.data(), count, 0);
    return sent < 0 ? 0 : static_cast<uint32_t>(sent);
  }

 private:
  ProbeSender(const RxProbeOptions& options, ScopedFd fd, uint16_t port, uint64_t token)
      : bytes_(options.bytes), fd_(std::move(fd)), payloads_(size_t{options.bytes} * options.batch) {
    for (uint32_t i = 0; i < options.batch; ++i) StoreBig<uint64_t>(payloads_.data() + i * bytes_ + 8, token);
    for (size_t line = 0; line < kLines; ++line) {
      lines_[line].sin_family = AF_INET;
      lines_[line].sin_addr.s_addr = htonl(kGroupA + static_cast<uint32_t>(line));
      lines_[line].sin_port = htons(port);
    }
  }

  const uint32_t bytes_;
  ScopedFd fd_;
  std::vector<uint8_t> payloads_;
  std::array<sockaddr_in, kLines> lines_{};
};

// What came, checked packet by packet: each line's numbers are even ones or odd ones, rising by two.
class ProbeReceiver {
 public:
  ProbeReceiver(const RxProbeOptions& options, uint64_t token)
      : bytes_(options.bytes), token_(token), seen_(options.packets) {}

  void Take(const Packet& packet, uint64_t now_ns) {
    if (packet.size != bytes_ || LoadBig<uint64_t>(packet.payload + 8) != token_) {
      ++foreign_;
      return;
    }
    const uint64_t number = LoadBig<uint64_t>(packet.payload);
    uint64_t& next = next_[Index(packet.line)];
    if (number >= seen_.size() || seen_[number] || number < next) {
      ++dup_or_ooo_;
    } else {
      seq_gaps_ += number > next ? 1 : 0;
      next = number + kLines;
    }
    if (number < seen_.size() && !seen_[number]) {
      seen_[number] = true;
      ++received_;
    }
    const size_t timestamp_class = static_cast<size_t>(packet.timestamp_class);
    ++classes_[timestamp_class];
    if (packet.timestamp_class != TimestampClass::kNone) {
      latency_[timestamp_class].Record(now_ns > packet.receive_tai_ns ? now_ns - packet.receive_tai_ns : 0);
    }
  }

  uint64_t received() const { return received_; }

  void ReportOn(uint64_t sent, TimestampClass wanted, ProfileReport* report) const {
    constexpr const char* kNames[kTimestampClasses] = {"none", "software", "hardware"};
    report->Add("received", received_);
    report->Add("missing", sent - received_);
    report->Add("seq_gaps", seq_gaps_);
    report->Add("dup_or_ooo", dup_or_ooo_);
    report->Add("foreign", foreign_);
    uint64_t wrong_class = 0;
    for (size_t i = 0; i < kTimestampClasses; ++i) {
      const std::string name = kNames[i];
      report->Add(absl::StrCat("packets.", name), classes_[i]);
      if (static_cast<TimestampClass>(i) != wanted) wrong_class += classes_[i];
      if (latency_[i].Count() == 0) continue;
      report->Add(absl::StrCat("p50_ns.", name), latency_[i].ValueAtQuantile(0.5));
      report->Add(absl::StrCat("p99_ns.", name), latency_[i].ValueAtQuantile(0.99));
      report->Add(absl::StrCat("max_ns.", name), latency_[i].Max());
    }
    report->Add("wrong_class", wrong_class);
    report->AddProof("received", received_);
    report->AddProof("sent", sent);
  }

 private:
  const uint32_t bytes_;
  const uint64_t token_;
  std::vector<bool> seen_;
  std::array<uint64_t, kLines> next_ = {0, 1};
  std::array<uint64_t, kTimestampClasses> classes_{};
  std::array<Histogram, kTimestampClasses> latency_;
  uint64_t received_ = 0;
  uint64_t seq_gaps_ = 0;
  uint64_t dup_or_ooo_ = 0;
  uint64_t foreign_ = 0;  // of another program; not ours to judge
};

absl::StatusOr<std::unique_ptr<RecvmmsgSource>> OpenSource(const RxProbeOptions& options, uint16_t port) {
  ReceiveOptions receive;
  receive.method = ReceiveMethod::kRecvmmsg;
  receive.frames = 4 * kBatchMax;
  receive.timestamps =
      options.timestamp_class == TimestampClass::kHardware ? WantedTime::kHardware : WantedTime::kSoftware;
  for (size_t line = 0; line < kLines; ++line) {
    receive.lines[line] = {.interface = kInterface, .group = kGroupA + static_cast<uint32_t>(line), .port = port};
  }
  return RecvmmsgSource::Create(receive);
}

// The kernel begins to stamp a little after the first socket asks for it, when it gets round to it: packets of another token go ahead
// until one of them has a time, or kStampPatienceNs has passed.
absl::Status AwaitStamping(const RxProbeOptions& options, uint16_t port, uint64_t token, RecvmmsgSource* source) {
  FEEDFARM_ASSIGN_OR_RETURN(ProbeSender sender, ProbeSender::Create(options, port, ~token));
  std::array<Packet, kBatchMax> batch;
  const uint64_t deadline_ns = MonotonicNow() + kStampPatienceNs;
  for (bool stamped = false; !stamped && MonotonicNow() < deadline_ns;) {
    sender.Send(0, 1);
    source->Wait(1'000'000);
    const size_t got = source->Receive(batch);
    for (const Packet& packet : std::span(batch).first(got)) stamped |= packet.timestamp_class != TimestampClass::kNone;
    source->Release(std::span(batch).first(got));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TimestampClass> ParseTimestampClass(const std::string& text) {
  if (text == "software") return TimestampClass::kSoftware;
  if (text == "hardware") return TimestampClass::kHardware;
  return absl::InvalidArgumentError(absl::StrCat("CLASS is software or hardware, not '", text, "'"));
}

absl::StatusOr<ProfileReport> RunRxProbe(const RxProbeOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(Check(options));
  const uint64_t token = MonotonicNow() ^ static_cast<uint64_t>(getpid()) << 40;
  FEEDFARM_ASSIGN_OR_RETURN(const uint16_t port, FreePort());
  FEEDFARM_ASSIGN_OR_RETURN(const auto source, OpenSource(options, port));
  FEEDFARM_ASSIGN_OR_RETURN(ProbeSender sender, ProbeSender::Create(options, port, token));
  FEEDFARM_RETURN_IF_ERROR(AwaitStamping(options, port, token, source.get()));
  ProbeReceiver receiver(options, token);
  std::array<Packet, kBatchMax> batch;
  uint64_t sent = 0, send_errors = 0;
  for (uint64_t first = 0; first < options.packets;) {
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(options.batch, options.packets - first));
    const uint32_t taken = sender.Send(first, count);
    sent += taken;
    send_errors += count - taken;
    first += count;
    const uint64_t deadline_ns = MonotonicNow() + kPatienceNs;
    while (receiver.received() < sent && MonotonicNow() < deadline_ns) {
      const size_t got = source->Receive(batch);
      const uint64_t now_ns = TaiNow();
      for (const Packet& packet : std::span(batch).first(got)) receiver.Take(packet, now_ns);
      source->Release(std::span(batch).first(got));
      if (got == 0) source->Wait(1'000'000);
    }
    // One that is missing would cost every later batch the same patience.
    if (receiver.received() < sent) break;
  }
  const SourceCounters end = source->Counters();

  ProfileReport report(std::string(Profile().name));
  report.Add("packets", options.packets);
  report.Add("size", uint64_t{options.bytes});
  report.Add("batch", uint64_t{options.batch});
  report.Add("class", ClassWord(options));
  report.Add("sent", sent);
  report.Add("send_errors", send_errors);
  receiver.ReportOn(sent, options.timestamp_class, &report);
  report.Add("pool_available", end.pool_available);
  report.Add("pool_size", end.pool_frames);
  report.Judge(Profile());
  return report;
}

}  // namespace feedfarm
