#pragma once

#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace feedfarm {

// "; did you mean \"rate\"?" for the candidate that is at most a third of the word's letters away (insert, delete,
// replace, or swap of neighbours); empty where none is near. Cost: word x candidates letters, words over 64 letters are
// not looked at.
std::string Suggestion(absl::string_view word, std::span<const absl::string_view> candidates);

}  // namespace feedfarm
