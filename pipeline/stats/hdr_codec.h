#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {

// HdrHistogram's V2 encoding, all integers big-endian:
//
//   u32 cookie 0x1c849313   u32 payload length, bytes   u32 normalizing index offset (0)   u32 significant digits
//   i64 lowest value        i64 highest value           f64 integer-to-double ratio (1.0)
//   payload: ZigZag LEB128 in at most 9 bytes (the ninth holds 8 bits): a count, or minus the length of a run of two
//   zeros or more;
//            counters above the highest one in use are left out
//
// and compressed: u32 cookie 0x1c849314, u32 length of the rest, that as one zlib stream.
//
// Only what a Histogram can hold is decoded: lowest value 1, three digits, no counter beyond Histogram::kHighest.
// Pure functions, any thread.

std::string EncodeHdrV2(const Histogram& histogram);
std::string EncodeHdrV2Compressed(const Histogram& histogram);
std::string EncodeHdrV2Base64(const Histogram& histogram);  // of the compressed encoding

// Decoding takes any bytes. INVALID_ARGUMENT: no such encoding, damaged, too short, too long, or a count that does not
// fit. UNIMPLEMENTED: a well-formed header of a kind that we do not make. OUT_OF_RANGE: values above
// Histogram::kHighest. Memory is bounded: at most 231 kB are inflated, whatever the input claims.
absl::StatusOr<Histogram> DecodeHdrV2(std::string_view bytes);
absl::StatusOr<Histogram> DecodeHdrV2Compressed(std::string_view bytes);
absl::StatusOr<Histogram> DecodeHdrV2Base64(std::string_view text);

}  // namespace feedfarm
