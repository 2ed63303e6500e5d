#pragma once

#include <string>
#include <string_view>

#include "proto/manifest.pb.h"

namespace feedfarm {

// Why a handler of this build is not the one that was asked for, a sentence; "" = it is. `commit` is HandlerConfig.commit.
std::string WrongBuild(std::string_view commit, const v1::BuildFacts& build);

}  // namespace feedfarm
