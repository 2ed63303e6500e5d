#pragma once

#include <string>

#include "pipeline/profile/profile_catalog.h"
#include "pipeline/profile/profile_report.h"
#include "proto/farm_service.pb.h"

namespace feedfarm {

// A local profile as a campaign of one run, with its own gates. `host` empty: whichever is free.
std::string CampaignOf(const LocalProfile& profile, const ProfileArguments& arguments, uint64_t seed,
                       const std::string& host);

// The result line of such a campaign: what the profile told, the host it was on, and the coordinator's verdict as its
// status.
ProfileReport ReportOfFarmProfile(const LocalProfile& profile, const v1::CampaignStatus& status);

}  // namespace feedfarm
