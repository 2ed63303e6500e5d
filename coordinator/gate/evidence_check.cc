#include "coordinator/gate/evidence_check.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "coordinator/campaign/units.h"
#include "coordinator/gate/line_loss.h"

namespace feedfarm {
namespace {

using Sentences = std::vector<std::string>;

// What the timeline asks for, each fault counted once a line.
struct Planned {
  uint64_t gap_messages = 0;  // of gaps on both lines: the only ones that the source counts
  uint64_t duplicate_packets = 0;
  uint64_t reordered_packets = 0;
  uint64_t kills = 0;
  uint64_t last_kill_ns = 0;
};

bool OnBoth(v1::Line lines) { return lines == v1::LINE_BOTH || lines == v1::LINE_UNSPECIFIED; }

Planned Plan(const v1::Scenario& scenario) {
  Planned planned;
  for (const v1::Fault& fault : scenario.faults()) {
    if (fault.has_gap() && OnBoth(fault.gap().lines())) planned.gap_messages += fault.gap().messages();
    if (fault.has_duplicate())
      planned.duplicate_packets += fault.duplicate().packets() * (OnBoth(fault.duplicate().lines()) ? 2 : 1);
    if (fault.has_reorder())
      planned.reordered_packets += fault.reorder().packets() * (OnBoth(fault.reorder().lines()) ? 2 : 1);
    if (!fault.has_kill_handler()) continue;
    ++planned.kills;
    planned.last_kill_ns = std::max(planned.last_kill_ns, fault.at_ns());
  }
  return planned;
}

void Expect(absl::string_view fault, absl::string_view unit, uint64_t done, uint64_t planned, Sentences* out) {
  if (done >= planned) return;
  out->push_back(absl::StrCat("fault ", fault, " did not happen as asked for: ", done, " of ", planned, " ", unit));
}

void CheckCut(const v1::Fault& fault, absl::string_view name, const v1::HandlerResult& handler, Sentences* out) {
  const v1::LineResult* line = LineOf(name, handler);
  if (line == nullptr || line->cut_packets() == 0) {
    out->push_back(absl::StrCat("fault cut of line ", name, " at ", FormatDurationNs(static_cast<double>(fault.at_ns())),
                                " did not happen: no packet was dropped by it"));
    return;
  }
  // The silence between two packets is never shorter than the cut; a twentieth is left to clocks.
  const uint64_t wanted_ns = fault.cut().duration_ns();
  if (line->cut_measured_ns() >= wanted_ns - wanted_ns / 20) return;
  out->push_back(absl::StrCat("fault cut of line ", name, " at ", FormatDurationNs(static_cast<double>(fault.at_ns())),
                              " did not last: the longest cut was ",
                              FormatDurationNs(static_cast<double>(line->cut_measured_ns())), " of ",
                              FormatDurationNs(static_cast<double>(wanted_ns))));
}

void CheckCuts(const v1::Scenario& scenario, const Planned& planned, const v1::HandlerResult& handler, Sentences* out) {
  for (const v1::Fault& fault : scenario.faults()) {
    if (!fault.has_cut() || (planned.kills > 0 && fault.at_ns() <= planned.last_kill_ns)) continue;
    if (fault.cut().line() != v1::LINE_B) CheckCut(fault, "A", handler, out);
    if (fault.cut().line() != v1::LINE_A) CheckCut(fault, "B", handler, out);
  }
}

// Packets that reached the handler's host and were lost there, by its own account.
uint64_t DroppedAtTheHost(const v1::HandlerResult& handler) {
  uint64_t sum = 0;
  for (const v1::ReasonCount& drop : handler.drops()) {
    for (const absl::string_view reason : {"ring_full", "fill_ring_empty", "invalid", "no_socket", "no_metadata"}) {
      if (drop.reason() == reason) sum += drop.count();
    }
  }
  return sum;
}

// What the source sent on a line must have come to the handler's host: else the wire was not what the run is thought to be about. Where
// the timeline takes packets away it cannot be told how many, but a line is never without any.
void CheckLines(const v1::Scenario& scenario, const v1::HandlerResult& handler, const v1::SourceResult& source,
                const std::array<std::string, 2>& wires, Sentences* out) {
  const bool taken = scenario.handler().start_after_ns() != 0 ||
                     std::any_of(scenario.faults().begin(), scenario.faults().end(), [](const v1::Fault& fault) {
                       return fault.has_cut() || fault.has_kill_handler();
                     });
  struct Line {
    absl::string_view name;
    const std::string& wire;
    uint64_t sent = 0;
    uint64_t lost = 0;
    bool dead = false;
  };
  std::array<Line, 2> lines = {{{"A", wires[0]}, {"B", wires[1]}}};
  uint64_t lost = 0;
  for (Line& line : lines) {
    const v1::LineResult* seen = LineOf(line.name, handler);
    line.sent = SentOn(line.name, source);
    line.lost = LostOn(line.name, handler, source);
    line.dead = line.sent > 0 && (seen == nullptr || seen->packets() + seen->cut_packets() == 0);
    lost += line.lost;
  }
  const bool unexplained = !taken && lost > DroppedAtTheHost(handler);
  for (const Line& line : lines) {
    const std::string where = absl::StrCat("line ", line.name, line.wire.empty() ? "" : " (", line.wire, line.wire.empty() ? "" : ")");
    if (line.dead) {
      out->push_back(absl::StrCat(where, " was dead: none of the ", line.sent, " packets sent on it was received"));
    } else if (unexplained && line.lost > 0) {
      out->push_back(absl::StrCat(where, " lost ", line.lost, " of ", line.sent,
                                  " packets sent on it, and the handler's host does not know of them"));
    }
  }
}

// A handler that cannot have the whole stream by re-requests must have asked for a snapshot; and what the GLIMPSE server
// was to do wrong must have been done.
void CheckSnapshots(const v1::Scenario& scenario, const v1::HandlerResult* handler, const v1::SourceResult* source,
                    Sentences* out) {
  const v1::HandlerConfig& config = scenario.handler();
  const v1::Traffic& traffic = scenario.traffic();
  if (config.snapshot() != v1::SNAPSHOT_METHOD_GLIMPSE) return;
  // The events outlive a handler that is killed, its counters do not.
  const bool loaded = handler != nullptr && std::any_of(handler->events().begin(), handler->events().end(),
                                                        [](const v1::HandlerEvent& event) {
                                                          return event.kind() == v1::HandlerEvent::KIND_SNAPSHOT;
                                                        });
  if (handler != nullptr && handler->snapshots_asked() == 0 && !loaded) {
    const uint64_t kept = traffic.rerequest().port() == 0 ? 0 : traffic.rerequest().keep_messages();
    const bool all_kept = traffic.rerequest().port() != 0 && kept == 0;
    const bool beyond = std::any_of(scenario.faults().begin(), scenario.faults().end(), [&](const v1::Fault& fault) {
      return fault.has_gap() && OnBoth(fault.gap().lines()) && fault.gap().messages() > kept;
    });
    if (config.start_after_ns() != 0) {
      out->push_back("the late start proves nothing: no snapshot was asked for");
    } else if (beyond && !all_kept) {
      out->push_back("the gap beyond what the re-request server keeps proves nothing: no snapshot was asked for");
    }
  }
  if (source == nullptr) return;
  const v1::Glimpse& glimpse = traffic.glimpse();
  if (glimpse.reject_login()) Expect("glimpse.reject_login", "logins", source->snapshots_rejected(), 1, out);
  if (glimpse.lag_messages() != 0) {
    Expect("glimpse.lag_messages", "logins", source->snapshots_stale() + source->snapshots_cut(),
           std::max<uint64_t>(1, glimpse.lag_logins()), out);
  }
  if (glimpse.cut_after_bytes() != 0) {
    Expect("glimpse.cut_after_bytes", "logins", source->snapshots_cut(), std::max<uint64_t>(1, glimpse.cut_logins()),
           out);
  }
}

// A journal that was asked for must have been kept to the end.
void CheckJournal(const Planned& planned, const v1::HandlerResult& handler, Sentences* out) {
  if (planned.kills > 0 && handler.journal_restored_messages() == 0) {
    out->push_back("the killed handler's journal brought nothing back");
  }
  const uint64_t kept = handler.journal_restored_messages() + handler.journal_messages();
  if (handler.journal_errors() > 0 || handler.journal_overrun_messages() > 0 || kept < handler.messages()) {
    out->push_back(absl::StrCat("the journal was not kept to the end: ", kept, " of ", handler.messages(),
                                " messages, ", handler.journal_overrun_messages(), " overran, ",
                                handler.journal_errors(), " errors"));
  }
}

Sentences MissingOfProfile(const v1::Profile& profile, const v1::ProfileResult* result) {
  if (result == nullptr) return {"no data: the profile gave no result"};
  if (result->profile() != profile.name()) {
    return {absl::StrCat("no data: the result is that of profile '", result->profile(), "'")};
  }
  // With these words it says that it could measure; what of it holds is the gates' to say.
  for (const char* measured : {"ok", "broken", "breached"}) {
    if (result->status() == measured) return {};
  }
  return {absl::StrCat("the profile is ", result->status(), ": ", result->reasons())};
}

Sentences MissingOfFeed(const v1::Scenario& scenario, const v1::HandlerResult* handler, const v1::SourceResult* source,
                        const std::array<std::string, 2>& wires) {
  Sentences out;
  const Planned planned = Plan(scenario);
  if (source == nullptr) {
    out.push_back("no data: the source gave no result");
  } else {
    if (source->messages() == 0) out.push_back("no data: nothing was sent");
    Expect("gap", "messages", source->gap_messages(), planned.gap_messages, &out);
    Expect("duplicate", "packets", source->duplicate_packets(), planned.duplicate_packets, &out);
    Expect("reorder", "packets", source->reordered_packets(), planned.reordered_packets, &out);
  }
  if (handler == nullptr) {
    out.push_back("no data: the handler gave no result");
  } else {
    if (handler->messages() == 0) out.push_back("no data: the handler delivered no message");
    Expect("kill_handler", "kills", handler->restarts(), planned.kills, &out);
    if (handler->killed_accounts_lost() > 0) {
      out.push_back(absl::StrCat("of ", handler->killed_accounts_lost(), " killed handlers it is not known what they counted"));
    }
    if (!scenario.handler().journal().empty()) CheckJournal(planned, *handler, &out);
    CheckCuts(scenario, planned, *handler, &out);
  }
  if (handler != nullptr && source != nullptr) CheckLines(scenario, *handler, *source, wires, &out);
  CheckSnapshots(scenario, handler, source, &out);
  return out;
}

}  // namespace

Sentences MissingEvidence(const v1::Scenario& scenario, const RoleResults& results, const std::array<std::string, 2>& wires) {
  if (scenario.has_profile()) return MissingOfProfile(scenario.profile(), results.profile);
  if (scenario.has_rate_search()) return {};
  return MissingOfFeed(scenario, results.handler, results.source, wires);
}

}  // namespace feedfarm
