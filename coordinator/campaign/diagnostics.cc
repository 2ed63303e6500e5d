#include "coordinator/campaign/diagnostics.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace feedfarm {
namespace {

// Enough to sort the first hundred out of; a hostile file has no use of more.
constexpr size_t kKeptMax = 2000;

v1::Diagnostic MakeDiagnostic(absl::string_view file, uint32_t line, uint32_t column, absl::string_view message) {
  v1::Diagnostic diagnostic;
  diagnostic.set_file(std::string(file));
  diagnostic.set_line(line);
  diagnostic.set_column(column);
  diagnostic.set_message(std::string(message));
  return diagnostic;
}

}  // namespace

void Diagnostics::Add(Position position, absl::string_view message) {
  if (problems_.size() >= kKeptMax) {
    ++left_out_;
    return;
  }
  problems_.emplace(position.line, position.column, std::string(message));
}

std::vector<v1::Diagnostic> Diagnostics::Take(absl::string_view file, size_t max) {
  std::vector<v1::Diagnostic> out;
  const size_t all = problems_.size() + left_out_;
  for (const auto& [line, column, message] : problems_) {
    if (out.size() + 1 == max && all > max) {
      out.push_back(MakeDiagnostic(file, 0, 0, absl::StrCat("and ", all - out.size(), " more problems")));
      break;
    }
    out.push_back(MakeDiagnostic(file, line, column, message));
  }
  problems_.clear();
  left_out_ = 0;
  return out;
}

}  // namespace feedfarm
