#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/farm_service.pb.h"

namespace feedfarm {

// A place in a file, 1-based; line 0 = the whole file.
struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
};

// Everything wrong with one file. The same problem at the same place is kept once: a field in `defaults` is seen by
// every scenario.
class Diagnostics {
 public:
  void Add(Position position, absl::string_view message);

  bool empty() const { return problems_.empty(); }

  // Sorted; at most `max`, the last one then says how many more there are.
  std::vector<v1::Diagnostic> Take(absl::string_view file, size_t max);

 private:
  std::set<std::tuple<uint32_t, uint32_t, std::string>> problems_;
  size_t left_out_ = 0;
};

}  // namespace feedfarm
