#include "pipeline/stats/hdr_codec.h"

#include <glog/logging.h>
#include <zlib.h>

#include <bit>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "pipeline/base/endian.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// 0x10 in the last byte says that the counters are ZigZag LEB128.
constexpr uint32_t kCookie = 0x1c849313;
constexpr uint32_t kCompressedCookie = 0x1c849314;
constexpr size_t kHeaderBytes = 40;
constexpr size_t kCompressedHeaderBytes = 8;
constexpr size_t kWordBytesMax = 9;
constexpr size_t kEncodedBytesMax = kHeaderBytes + kWordBytesMax * Histogram::kCounters;

const uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

template <class T>
void AppendBig(std::string& out, T value) {
  uint8_t bytes[sizeof(T)];
  StoreBig<T>(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), sizeof(T));
}

void AppendZigZag(std::string& out, int64_t value) {
  uint64_t rest = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (size_t byte = 1; byte < kWordBytesMax; ++byte) {
    if (rest < 0x80) break;
    out.push_back(static_cast<char>(rest | 0x80));
    rest >>= 7;
  }
  out.push_back(static_cast<char>(rest));
}

// Takes one word off the front of `rest`; false where it is cut short.
bool TakeZigZag(std::string_view& rest, int64_t& value) {
  uint64_t word = 0;
  for (size_t byte = 0; byte < kWordBytesMax; ++byte) {
    if (byte >= rest.size()) return false;
    const uint64_t bits = static_cast<uint8_t>(rest[byte]);
    const bool last = byte == kWordBytesMax - 1;
    word |= (last ? bits : bits & 0x7f) << (7 * byte);
    if (last || (bits & 0x80) == 0) {
      rest.remove_prefix(byte + 1);
      value = static_cast<int64_t>((word >> 1) ^ (~(word & 1) + 1));
      return true;
    }
  }
  return false;
}

void AppendZeros(std::string& out, size_t zeros) {
  if (zeros == 1) AppendZigZag(out, 0);
  if (zeros > 1) AppendZigZag(out, -static_cast<int64_t>(zeros));
}

void AppendCounters(std::string& out, const Histogram& histogram) {
  size_t next = 0;
  histogram.ForEach([&](size_t index, uint64_t count) {
    AppendZeros(out, index - next);
    AppendZigZag(out, static_cast<int64_t>(count));
    next = index + 1;
  });
  if (next == 0) AppendZeros(out, 1);  // an empty histogram still has its first counter, as other writers have it
}

// How many counters a histogram of three digits has that must hold `highest`.
size_t CountersFor(uint64_t highest) {
  if (highest > Histogram::kHighest) return Histogram::kCounters;
  return (Histogram::IndexOf(highest) / 1024 + 1) * 1024;
}

absl::Status FillCounters(std::string_view payload, uint64_t highest, Histogram& histogram) {
  const size_t counters = CountersFor(highest);
  uint64_t index = 0;
  while (!payload.empty()) {
    int64_t word = 0;
    if (!TakeZigZag(payload, word)) return absl::InvalidArgumentError("HdrHistogram: last counter is cut short");
    if (word < 0) {
      // A run may go up to the end of the sender's counters, not of ours: it changes nothing there.
      const uint64_t zeros = ~static_cast<uint64_t>(word) + 1;
      if (zeros > Histogram::kHighest) return absl::InvalidArgumentError("HdrHistogram: run of zeros too long");
      index += zeros;
    } else if (word == 0) {
      ++index;
    } else if (index >= counters) {
      return highest > Histogram::kHighest
                 ? absl::OutOfRangeError(absl::StrCat("HdrHistogram: values above ", Histogram::kHighest))
                 : absl::InvalidArgumentError("HdrHistogram: counter beyond the declared highest value");
    } else {
      histogram.RecordCount(Histogram::LowestAt(index++), static_cast<uint64_t>(word));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckKind(const uint8_t* header) {
  const uint32_t offset = LoadBig<uint32_t>(header + 8);
  const uint32_t digits = LoadBig<uint32_t>(header + 12);
  const uint64_t lowest = LoadBig<uint64_t>(header + 16);
  const uint64_t ratio = LoadBig<uint64_t>(header + 32);
  // The JavaScript writer puts integers 1 where 0 and 1.0 belong; it means the same.
  if (offset > 1) return absl::UnimplementedError(absl::StrCat("HdrHistogram: shifted by ", offset));
  if (digits != Histogram::kSignificantDigits || lowest != Histogram::kLowest) {
    return absl::UnimplementedError(
        absl::StrCat("HdrHistogram: ", digits, " digits from ", lowest, "; only 3 from 1 are read"));
  }
  if (ratio != std::bit_cast<uint64_t>(1.0) && ratio != 1) {
    return absl::UnimplementedError("HdrHistogram: values are scaled");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Inflate(std::string_view compressed) {
  std::string out(kEncodedBytesMax, '\0');
  uLongf out_size = out.size();
  uLong in_size = compressed.size();
  const int result = ::uncompress2(reinterpret_cast<Bytef*>(out.data()), &out_size, Bytes(compressed), &in_size);
  if (result != Z_OK) return absl::InvalidArgumentError(absl::StrCat("HdrHistogram: zlib error ", result));
  if (in_size != compressed.size()) return absl::InvalidArgumentError("HdrHistogram: bytes behind the zlib stream");
  out.resize(out_size);
  return out;
}

}  // namespace

std::string EncodeHdrV2(const Histogram& histogram) {
  std::string out;
  AppendBig<uint32_t>(out, kCookie);
  AppendBig<uint32_t>(out, 0);  // payload length, below
  AppendBig<uint32_t>(out, 0);
  AppendBig<uint32_t>(out, Histogram::kSignificantDigits);
  AppendBig<uint64_t>(out, Histogram::kLowest);
  AppendBig<uint64_t>(out, Histogram::kHighest);
  AppendBig<uint64_t>(out, std::bit_cast<uint64_t>(1.0));
  AppendCounters(out, histogram);
  StoreBig<uint32_t>(reinterpret_cast<uint8_t*>(out.data()) + 4, static_cast<uint32_t>(out.size() - kHeaderBytes));
  return out;
}

std::string EncodeHdrV2Compressed(const Histogram& histogram) {
  const std::string plain = EncodeHdrV2(histogram);
  uLongf size = ::compressBound(plain.size());
  std::string out(kCompressedHeaderBytes + size, '\0');
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(out.data());
  // The fastest level: the counters of an interval are few hundred bytes, and it costs them less than 5 % of size.
  CHECK_EQ(::compress2(bytes + kCompressedHeaderBytes, &size, Bytes(plain), plain.size(), Z_BEST_SPEED), Z_OK);
  StoreBig<uint32_t>(bytes, kCompressedCookie);
  StoreBig<uint32_t>(bytes + 4, static_cast<uint32_t>(size));
  out.resize(kCompressedHeaderBytes + size);
  return out;
}

std::string EncodeHdrV2Base64(const Histogram& histogram) {
  return absl::Base64Escape(EncodeHdrV2Compressed(histogram));
}

absl::StatusOr<Histogram> DecodeHdrV2(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat("HdrHistogram: ", bytes.size(), " bytes, a header has 40"));
  }
  const uint8_t* const header = Bytes(bytes);
  const uint32_t cookie = LoadBig<uint32_t>(header);
  if (cookie != kCookie) return absl::InvalidArgumentError(absl::StrFormat("HdrHistogram: cookie %08x", cookie));
  const uint32_t payload_bytes = LoadBig<uint32_t>(header + 4);
  if (payload_bytes != bytes.size() - kHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat("HdrHistogram: payload of ", bytes.size() - kHeaderBytes,
                                                   " bytes, its header says ", payload_bytes));
  }
  FEEDFARM_RETURN_IF_ERROR(CheckKind(header));
  const uint64_t highest = LoadBig<uint64_t>(header + 24);
  if (highest < 2 * Histogram::kLowest || highest >> 63 != 0) {
    return absl::InvalidArgumentError(absl::StrCat("HdrHistogram: highest value ", highest));
  }
  Histogram histogram;
  FEEDFARM_RETURN_IF_ERROR(FillCounters(bytes.substr(kHeaderBytes), highest, histogram));
  return histogram;
}

absl::StatusOr<Histogram> DecodeHdrV2Compressed(std::string_view bytes) {
  if (bytes.size() < kCompressedHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat("HdrHistogram: ", bytes.size(), " bytes, a header has 8"));
  }
  const uint32_t cookie = LoadBig<uint32_t>(Bytes(bytes));
  if (cookie != kCompressedCookie) {
    return absl::InvalidArgumentError(absl::StrFormat("HdrHistogram: compressed cookie %08x", cookie));
  }
  const uint32_t length = LoadBig<uint32_t>(Bytes(bytes) + 4);
  bytes.remove_prefix(kCompressedHeaderBytes);
  if (length != bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("HdrHistogram: ", bytes.size(), " compressed bytes, its header says ", length));
  }
  FEEDFARM_ASSIGN_OR_RETURN(const std::string plain, Inflate(bytes));
  return DecodeHdrV2(plain);
}

absl::StatusOr<Histogram> DecodeHdrV2Base64(std::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()), &bytes))
    return absl::InvalidArgumentError("HdrHistogram: not base64");
  return DecodeHdrV2Compressed(bytes);
}

}  // namespace feedfarm
