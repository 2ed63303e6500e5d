#pragma once

#include <string>

#include "proto/farm_service.pb.h"

namespace feedfarm {

// A list of campaigns, one a line.
std::string CampaignsTable(const v1::ListReply& reply);

// One campaign: a head line, a line a run, then every reason and every gate that did not hold. `wide` adds hosts, epochs and
// all gates.
std::string CampaignText(const v1::CampaignStatus& status, bool wide);

// What would run: runs, then what cannot and why.
std::string PlanText(const v1::PlanReply& reply);

// "file:line:column: message", one a line.
std::string DiagnosticsText(const google::protobuf::RepeatedPtrField<v1::Diagnostic>& diagnostics);

// Why no hosts can carry scenarios, a constraint a line.
std::string UnplaceableText(const google::protobuf::RepeatedPtrField<v1::PlacementProblem>& problems);

}  // namespace feedfarm
