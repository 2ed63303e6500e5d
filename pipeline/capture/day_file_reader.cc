#include "pipeline/capture/day_file_reader.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/itch/message_length.h"

namespace feedfarm {
namespace {

constexpr size_t kLengthBytes = 2;

}  // namespace

bool DayFileReader::Matches(std::span<const uint8_t> first) {
  bool any = false;
  while (first.size() > kLengthBytes) {
    const size_t length = LoadBig<uint16_t>(first.data());
    if (length == 0) break;
    if (itch::MessageLength(first[kLengthBytes]) != length) return false;
    if (first.size() < kLengthBytes + length) break;
    first = first.subspan(kLengthBytes + length);
    any = true;
  }
  return any;
}

std::optional<CaptureRecord> DayFileReader::EndOfFile(bool inside_record) {
  ended_ = true;
  counters_.cut_short = inside_record || stream_->cut_short();
  if (inside_record) {
    ++counters_.records;
    ++counters_.truncated_records;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<CaptureRecord>> DayFileReader::Next() {
  if (ended_) return std::nullopt;
  FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> head, stream_->Peek(kLengthBytes));
  if (head.size() < kLengthBytes) return EndOfFile(!head.empty());
  const size_t length = LoadBig<uint16_t>(head.data());
  if (length == 0) return EndOfFile(false);
  FEEDFARM_ASSIGN_OR_RETURN(const std::span<const uint8_t> record, stream_->Peek(kLengthBytes + length));
  const std::span<const uint8_t> message = record.subspan(kLengthBytes);
  if (message.empty()) return EndOfFile(true);
  const size_t expected = itch::MessageLength(message[0]);
  if (expected != 0 && expected != length) {
    return stream_->Damaged(
        absl::StrFormat("no ITCH message: type 0x%02x of %u bytes, has %u in ITCH 5.0", message[0], length, expected));
  }
  stream_->Consume(record.size());
  ++counters_.datagrams;
  const bool truncated = message.size() < length;
  if (truncated) {
    EndOfFile(true);
  } else {
    ++counters_.records;
  }
  return CaptureRecord{.truncated = truncated, .payload = message};
}

}  // namespace feedfarm
