#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace feedfarm {

// Longest line either side takes: a `final` with nine dense histograms stays below it.
inline constexpr size_t kRecordLineBytesMax = 4u << 20;
// Most fields of one line.
inline constexpr size_t kRecordFieldsMax = 4096;

// One line between the agent and feedfarm-handler: `kind key=value key=value`.
//
// Kind and keys are [A-Za-z0-9_.-]+. Values are any bytes: those outside '!'..'~' and '%', '=', ' ' are written as %XX
// (two upper- or lower-case hex digits). Fields keep their order; a key comes once. Not thread-safe, values own their
// memory.
class RecordLine {
 public:
  RecordLine() = default;
  // `kind` must be a name as above (CHECK).
  explicit RecordLine(std::string_view kind);

  // Appends a field; `key` must be a name (CHECK) and new.
  RecordLine& Add(std::string_view key, std::string_view value);
  RecordLine& AddUint(std::string_view key, uint64_t value);

  const std::string& kind() const { return kind_; }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

  // The value of `key`, valid while this lives; nothing where there is no such field.
  std::optional<std::string_view> Find(std::string_view key) const;

  // A decimal unsigned value. NOT_FOUND: no such field. INVALID_ARGUMENT: not a number below 2^64.
  absl::StatusOr<uint64_t> Uint(std::string_view key) const;

  // Without a newline.
  std::string Encode() const;

  // `line` without its newline. INVALID_ARGUMENT with the reason: too long, bad name, no '=', a raw byte that must be
  // escaped, a broken escape, a key twice.
  static absl::StatusOr<RecordLine> Parse(std::string_view line);

  friend bool operator==(const RecordLine&, const RecordLine&) = default;

 private:
  std::string kind_;
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Cuts a byte stream into lines and parses them, whatever pieces it comes in. Memory is bounded by kRecordLineBytesMax.
class RecordLineReader {
 public:
  // Takes bytes as they came. RESOURCE_EXHAUSTED: a line is longer than kRecordLineBytesMax; the reader is then dead.
  absl::Status Append(std::string_view bytes);

  // The next whole line: nothing where there is none yet; a status where it does not parse (reading goes on behind it).
  std::optional<absl::StatusOr<RecordLine>> Next();

 private:
  std::string buffer_;
  size_t begin_ = 0;    // of the line that comes next
  size_t scanned_ = 0;  // no newline in [begin_, scanned_)
};

}  // namespace feedfarm
