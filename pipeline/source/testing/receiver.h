#pragma once

#include <cstddef>
#include <cstdint>

namespace feedfarm::testing {

// One way to take packets; Poll takes a batch, handles it, gives it back and returns its size.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual size_t Poll() = 0;
  virtual uint64_t messages() const { return 0; }
};

}  // namespace feedfarm::testing
