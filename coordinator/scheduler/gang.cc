#include "coordinator/scheduler/gang.h"

#include <glog/logging.h>

namespace feedfarm {
namespace {

constexpr v1::Role kFeed[] = {v1::ROLE_SOURCE, v1::ROLE_HANDLER};
constexpr v1::Role kProfile[] = {v1::ROLE_PROFILE};

}  // namespace

std::span<const v1::Role> GangOf(const v1::Scenario& scenario) {
  if (scenario.has_profile()) return kProfile;
  return kFeed;
}

v1::Role SubjectOf(const v1::Scenario& scenario) { return GangOf(scenario).back(); }

const record::RunSide& SideOf(const record::RunRecord& run, v1::Role role) {
  if (role == v1::ROLE_SOURCE) return run.source();
  if (role == v1::ROLE_HANDLER) return run.handler();
  CHECK_EQ(role, v1::ROLE_PROFILE);
  return run.profile();
}

record::RunSide* MutableSideOf(record::RunRecord* run, v1::Role role) {
  if (role == v1::ROLE_SOURCE) return run->mutable_source();
  if (role == v1::ROLE_HANDLER) return run->mutable_handler();
  CHECK_EQ(role, v1::ROLE_PROFILE);
  return run->mutable_profile();
}

}  // namespace feedfarm
