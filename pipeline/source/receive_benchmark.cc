// How fast packets come in and are decoded: the AF_XDP source with MoldUDP64 decoding against a bare AF_XDP loop that
// only gives frames back, against recvmmsg and against PACKET_MMAP; and the whole feed handler. All in one run, in turn, each on a veth
// pair of its own, in an anonymous namespace. Prints JSON. Needs root. Figures hold for this machine only, and only
// against each other.
#include <sched.h>
#include <sys/utsname.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/source/live_source_factory.h"
#include "pipeline/source/testing/bare_drop_loop.h"
#include "pipeline/source/testing/decoding_receiver.h"
#include "pipeline/source/testing/frame_builder.h"
#include "pipeline/source/testing/handling_receiver.h"
#include "pipeline/source/testing/live_sender.h"
#include "pipeline/source/testing/receiver.h"
#include "pipeline/source/testing/veth_lab.h"

namespace feedfarm {
namespace {

using testing::Receiver;

constexpr uint32_t kGroup = 0xEF0A0001;
constexpr uint16_t kPort = 26400;  // line A; line B's is the next
constexpr uint32_t kFrames = 16384;
constexpr int kReceiverCpu = 0, kSenderCpu = 1;
constexpr int kReceiverPriority = 20, kSenderPriority = 10;
// No packet for so long after the sender's end: the burst is over.
constexpr uint64_t kQuietNs = 20'000'000;
// The kernel lets real-time threads have 0.95 s of each second: the pause lets the budget fill again.
constexpr timespec kPause{0, 150'000'000};

struct Settings {
  uint32_t packets = 100'000;
  uint32_t repetitions = 25;
  uint32_t messages = 1;
  double rate_pps = 0;
};

std::array<LineEndpoint, kLines> LinesOn(const std::string& interface) {
  return {LineEndpoint{interface, kGroup, kPort}, LineEndpoint{interface, kGroup, kPort + 1}};
}

absl::StatusOr<std::unique_ptr<LiveSource>> MakeSource(ReceiveMethod method, const std::string& interface) {
  ReceiveOptions options;
  options.method = method;
  options.lines = LinesOn(interface);
  options.frames = kFrames;
  // Without an XDP program of its own a veth takes XDP frames only so.
  if (method != ReceiveMethod::kAfXdp) FEEDFARM_RETURN_IF_ERROR(testing::EnableGro(interface));
  return MakeLiveSource(options);
}

absl::StatusOr<std::unique_ptr<Receiver>> MakeBare(const std::string& interface) {
  return testing::BareDropLoop::Create(interface, kGroup, kPort, kFrames);
}

template <ReceiveMethod method>
absl::StatusOr<std::unique_ptr<Receiver>> MakeDecoding(const std::string& interface) {
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<LiveSource> source, MakeSource(method, interface));
  return std::make_unique<testing::DecodingReceiver>(std::move(source));
}

absl::StatusOr<std::unique_ptr<Receiver>> MakeHandler(const std::string& interface) {
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<LiveSource> source, MakeSource(ReceiveMethod::kAfXdp, interface));
  return testing::HandlingReceiver::Create(std::move(source));
}

struct Method {
  std::string name;
  std::string interface;
  std::unique_ptr<Receiver> receiver;
  std::unique_ptr<testing::LiveSender> sender;
  std::vector<double> mpps{};
  std::vector<double> offered_mpps{};
  uint64_t sent = 0;
  uint64_t lost = 0;
};

// `messages` ITCH add orders; the sender gives each its own reference, symbol and price.
std::vector<uint8_t> MakeFrame(uint32_t messages) {
  constexpr uint16_t kAddOrderBytes = 36;
  constexpr size_t kSideAt = 19, kSharesAt = 20;
  testing::FrameSpec spec{.destination = kGroup, .port = kPort};
  spec.payload.resize(moldudp64::kHeaderBytes);
  moldudp64::StoreHeader(spec.payload.data(), moldudp64::MakeSession("BENCHMARK"), 1, static_cast<uint16_t>(messages));
  for (uint32_t i = 0; i < messages; ++i) {
    const size_t at = spec.payload.size();
    spec.payload.resize(at + moldudp64::kLengthBytes + kAddOrderBytes, ' ');
    StoreBig<uint16_t>(&spec.payload[at], kAddOrderBytes);
    uint8_t* message = &spec.payload[at + moldudp64::kLengthBytes];
    message[0] = 'A';
    message[kSideAt] = 'B';
    StoreBig<uint32_t>(message + kSharesAt, 100);
  }
  return testing::BuildFrame(spec);
}

absl::StatusOr<std::vector<Method>> MakeMethods(const Settings& settings) {
  using Factory = absl::StatusOr<std::unique_ptr<Receiver>> (*)(const std::string&);
  const std::pair<const char*, Factory> all[] = {
      {"af_xdp_bare", MakeBare},
      {"af_xdp_decode", MakeDecoding<ReceiveMethod::kAfXdp>},
      {"recvmmsg_decode", MakeDecoding<ReceiveMethod::kRecvmmsg>},
      {"packet_mmap_decode", MakeDecoding<ReceiveMethod::kPacketMmap>},
      {"af_xdp_handler", MakeHandler}};
  std::vector<Method> methods;
  for (const auto& [name, create] : all) {
    Method method{.name = name, .interface = absl::StrCat("bench", methods.size()), .receiver = {}, .sender = {}};
    const std::string address = absl::StrCat("10.99.", methods.size(), ".1/24");
    FEEDFARM_RETURN_IF_ERROR(testing::MakeVeth({.name = method.interface, .address = address}));
    FEEDFARM_ASSIGN_OR_RETURN(method.receiver, create(method.interface));
    FEEDFARM_ASSIGN_OR_RETURN(
        method.sender, testing::LiveSender::Create(absl::StrCat(method.interface, "_tx"), MakeFrame(settings.messages),
                                                   kPort, settings.messages));
    methods.push_back(std::move(method));
  }
  return methods;
}

bool PinRealTime(int cpu, int priority) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const sched_param parameters{.sched_priority = priority};
  return sched_setaffinity(0, sizeof(set), &set) == 0 && sched_setscheduler(0, SCHED_FIFO, &parameters) == 0;
}

// Sends one burst and receives it. Packets that come after the quiet time count as lost.
absl::Status RunBurst(const Settings& settings, Method& method, bool measured) {
  const uint64_t period_ns = settings.rate_pps > 0 ? static_cast<uint64_t>(1e9 / settings.rate_pps) : 0;
  std::atomic<bool> receiving{false}, sent{false};
  absl::Status status;
  uint64_t send_ns = 0, received = 0, first_ns = 0, last_ns = 0;
  std::thread receiver([&] {
    PinRealTime(kReceiverCpu, kReceiverPriority);
    receiving = true;
    while (true) {
      const size_t got = method.receiver->Poll();
      if (got > 0) {
        last_ns = MonotonicNow();
        if (received == 0) first_ns = last_ns;
        received += got;
      } else if (sent.load(std::memory_order_relaxed)) {
        const uint64_t now = MonotonicNow();
        if (last_ns == 0) last_ns = now;
        if (now - last_ns > kQuietNs) return;
      }
    }
  });
  std::thread sender([&] {
    PinRealTime(kSenderCpu, kSenderPriority);
    while (!receiving) {
    }
    const uint64_t start_ns = MonotonicNow();
    status = method.sender->Send(settings.packets, period_ns);
    send_ns = MonotonicNow() - start_ns;
    sent = true;
  });
  sender.join();
  receiver.join();
  nanosleep(&kPause, nullptr);
  FEEDFARM_RETURN_IF_ERROR(status);
  if (received == 0) return absl::InternalError(absl::StrCat(method.name, " received nothing"));
  if (!measured) return absl::OkStatus();
  method.mpps.push_back(static_cast<double>(received) * 1e3 / static_cast<double>(last_ns - first_ns));
  method.offered_mpps.push_back(static_cast<double>(settings.packets) * 1e3 / static_cast<double>(send_ns));
  method.sent += settings.packets;
  method.lost += settings.packets - received;
  return absl::OkStatus();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

nlohmann::json Summary(const std::vector<double>& values) {
  return {{"median", Median(values)},
          {"min", *std::min_element(values.begin(), values.end())},
          {"max", *std::max_element(values.begin(), values.end())},
          {"samples", values}};
}

// Of the bursts of one round each, so that what the machine did meanwhile weighs on both.
nlohmann::json Ratio(const Method& of, const Method& to) {
  std::vector<double> ratios;
  for (size_t i = 0; i < of.mpps.size(); ++i) ratios.push_back(of.mpps[i] / to.mpps[i]);
  return Summary(ratios);
}

absl::Status Run(const Settings& settings) {
  if (const std::string why = testing::WhyNoLab(); !why.empty()) return absl::PermissionDeniedError(why);
  if (std::thread::hardware_concurrency() < 2) return absl::FailedPreconditionError("needs two CPUs");
  FEEDFARM_RETURN_IF_ERROR(testing::EnterNewNamespace());
  FEEDFARM_ASSIGN_OR_RETURN(std::vector<Method> methods, MakeMethods(settings));
  for (Method& method : methods) FEEDFARM_RETURN_IF_ERROR(RunBurst(settings, method, /*measured=*/false));
  for (uint32_t round = 0; round < settings.repetitions; ++round) {
    for (size_t i = 0; i < methods.size(); ++i) {
      FEEDFARM_RETURN_IF_ERROR(RunBurst(settings, methods[(round + i) % methods.size()], /*measured=*/true));
    }
  }

  utsname system{};
  uname(&system);
  nlohmann::json report = {{"benchmark", "receive"},
                           {"kernel", system.release},
                           {"driver", "veth"},
                           {"frame_bytes", MakeFrame(settings.messages).size()},
                           {"messages_per_packet", settings.messages},
                           {"packets_per_burst", settings.packets},
                           {"rate_pps", settings.rate_pps}};
  for (const Method& method : methods) {
    report["methods"][method.name] = {{"received_mpps", Summary(method.mpps)},
                                      {"offered_mpps", Summary(method.offered_mpps)},
                                      {"sent", method.sent},
                                      {"lost", method.lost},
                                      {"messages_decoded", method.receiver->messages()}};
  }
  report["ratios"]["decode_to_bare"] = Ratio(methods[1], methods[0]);
  report["ratios"]["decode_to_recvmmsg"] = Ratio(methods[1], methods[2]);
  report["ratios"]["decode_to_packet_mmap"] = Ratio(methods[1], methods[3]);
  report["ratios"]["handler_to_bare"] = Ratio(methods[4], methods[0]);
  std::cout << report.dump(2) << "\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) {
  feedfarm::Settings settings;
  CLI::App app("AF_XDP receive through to decode against a bare loop and recvmmsg; JSON on stdout");
  app.add_option("--packets", settings.packets, "packets a burst")->capture_default_str();
  app.add_option("--repetitions", settings.repetitions, "measured bursts a method")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--messages", settings.messages, "messages a packet")->check(CLI::Range(0, 37))->capture_default_str();
  app.add_option("--rate", settings.rate_pps, "packets a second; 0 = as fast as can be")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = feedfarm::Run(settings); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}
