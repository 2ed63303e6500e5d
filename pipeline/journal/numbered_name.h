#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace feedfarm {

// File names of a kind: prefix, 20 decimal digits (so that names sort as numbers do), suffix.
struct NumberedName {
  std::string_view prefix;
  std::string_view suffix;

  std::string Of(uint64_t number) const;
  // Nothing where `name` is none of this kind.
  std::optional<uint64_t> Number(std::string_view name) const;
};

// "journal-00000000000000000042.ffj": the segment whose first record is 42.
inline constexpr NumberedName kSegmentName{"journal-", ".ffj"};
// "snapshot-00000000000000000042.ffs": the state before record 42.
inline constexpr NumberedName kSnapshotName{"snapshot-", ".ffs"};
// Behind the name of a file that is being made. One that is found was interrupted and is no one's.
inline constexpr char kUnfinished[] = ".new";

}  // namespace feedfarm
