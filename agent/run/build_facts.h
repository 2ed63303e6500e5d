#pragma once

#include "pipeline/base/build_stamp.h"
#include "proto/manifest.pb.h"

namespace feedfarm {

// A child's build, for the coordinator.
inline v1::BuildFacts FactsOf(const BuildStamp& build) {
  v1::BuildFacts facts;
  facts.set_commit(build.commit);
  facts.set_dirty(build.dirty);
  facts.set_compiler(build.compiler);
  facts.set_allocator(build.allocator);
  return facts;
}

}  // namespace feedfarm
