#pragma once

#include <string>

namespace feedfarm {

// The tables of docs/gates.md, from the catalog: a test holds the file against them.
std::string GateTables();

}  // namespace feedfarm
