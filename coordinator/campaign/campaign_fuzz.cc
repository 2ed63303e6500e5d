#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "coordinator/campaign/campaign_parser.h"
#include "coordinator/campaign/utf8.h"
#include "coordinator/gate/gate_expression.h"
#include "glog/logging.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"

namespace feedfarm {
namespace {

#ifdef FEEDFARM_SANITIZED
constexpr int kFiles = 10'000;
constexpr int kGates = 50'000;
#else
constexpr int kFiles = 50'000;
constexpr int kGates = 200'000;
#endif

constexpr char kValid[] = R"(campaign: demo
seed: 42
defaults: {timeout: 60s, handler: {dwell: 1ms, spin: true}, gates: ["duplicates == 0"]}
scenarios:
  - name: clean
    repetitions: 2
    matrix: {rate: [20000pps, 50kpps], dwell: [1ms, 2ms]}
    traffic: &traffic
      synthetic: {messages: 200000, symbols: 8000, messages_per_packet: 4}
      skew_b: -50us
      rerequest: {port: 26490, loss: 5%}
      lines: {a: 239.10.0.1:26400, b: 239.10.0.2:26400}
    faults:
      - {at: 2s, cut: {line: A, duration: 200ms}}
      - {at: 1s, kill_handler: {}}
    placement: {handler: {driver: ice}, source: {host: src}}
    gates: [messages == sent_messages, "p50(latency.decode) < 9us"]
  - {name: b, traffic: *traffic}
)";

constexpr char kValidProfiles[] = R"(campaign: alone
defaults: {timeout: 60s, placement: {profile: {host: dut, cpus_min: 2}, handler: {host: src}}}
scenarios:
  - name: core
    profile: {local-core: {messages: 100000, symbols: 80}}
    matrix: {local-core.messages_per_packet: [1, 4], profile.local-core.symbols: [7]}
    gates: ["profile[events] > 0", "profile[state_hash] == profile[state_hash.must_be]"]
  - {name: probe, profile: {rx-probe: {packets: 7, class: hardware}}, repetitions: 2}
  - {name: soak, profile: {pool-soak:}}
)";

// Anything in: a campaign or diagnostics, never both, and every text that comes out fits a protobuf string.
void FuzzOneFile(std::span<const uint8_t> bytes) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const CampaignOrDiagnostics parsed = ParseCampaign("/lab/fuzz.yaml", text);
  CHECK(parsed.ok() == (parsed.campaign.scenarios_size() > 0));
  CHECK_LE(parsed.diagnostics.size(), kDiagnosticsMax);
  for (const v1::Diagnostic& diagnostic : parsed.diagnostics)
    CHECK_EQ(Utf8Prefix(diagnostic.message()), diagnostic.message().size()) << diagnostic.message();
  for (const v1::Scenario& scenario : parsed.campaign.scenarios()) {
    CHECK_EQ(Utf8Prefix(scenario.name()), scenario.name().size());
    CHECK_GT(scenario.gates_size(), 0);
  }
}

void FuzzOneGate(std::span<const uint8_t> bytes) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::variant<GateExpression, GateError> gate = ParseGate(text);
  if (const GateError* error = std::get_if<GateError>(&gate)) {
    CHECK(!error->message.empty());
    CHECK_GE(error->column, 1u);
    CHECK_LE(error->column, text.size() + 1);
  }
}

// An exact-size heap copy, so that a sanitizer sees every byte read beyond it.
template <class Fuzz>
void Feed(const std::string& input, Fuzz fuzz) {
  auto copy = std::make_unique<uint8_t[]>(input.size());
  std::copy(input.begin(), input.end(), copy.get());
  fuzz(std::span<const uint8_t>(copy.get(), input.size()));
}

std::string Mutate(const std::string& valid, Rng& rng) {
  std::string text = valid;
  static constexpr char kLetters[] = "[]{}:,-&*!|>'\"%@`# \n\t0159.azAZ\\\x80\xc3\xff";
  for (uint64_t edits = 1 + rng.Below(6); edits > 0 && !text.empty(); --edits) {
    const size_t at = rng.Below(text.size());
    const size_t length = std::min<size_t>(rng.Below(20), text.size() - at);
    switch (rng.Below(4)) {
      case 0:
        text[at] = kLetters[rng.Below(sizeof(kLetters) - 1)];
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(rng.Below(text.size()), length));
        break;
      default:
        text.insert(at, 1, static_cast<char>(rng.Below(256)));
        break;
    }
  }
  return text;
}

std::string Noise(Rng& rng) {
  std::string text(rng.Below(200), '\0');
  for (char& c : text) c = static_cast<char>(rng.Below(256));
  return text;
}

constexpr uint64_t kSeed = 20261121;

TEST(CampaignFuzz, MutatedAndRandomFiles) {
  Rng rng(kSeed);
  std::cout << "seed " << kSeed << "\n";
  for (int i = 0; i < kFiles; ++i) Feed(i % 4 == 0 ? Noise(rng) : Mutate(i % 2 == 0 ? kValidProfiles : kValid, rng), &FuzzOneFile);
}

TEST(GateFuzz, MutatedAndRandomExpressions) {
  Rng rng(kSeed);
  std::cout << "seed " << kSeed << "\n";
  const std::string valid[] = {"p99.9(latency.decode.software) < 40us", "messages[A] == sent_messages[A]",
                               "malformed_packets.A <= 100", "state_hash == reference", "delivered >= 99.9%"};
  for (int i = 0; i < kGates; ++i) Feed(i % 4 == 0 ? Noise(rng) : Mutate(valid[rng.Below(5)], rng), &FuzzOneGate);
}

}  // namespace
}  // namespace feedfarm
