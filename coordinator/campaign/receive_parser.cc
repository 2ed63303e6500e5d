#include "coordinator/campaign/receive_parser.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/campaign/suggestion.h"

namespace feedfarm {
namespace {

constexpr int64_t kMicrosecond = 1'000, kMillisecond = 1'000'000;

constexpr Choice kMethods[] = {{"af_xdp", v1::RECEIVE_METHOD_AF_XDP},
                               {"recvmmsg", v1::RECEIVE_METHOD_RECVMMSG},
                               {"packet_mmap", v1::RECEIVE_METHOD_PACKET_MMAP}};
constexpr Choice kTimes[] = {
    {"any", v1::WANTED_TIME_ANY}, {"software", v1::WANTED_TIME_SOFTWARE}, {"hardware", v1::WANTED_TIME_HARDWARE}};

// What can be required, and of which method (af_xdp, recvmmsg, packet_mmap).
struct GrantRow {
  absl::string_view word;
  v1::ReceiveGrant grant;
  bool af_xdp, recvmmsg, packet_mmap;

  bool OfferedBy(v1::ReceiveMethod method) const {
    if (method == v1::RECEIVE_METHOD_RECVMMSG) return recvmmsg;
    return method == v1::RECEIVE_METHOD_PACKET_MMAP ? packet_mmap : af_xdp;
  }
};
constexpr GrantRow kGrants[] = {{"native-xdp", v1::RECEIVE_GRANT_NATIVE_XDP, true, false, false},
                                {"zero-copy", v1::RECEIVE_GRANT_ZERO_COPY, true, false, false},
                                {"busy-poll", v1::RECEIVE_GRANT_BUSY_POLL, true, true, false},
                                {"hardware-time", v1::RECEIVE_GRANT_HARDWARE_TIME, true, true, true},
                                {"huge-pages", v1::RECEIVE_GRANT_HUGE_PAGES, true, true, false},
                                {"locked-memory", v1::RECEIVE_GRANT_LOCKED_MEMORY, true, true, false},
                                {"receive-buffer", v1::RECEIVE_GRANT_RECEIVE_BUFFER, false, true, false}};

void ReadRequirement(const YamlNode& item, v1::HandlerConfig* out, Diagnostics& diagnostics) {
  const auto row = std::find_if(std::begin(kGrants), std::end(kGrants), [&](const GrantRow& r) {
    return item.kind == YamlNode::Kind::kScalar && r.word == item.scalar;
  });
  if (row == std::end(kGrants)) {
    std::vector<absl::string_view> words;
    for (const GrantRow& r : kGrants) words.push_back(r.word);
    diagnostics.Add(item.position, absl::StrCat("require: one of ", absl::StrJoin(words, ", "), ", got \"",
                                                item.scalar, "\"", Suggestion(item.scalar, words)));
    return;
  }
  if (!row->OfferedBy(out->receive())) {
    const auto method = std::find_if(std::begin(kMethods), std::end(kMethods),
                                     [&](const Choice& choice) { return choice.value == out->receive(); });
    diagnostics.Add(item.position, absl::StrCat("receive: ", method->word, " does not have ", row->word));
    return;
  }
  if (row->grant == v1::RECEIVE_GRANT_BUSY_POLL && out->busy_poll_ns() == 0) {
    diagnostics.Add(item.position, "busy-poll is required, and busy_poll is 0s");
    return;
  }
  if (row->grant == v1::RECEIVE_GRANT_HARDWARE_TIME && out->timestamps() == v1::WANTED_TIME_SOFTWARE) {
    diagnostics.Add(item.position, "hardware-time is required, and timestamps is software");
    return;
  }
  out->add_require(row->grant);
}

void ReadRequirements(const YamlNode* node, v1::HandlerConfig* out, Diagnostics& diagnostics) {
  if (node == nullptr) return;
  if (node->kind != YamlNode::Kind::kSequence || node->items.size() > std::size(kGrants)) {
    diagnostics.Add(node->position, "require must be a list such as [zero-copy, hardware-time]");
    return;
  }
  for (const YamlPtr& item : node->items) ReadRequirement(*item, out, diagnostics);
}

}  // namespace

void ReadReceive(MapReader* handler, v1::HandlerConfig* out, Diagnostics& diagnostics) {
  int method = v1::RECEIVE_METHOD_AF_XDP, times = v1::WANTED_TIME_ANY;
  uint32_t queues = 0;
  uint64_t busy_poll_ns = 0;
  if (handler != nullptr) {
    handler->OneOf("receive", kMethods, &method);
    handler->Count32("queues", 0, 1024, &queues);
    handler->Duration("busy_poll", 0, 10 * kMillisecond, &busy_poll_ns);
    handler->OneOf("timestamps", kTimes, &times);
    if (busy_poll_ns % kMicrosecond != 0) handler->Refuse("busy_poll", "the kernel polls for whole microseconds");
  }
  out->set_receive(static_cast<v1::ReceiveMethod>(method));
  out->set_queues(queues);
  out->set_busy_poll_ns(busy_poll_ns);
  out->set_timestamps(static_cast<v1::WantedTime>(times));
  if (handler != nullptr) ReadRequirements(handler->FindMaybeEmpty("require"), out, diagnostics);
}

}  // namespace feedfarm
