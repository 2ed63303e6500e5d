#pragma once

#include <string>

#include "proto/farm_service.pb.h"

namespace feedfarm {

// GitHub workflow commands ("::error file=...,line=...::...") for the worst 10 findings, then a Markdown table of the runs inside a
// group. Special characters are escaped as the runner asks.
std::string AnnotationsText(const v1::CampaignStatus& status);

}  // namespace feedfarm
