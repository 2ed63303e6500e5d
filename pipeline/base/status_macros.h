#pragma once

#include <cerrno>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

// Returns from the enclosing function when `expr` (an absl::Status) is not OK.
#define FEEDFARM_RETURN_IF_ERROR(expr)                         \
  do {                                                         \
    if (absl::Status status_macro = (expr); !status_macro.ok()) \
      return status_macro;                                      \
  } while (false)

#define FEEDFARM_CONCAT_INNER(a, b) a##b
#define FEEDFARM_CONCAT(a, b) FEEDFARM_CONCAT_INNER(a, b)

// FEEDFARM_ASSIGN_OR_RETURN(auto value, ExprReturningStatusOr());
#define FEEDFARM_ASSIGN_OR_RETURN(lhs, expr) \
  FEEDFARM_ASSIGN_OR_RETURN_INNER(FEEDFARM_CONCAT(status_or_, __LINE__), lhs, expr)
#define FEEDFARM_ASSIGN_OR_RETURN_INNER(statusor, lhs, expr) \
  auto statusor = (expr);                                    \
  if (!statusor.ok()) return std::move(statusor).status();   \
  lhs = *std::move(statusor)

namespace feedfarm {

// A failed system call: `what` names the call and its object ("open /run/x"); errno is kept in code and text.
inline absl::Status ErrnoStatus(std::string_view what, int error = errno) {
  return absl::ErrnoToStatus(error, absl::string_view(what.data(), what.size()));
}

}  // namespace feedfarm
