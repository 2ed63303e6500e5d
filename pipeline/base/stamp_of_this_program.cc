#include <gnu/libc-version.h>

#include <string>

#include "pipeline/base/build_stamp.h"
#include "pipeline/base/stamped_commit.h"

namespace feedfarm {
namespace {

std::string Version(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::string Compiler() {
#if defined(__clang__)
  return "clang " + Version(__clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return "gcc " + Version(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

BuildStamp StampOfThisProgram() {
  return {.commit = kStampedCommit,
          .dirty = kStampedDirty,
          .compiler = Compiler(),
          .allocator = std::string("glibc ") + ::gnu_get_libc_version() + " malloc"};
}

}  // namespace feedfarm
