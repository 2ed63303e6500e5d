#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "proto/farm_service.pb.h"
#include "tools/feedfarm/cli_context.h"

namespace feedfarm {

// SIGINT and SIGTERM as counted events for a command that waits. Make one before any other thread exists.
class Interrupts {
 public:
  // With `cancels` empty the first signal ends the program with 130; else it asks for the campaign's cancellation, and the second one
  // ends the program.
  explicit Interrupts(CliContext* context);

  // From now on the first signal cancels this campaign.
  void CancelOnInterrupt(const std::string& campaign_id);
  bool interrupted() const { return count_ > 0; }

 private:
  void Loop();

  CliContext* const context_;
  std::atomic<int> count_ = 0;
  std::atomic<const std::string*> campaign_id_ = nullptr;
};

// Watches a campaign to its end, writing progress to stderr. A coordinator that goes away is waited for, a minute at most: the campaign
// goes on at the agents meanwhile. The stream's error when that has passed.
absl::StatusOr<v1::CampaignStatus> FollowCampaign(CliContext& context, const std::string& campaign_id);

// What follows a finished campaign: the report's text (or JSON) on stdout, annotations if wanted; gives the exit code.
int ConcludeCampaign(CliContext& context, const v1::CampaignStatus& status, bool annotations);

}  // namespace feedfarm
