#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pipeline/feed/framing.h"
#include "pipeline/iextp/layout.h"

namespace feedfarm::iextp {

// What a gap fill request's ranges count.
enum class RangeType : uint8_t { kStreamOffset = gapfill::kStreamRange, kSequence = gapfill::kSequenceRange };

// From `first` to `last`, both included.
struct Range {
  uint64_t first = 0;
  uint64_t last = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

// The gap fill request of IEX-TP, client to gap fill server by unicast UDP. Answered by one or more ordinary segments
// to the source address, up to a limit of the server; a test request (no ranges) by one segment without payload that
// carries the next sequence and stream offset; an invalid request by silence. Its byte layout is UNVERIFIED: see
// layout.h.
struct GapFillRequest {
  // More ranges in one request are refused: it keeps a request inside 1,040 bytes.
  static constexpr size_t kRangesMax = 64;
  static constexpr size_t kBytesMax = gapfill::kHeaderBytes + kRangesMax * gapfill::kRangeBytes;

  explicit GapFillRequest(const SessionId& session, RangeType type = RangeType::kSequence)
      : session(session), type(type) {}

  SessionId session;
  RangeType type;
  uint32_t range_count = 0;
  std::array<Range, kRangesMax> ranges;  // [0, range_count)

  bool is_test() const { return range_count == 0; }

  // Adds a range behind those that are there. False where it is empty (first > last), overlaps or comes before
  // the last one, or there are kRangesMax: the request stays as it was.
  bool AddRange(const Range& range);

  // Writes the request to `out`, at least 16 + 16 x range_count bytes (CHECKed), and returns its bytes.
  size_t Encode(std::span<uint8_t> out) const;

  // nullopt where the bytes are no valid request: length, version, message protocol, unknown type, a range count other
  // than the bytes that follow, more than kRangesMax ranges, ranges that are empty, overlap or do not increase,
  // a sequence of 0.
  static std::optional<GapFillRequest> Parse(std::span<const uint8_t> packet);
};

// One range of messages by sequence, in the shape of moldudp64::Rerequest, so that a client can be written once.
struct Rerequest {
  static constexpr size_t kBytesMax = gapfill::kHeaderBytes + gapfill::kRangeBytes;

  Rerequest(const SessionId& session, uint64_t first_sequence, uint64_t count)
      : session(session), first_sequence(first_sequence), count(count) {}

  SessionId session;
  uint64_t first_sequence;
  uint64_t count;

  // Writes the request to `out` and returns its bytes. Our own bug, CHECKed: `out` is too small, or a request for
  // nothing.
  size_t Encode(std::span<uint8_t> out) const;

  // A request by sequence: its first range (a server that answers within a limit begins there). nullopt where it is
  // no valid request, a test request, or by stream offset.
  static std::optional<Rerequest> Parse(std::span<const uint8_t> packet);
};

}  // namespace feedfarm::iextp
