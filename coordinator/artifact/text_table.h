#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace feedfarm {

// Columns of text for people, two blanks apart, each as wide as its widest cell; the last one is not padded. Widths
// count characters, not bytes.
class TextTable {
 public:
  enum class Align { kLeft, kRight };

  TextTable() = default;
  // Columns at once; a title that begins with '>' is of a right-aligned one, and shown without it.
  explicit TextTable(std::vector<std::string> titles);

  void AddColumn(std::string title, Align align = Align::kLeft);
  // As many cells as columns; missing ones are empty. Line ends and control bytes in a cell are shown as '?'.
  void AddRow(std::vector<std::string> cells);

  bool empty() const { return rows_.empty(); }
  // With the titles in the first line; each line ends with '\n' and has no blanks before it.
  std::string ToString() const;

 private:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// `text` with every control byte as '?': what comes from a file or a host can move no cursor and forge no line.
std::string Printable(std::string text);

}  // namespace feedfarm
