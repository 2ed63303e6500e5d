#pragma once

#include "proto/agent_service.pb.h"

namespace feedfarm {

// "source", "handler", "profile": for people, and in names of folders, groups and files.
const char* RoleName(v1::Role role);

// One of those three; what comes from outside may be any number.
bool IsRole(int role);

}  // namespace feedfarm
