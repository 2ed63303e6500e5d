#include "pipeline/profile/pool_soak.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/rng.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/control/page_faults.h"
#include "pipeline/xdp/umem_pool.h"

namespace feedfarm {
namespace {

constexpr uint32_t kFrameBytes = 2048;

const LocalProfile& Profile() { return *FindLocalProfile("pool-soak"); }

absl::Status Check(const PoolSoakOptions& options) {
  return CheckArguments(Profile(), {absl::StrCat(options.frames), absl::StrCat(options.burst),
                                    absl::StrCat(options.rounds), absl::StrCat(options.batch)});
}

// The buffers that are out, and the way of one round.
class Soak {
 public:
  Soak(const PoolSoakOptions& options, UmemPool* pool)
      : pool_(pool), rng_(options.seed), batch_(options.batch), out_(options.burst) {}

  // False: the pool gave fewer than asked for, or refused one of its own.
  bool Round() {
    FramePool& frames = pool_->frames();
    const size_t taken = frames.TakeForFill(batch_);
    for (const uint64_t address : std::span(batch_).first(taken)) {
      const auto frame = frames.TakeFilled(address);
      if (!frame) continue;
      frames.Deliver(*frame);
      // As the device would: what is not touched could not fault.
      pool_->memory()[address] = static_cast<uint8_t>(operations_);
      GiveBackOneOf(*frame);
      ++operations_;
    }
    return taken == batch_.size();
  }

  void GiveBackAll() {
    while (held_ != 0) pool_->frames().Return(out_[--held_]);
  }

  uint64_t operations() const { return operations_; }

 private:
  // Buffers do not come back in the order they went out in.
  void GiveBackOneOf(uint32_t frame) {
    if (held_ < out_.size()) {
      out_[held_++] = frame;
      return;
    }
    std::swap(out_[rng_.Below(out_.size())], frame);
    pool_->frames().Return(frame);
  }

  UmemPool* const pool_;
  Rng rng_;
  std::vector<uint64_t> batch_;
  std::vector<uint32_t> out_;
  size_t held_ = 0;
  uint64_t operations_ = 0;
};

}  // namespace

absl::StatusOr<ProfileReport> RunPoolSoak(const PoolSoakOptions& options) {
  FEEDFARM_RETURN_IF_ERROR(Check(options));
  FEEDFARM_ASSIGN_OR_RETURN(const auto pool, UmemPool::Create(options.frames, kFrameBytes));
  ProfileReport report(std::string(Profile().name));
  Soak soak(options, pool.get());
  PageFaults faults;
  const uint64_t start_ns = MonotonicNow();
  for (uint64_t round = 0; round < options.rounds; ++round) {
    soak.Round();
    if (soak.operations() >= options.burst) faults.BeginSteady();
  }
  const uint64_t elapsed_ns = std::max<uint64_t>(1, MonotonicNow() - start_ns);
  const PageFaults::Counts steady = faults.Steady();
  soak.GiveBackAll();

  report.Add("frames", uint64_t{options.frames});
  report.Add("burst", uint64_t{options.burst});
  report.Add("rounds", options.rounds);
  report.Add("batch", uint64_t{options.batch});
  report.Add("seed", options.seed);
  report.Add("operations", soak.operations());
  report.Add("misses", pool->frames().misses());
  report.Add("return_drops", pool->frames().return_drops());
  report.Add("pool_available", uint64_t{pool->frames().free_count()});
  report.Add("pool_size", uint64_t{options.frames});
  report.Add("minor_faults", steady.minor);
  report.Add("major_faults", steady.major);
  report.Add("ns_per_operation", static_cast<double>(elapsed_ns) / static_cast<double>(soak.operations()));
  report.Add("pages", pool->pages());
  report.Add("locked", pool->locked());
  report.AddMust("operations", options.rounds * options.batch);
  report.AddProof("free_at_end", uint64_t{pool->frames().free_count()});
  report.Judge(Profile());
  return report;
}

}  // namespace feedfarm
