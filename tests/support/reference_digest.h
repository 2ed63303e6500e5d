#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace feedfarm {

// The hash that pipeline/book/state_digest.h describes, written once more from that description.
class ReferenceDigest {
 public:
  explicit ReferenceDigest(uint64_t start) : state_(11400714819323198485u * start) {}

  void Word(uint64_t word) {
    const uint64_t product = (state_ ^ word) * 11400714819323198485u;
    state_ = product ^ (product / (1u << 29));
  }

  // The part's number and its bytes; nothing where there are none.
  void Part(int number, const std::string& bytes) {
    if (bytes.empty()) return;
    Word(static_cast<uint64_t>(number));
    for (size_t at = 0; at < bytes.size(); at += 8) {
      uint64_t word = 0;
      for (size_t i = std::min(bytes.size(), at + 8); i-- > at;) word = word * 256 + static_cast<uint8_t>(bytes[i]);
      Word(word);
    }
  }

  uint64_t Value() const {
    const uint64_t mixed = (state_ ^ (state_ >> 32)) * 15485907386658061715u;
    return mixed ^ (mixed >> 29);
  }

 private:
  uint64_t state_;
};

}  // namespace feedfarm
