#pragma once

#include <functional>
#include <memory>
#include <string>

#include "proto/agent_service.grpc.pb.h"

namespace feedfarm {

// Makes a stub over a connection of its own. Called anew for each attempt: a connection whose other end is gone without
// a word would otherwise swallow every later call as well.
using StubMaker = std::function<std::shared_ptr<v1::AgentService::StubInterface>()>;

// For "host:port", without encryption. Connects when the stub is first used.
StubMaker StubsFor(std::string target);

}  // namespace feedfarm
