#include "pipeline/base/build_stamp.h"

namespace feedfarm {
namespace {

constexpr size_t kShortDigits = 12;

}  // namespace

std::string BuildStamp::Short() const { return commit.substr(0, kShortDigits) + (dirty ? "+" : ""); }

std::string BuildStamp::Text() const { return Short() + ", " + compiler + ", " + allocator; }

}  // namespace feedfarm
