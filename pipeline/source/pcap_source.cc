#include "pipeline/source/pcap_source.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// The largest UDP payload over IPv4.
constexpr size_t kFrameBytes = 65'507;

}  // namespace

absl::StatusOr<std::unique_ptr<PcapSource>> PcapSource::Create(const Options& options) {
  CHECK_GT(options.frames, 0u);
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<CaptureReader> reader, CaptureReader::Open(options.path));
  if (reader->format() == CaptureFormat::kItchDayFile) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.path, ": is an ITCH day file: it holds messages, not packets"));
  }
  return std::unique_ptr<PcapSource>(new PcapSource(options, std::move(reader)));
}

PcapSource::PcapSource(const Options& options, std::unique_ptr<CaptureReader> reader)
    : line_a_(options.line_a), line_b_(options.line_b), reader_(std::move(reader)), frames_(options.frames) {
  free_.reserve(frames_.size());
  for (uint32_t i = 0; i < frames_.size(); ++i) {
    frames_[i].bytes = std::make_unique<uint8_t[]>(kFrameBytes);
    free_.push_back(i);
  }
}

std::optional<LineId> PcapSource::LineOf(const CaptureRecord& record) const {
  const Endpoint endpoint{record.dst_address, record.dst_port};
  if (line_a_ == endpoint) return LineId::kA;
  if (line_b_ == endpoint) return LineId::kB;
  if (!line_a_ && !line_b_) return LineId::kA;
  return std::nullopt;
}

std::optional<CaptureRecord> PcapSource::NextOfLines() {
  while (!exhausted_) {
    absl::StatusOr<std::optional<CaptureRecord>> record = reader_->Next();
    if (record.ok() && record->has_value()) {
      if (LineOf(**record)) return **record;
      continue;
    }
    status_ = record.status();
    exhausted_ = true;
  }
  return std::nullopt;
}

size_t PcapSource::Receive(std::span<Packet> out) {
  const size_t wanted = std::min(out.size(), kBatchMax);
  size_t count = 0;
  while (count < wanted) {
    if (free_.empty()) {
      ++counters_.pool_misses;
      break;
    }
    const std::optional<CaptureRecord> record = NextOfLines();
    if (!record) break;
    const uint32_t number = free_.back();
    free_.pop_back();
    Frame& frame = frames_[number];
    frame.out = true;
    CHECK_LE(record->payload.size(), kFrameBytes);
    std::copy(record->payload.begin(), record->payload.end(), frame.bytes.get());
    const LineId line = *LineOf(*record);
    out[count++] = Packet{.payload = frame.bytes.get(),
                          .size = static_cast<uint32_t>(record->payload.size()),
                          .line = line,
                          .buffer = number};
    ++counters_.packets[Index(line)];
    counters_.bytes[Index(line)] += record->payload.size();
  }
  return count;
}

void PcapSource::Release(std::span<const Packet> packets) {
  for (const Packet& packet : packets) {
    CHECK_LT(packet.buffer, frames_.size()) << "released a packet of another source";
    Frame& frame = frames_[packet.buffer];
    CHECK(frame.out) << "released packet " << packet.buffer << " twice";
    frame.out = false;
    free_.push_back(static_cast<uint32_t>(packet.buffer));
  }
}

void PcapSource::Wait(uint64_t) {}

SourceCounters PcapSource::Counters() const {
  SourceCounters counters = counters_;
  const CaptureCounters& capture = reader_->counters();
  // Foreign records and those without a whole UDP header.
  counters.invalid = capture.records - capture.datagrams;
  counters.pool_frames = frames_.size();
  counters.pool_available = free_.size();
  return counters;
}

}  // namespace feedfarm
