#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "proto/farm_service.pb.h"

namespace feedfarm {

// How progress is shown: a block of bars that is redrawn, for a terminal; a line a change, elsewhere.
struct ProgressStyle {
  bool redraw = false;
  bool color = false;
  // A running run's line is repeated at most this often where nothing is redrawn.
  uint64_t line_interval_ns = 5'000'000'000;
};

// Turns each status of a campaign into what is written to stderr next. Pure.
class Progress {
 public:
  explicit Progress(ProgressStyle style) : style_(style) {}

  // Text to write; empty where nothing changed. `now_ns`: any steady clock.
  std::string Update(const v1::CampaignStatus& status, uint64_t now_ns);

 private:
  std::string Bars(const v1::CampaignStatus& status);
  std::string Lines(const v1::CampaignStatus& status, uint64_t now_ns);

  struct Shown {
    v1::RunState state = v1::RUN_STATE_UNSPECIFIED;
    // Of a rate search: each trial is told.
    uint32_t trial = 0;
    uint64_t at_ns = 0;
  };

  ProgressStyle style_;
  size_t lines_drawn_ = 0;
  std::map<std::string, Shown> shown_;
};

}  // namespace feedfarm
