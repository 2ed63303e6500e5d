#include "coordinator/campaign/suggestion.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace feedfarm {
namespace {

constexpr size_t kWordMax = 64;

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Optimal string alignment distance, letters' case ignored.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::array<std::array<size_t, kWordMax + 1>, 3> rows{};
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) && Lower(a[i - 2]) == Lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string Suggestion(absl::string_view word, std::span<const absl::string_view> candidates) {
  if (word.empty() || word.size() > kWordMax) return "";
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  absl::string_view best;
  for (const absl::string_view candidate : candidates) {
    const size_t longer = std::max(candidate.size(), word.size());
    // The lengths alone are further apart.
    if (longer > kWordMax || longer - std::min(candidate.size(), word.size()) >= best_distance) continue;
    const size_t distance = Distance(word, candidate);
    if (distance >= best_distance || distance >= candidate.size()) continue;
    best_distance = distance;
    best = candidate;
  }
  return best.empty() ? "" : absl::StrCat("; did you mean \"", best, "\"?");
}

}  // namespace feedfarm
