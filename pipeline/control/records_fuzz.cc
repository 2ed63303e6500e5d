// Whatever a broken peer writes, parsing answers a status and never reads past the line.
#include <cstring>
#include <memory>

#include "glog/logging.h"
#include "gtest/gtest.h"
#include "pipeline/base/rng.h"
#include "pipeline/control/cut_command.h"
#include "pipeline/control/event_record.h"
#include "pipeline/control/final_record.h"
#include "pipeline/control/interval_record.h"
#include "pipeline/control/ready_record.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSeed = 20'250'601;
constexpr int kCases = 200'000;

void FuzzOne(std::string_view input) {
  const auto line = RecordLine::Parse(input);
  if (!line.ok()) return;
  const auto again = RecordLine::Parse(line->Encode());
  ASSERT_TRUE(again.ok());
  ASSERT_EQ(*again, *line);
  (void)FinalRecord::FromLine(*line);
  (void)IntervalRecord::FromLine(*line);
  (void)EventRecord::FromLine(*line);
  (void)CutCommand::FromLine(*line);
  (void)ReadyRecord::FromLine(*line);
}

TEST(RecordsFuzz, SurvivesMutationsAndNoise) {
  LOG(INFO) << "seed " << kSeed;
  Rng rng(kSeed);
  IntervalRecord interval;
  interval.histograms = {{LatencyMetric::kDecode, TimestampClass::kSoftware, "bytes", 5}};
  const std::string valid[] = {interval.ToLine().Encode(), EventRecord{.line = "A"}.ToLine().Encode(),
                               CutCommand{}.ToLine().Encode(),
                               ReadyRecord{"a", "b", "c", {"d", true, "e f", "g"}, {"h"}}.ToLine().Encode()};
  for (int i = 0; i < kCases; ++i) {
    std::string text;
    if (rng.Below(4) == 0) {
      text.resize(rng.Below(80));
      for (char& c : text) c = static_cast<char>(rng.Next());
    } else {
      text = valid[rng.Below(std::size(valid))];
      for (uint64_t edits = 1 + rng.Below(4); edits > 0 && !text.empty(); --edits) {
        const size_t at = rng.Below(text.size());
        switch (rng.Below(4)) {
          case 0:
            text[at] = static_cast<char>(rng.Next());
            break;
          case 1:
            text.erase(at, 1 + rng.Below(4));
            break;
          case 2:
            text.insert(at, 1, " =%\n.0"[rng.Below(6)]);
            break;
          case 3:
            text.resize(at);
            break;
        }
      }
    }
    const std::unique_ptr<char[]> exact(new char[text.size()]);
    std::memcpy(exact.get(), text.data(), text.size());
    FuzzOne({exact.get(), text.size()});
  }
}

TEST(RecordsFuzz, SurvivesABrokenFinal) {
  Rng rng(kSeed + 1);
  FinalRecord record;
  record.types = {{"A", 1}};
  const std::string valid = record.ToLine().Encode();
  for (int i = 0; i < 5'000; ++i) {
    std::string text = valid;
    for (uint64_t edits = 1 + rng.Below(3); edits > 0; --edits)
      text[rng.Below(text.size())] = static_cast<char>(rng.Next());
    FuzzOne(text);
  }
}

}  // namespace
}  // namespace feedfarm
