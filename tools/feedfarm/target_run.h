#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proto/farm_service.pb.h"
#include "tools/feedfarm/campaign_follower.h"
#include "tools/feedfarm/cli_context.h"

namespace feedfarm {

// Campaigns that a profile submits and waits for, one after the other. Ctrl-C cancels the one under way. One thread.
class TargetRun {
 public:
  // Before any other thread exists.
  explicit TargetRun(CliContext* context);
  ~TargetRun();

  // The finished campaign, with one run. Nothing: there was none, or the user interrupted; stderr says why and
  // exit_code() is what to end with.
  std::optional<v1::CampaignStatus> Run(const std::string& profile, const std::string& yaml);
  int exit_code() const { return exit_code_; }

 private:
  std::optional<v1::CampaignStatus> EndWith(int exit_code);

  CliContext* const context_;
  std::unique_ptr<Interrupts> interrupts_;
  int exit_code_ = 0;
};

}  // namespace feedfarm
