#pragma once

#include <string>
#include <vector>

namespace feedfarm {

// Columns of text, each as wide as its widest cell, two spaces apart, no trailing spaces. Widths are counted in UTF-8 characters.
class TextTable {
 public:
  // Columns whose name starts with '>' are aligned to the right (the sign is not shown).
  explicit TextTable(std::vector<std::string> header);

  // As many cells as columns; control characters are shown as '?', so that no name can write to the terminal.
  void Add(std::vector<std::string> row);

  std::string ToString() const;

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// `text` without control characters.
std::string Printable(const std::string& text);

}  // namespace feedfarm
