#pragma once

#include "pipeline/base/build_stamp.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {

// A child's build on its `ready` line: commit=, dirty=, compiler=, allocator=.
void AddBuild(const BuildStamp& build, RecordLine* line);
// Missing fields stay empty.
BuildStamp BuildOf(const RecordLine& line);

}  // namespace feedfarm
