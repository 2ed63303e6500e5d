#pragma once

#include <string>

namespace feedfarm {

// What a program was built from and with.
struct BuildStamp {
  std::string commit = "unknown";  // hex
  bool dirty = false;              // the tree had changes that are not in the commit
  std::string compiler;            // "gcc 12.2.0"
  std::string allocator;           // "glibc 2.36 malloc"
  friend bool operator==(const BuildStamp&, const BuildStamp&) = default;

  // The commit's first 12 digits, with "+" where dirty.
  std::string Short() const;
  // "0123abcd4567+, gcc 12.2.0, glibc 2.36 malloc".
  std::string Text() const;
};

// Of this program. It changes with each commit, so programs link it and hand it on, never libraries: tests of those
// keep their results.
BuildStamp StampOfThisProgram();

}  // namespace feedfarm
