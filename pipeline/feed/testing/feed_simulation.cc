#include "pipeline/feed/testing/feed_simulation.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "glog/logging.h"
#include "pipeline/feed/stream_hash.h"
#include "pipeline/iextp/gap_fill.h"
#include "pipeline/iextp/iextp.h"
#include "pipeline/iextp/segment_writer.h"
#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/moldudp64/packet_writer.h"
#include "pipeline/moldudp64/rerequest.h"

namespace feedfarm::testing {
namespace {

constexpr uint64_t kCaptureTimeNs = 1'493'000'000'000'000'000;  // send times are a capture's, far from now
constexpr uint64_t kStepNs = 2'000;                             // time that one turn of the handler takes

}  // namespace

SimulatedSource::~SimulatedSource() {
  for (const auto& [buffer, memory] : held_) delete[] memory;
}

void SimulatedSource::Add(uint64_t arrival_ns, LineId line, std::vector<uint8_t> payload) {
  packets_.emplace(arrival_ns, Arrival{line, std::move(payload)});
}

size_t SimulatedSource::Receive(std::span<Packet> out) {
  const size_t most = std::min<size_t>(out.size(), 1 + rng_.Below(kBatchMax));
  size_t count = 0;
  while (count < most && !packets_.empty() && packets_.begin()->first <= *now_ns_) {
    const auto& [arrival_ns, arrival] = *packets_.begin();
    auto* memory = new uint8_t[arrival.payload.size()];
    std::memcpy(memory, arrival.payload.data(), arrival.payload.size());
    out[count++] = {.payload = memory,
                    .size = static_cast<uint32_t>(arrival.payload.size()),
                    .line = arrival.line,
                    .timestamp_class = TimestampClass::kSoftware,
                    .receive_tai_ns = arrival_ns,
                    .intended_tai_ns = arrival_ns - 1'000,
                    .buffer = next_buffer_};
    held_[next_buffer_++] = memory;
    packets_.erase(packets_.begin());
  }
  return count;
}

void SimulatedSource::Release(std::span<const Packet> packets) {
  for (const Packet& packet : packets) {
    const auto held = held_.find(packet.buffer);
    CHECK(held != held_.end()) << "released twice";
    delete[] held->second;
    held_.erase(held);
  }
}

FeedSimulation::FeedSimulation(const SimulationOptions& options)
    : options_(options), rng_(options.seed), source_(&now_ns, Rng(options.seed).Fork(1)), server_(this) {
  start_ns_ = now_ns + 100'000;
  MakeMessages();
  MakeLine(LineId::kA, start_ns_);
  MakeLine(LineId::kB, start_ns_ + static_cast<uint64_t>(options_.skew_b_ns));
  MakeStrays();
}

SessionId FeedSimulation::Session(uint32_t generation) const {
  if (options_.iex) return iextp::MakeSession(1, 7);
  return moldudp64::MakeSession("SIM" + std::to_string(generation));
}

void FeedSimulation::MakeMessages() {
  uint64_t due_ns = 0;
  for (uint32_t generation = 0; generation < options_.generations; ++generation) {
    uint64_t sequence = 1;
    while (sequence <= options_.messages) {
      due_ns += options_.packet_interval_ns;
      const uint64_t count =
          std::min<uint64_t>(1 + rng_.Below(options_.packet_messages_max), options_.messages - sequence + 1);
      cuts_a_.push_back(messages_.size());
      for (uint64_t i = 0; i < count; ++i) {
        std::vector<uint8_t> bytes(rng_.Below(50));
        for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng_.Next());
        messages_.push_back({generation, sequence++, kCaptureTimeNs + due_ns, std::move(bytes)});
        due_ns_.push_back(due_ns);
      }
    }
  }
  cuts_a_.push_back(messages_.size());
}

uint64_t FeedSimulation::sent() const {
  const auto later = std::upper_bound(due_ns_.begin(), due_ns_.end(), now_ns - std::min(now_ns, start_ns_));
  return now_ns < start_ns_ ? 0 : static_cast<uint64_t>(later - due_ns_.begin());
}

bool FeedSimulation::InBothGap(size_t first, size_t end) const {
  if (first < options_.join_at) return true;
  return options_.both_gap_messages != 0 && end > options_.both_gap_at &&
         first < options_.both_gap_at + options_.both_gap_messages;
}

void FeedSimulation::MakeLine(LineId line, uint64_t start_ns) {
  Rng rng = rng_.Fork(10 + Index(line));
  std::vector<size_t> cuts = cuts_a_;
  if (line == LineId::kB && options_.repack_b) {
    cuts.clear();
    for (size_t at = 0; at < messages_.size();) {
      cuts.push_back(at);
      size_t end = std::min(messages_.size(), at + 1 + rng.Below(2 * options_.packet_messages_max));
      while (messages_[end - 1].generation != messages_[at].generation) --end;
      at = end;
    }
    cuts.push_back(messages_.size());
  }
  // A gap on both lines is exact in messages: packets are cut at its edges.
  if (options_.both_gap_messages != 0) {
    cuts.push_back(options_.both_gap_at);
    cuts.push_back(options_.both_gap_at + options_.both_gap_messages);
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  }
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const size_t first = cuts[i], end = cuts[i + 1];
    const SimulatedMessage& message = messages_[first];
    const SimulatedMessage& last = messages_[end - 1];
    const bool safe = last.sequence + options_.safe_tail_messages > options_.messages;
    // A packet can go out when its last message is there.
    uint64_t arrival_ns = start_ns + due_ns_[end - 1];
    const bool lost = rng.Uniform() < options_.loss[Index(line)];
    const bool twice = rng.Uniform() < options_.duplicate;
    const bool late = rng.Uniform() < options_.delay;
    const uint64_t late_ns = rng.Below(options_.delay_ns_max + 1);
    if (late && !safe) arrival_ns += late_ns;
    if (!InBothGap(first, end) && (!lost || safe)) {
      source_.Add(arrival_ns, line, MakePacket(first, end));
      if (twice) source_.Add(arrival_ns + rng.Below(40'000), line, MakePacket(first, end));
    }
    if (last.sequence == options_.messages) {
      const bool more = end < messages_.size();
      for (uint64_t k = 1; k <= 3; ++k) {
        const PacketKind kind = options_.iex || k == 1 ? PacketKind::kHeartbeat : PacketKind::kEndOfSession;
        source_.Add(arrival_ns + k * (more ? 2'000 : 500'000), line,
                    MakeControl(kind, message.generation, last.sequence + 1, last.send_time_ns));
      }
    }
  }
}

void FeedSimulation::MakeStrays() {
  Rng rng = rng_.Fork(20);
  const uint64_t last_generation = messages_.size() - options_.messages;
  for (uint32_t number = 0; number < options_.strays; ++number) {
    const LineId line = static_cast<LineId>(rng.Below(kLines));
    if (number == 2) {
      source_.Add(start_ns_ - 50'000, line, MakeStray(number, messages_[0], rng));
      continue;
    }
    // Not at the very end, where it would be taken for the last packet's successor.
    const uint64_t from = number < 2 ? last_generation + options_.messages / 2 : options_.messages / 10;
    const uint64_t at = from + rng.Below(messages_.size() - options_.messages / 10 - from);
    source_.Add(start_ns_ + due_ns_[at] + rng.Below(1'000'000), line, MakeStray(number, messages_[at], rng));
  }
}

std::vector<uint8_t> FeedSimulation::MakeStray(uint32_t number, const SimulatedMessage& now, Rng& rng) const {
  constexpr uint64_t kSoon = 3'000'000, kHour = 3'600'000'000'000;  // kSoon: newer than what any line has brought
  std::vector<std::vector<uint8_t>> messages(rng.Below(4), std::vector<uint8_t>(1 + rng.Below(40), 0xEE));
  const SessionId session = Session(now.generation);
  if (options_.iex && number == 0) return Write(session, 1, now.send_time_ns + kSoon, messages);
  if (options_.iex && number == 1) return Write(session, now.sequence, now.send_time_ns + kHour, messages);
  const uint64_t far = options_.messages + (uint64_t{number} << 32) + rng.Next() % (1u << 30);
  const uint64_t sequence = rng.Below(2) == 0 ? far : now.sequence;
  if (rng.Below(2) == 0) {
    const SessionId other =
        options_.iex ? iextp::MakeSession(1, 1'000 + number) : moldudp64::MakeSession("STRAY" + std::to_string(number));
    return Write(other, sequence, now.send_time_ns, messages);
  }
  return Write(session, far, now.send_time_ns + kSoon, messages);
}

std::vector<uint8_t> FeedSimulation::Write(const SessionId& session, uint64_t first_sequence, uint64_t send_time_ns,
                                           const std::vector<std::vector<uint8_t>>& messages) const {
  const auto fill = [&](auto& writer) {
    for (const std::vector<uint8_t>& message : messages) CHECK(writer.Append(message));
    const auto view = writer.Finish();
    return std::vector<uint8_t>(view.begin(), view.end());
  };
  if (options_.iex) {
    iextp::SegmentWriter writer;
    writer.Start({session, first_sequence, 0, send_time_ns});
    return fill(writer);
  }
  moldudp64::PacketWriter writer;
  writer.Start(session, first_sequence);
  return fill(writer);
}

std::vector<uint8_t> FeedSimulation::MakePacket(size_t first, size_t end) const {
  const SimulatedMessage& head = messages_[first];
  const auto fill = [&](auto& writer) {
    for (size_t i = first; i < end && writer.Append(messages_[i].bytes); ++i) {
    }
    const auto view = writer.Finish();
    return std::vector<uint8_t>(view.begin(), view.end());
  };
  if (options_.iex) {
    iextp::SegmentWriter writer(9'000);
    writer.Start({.session = Session(head.generation),
                  .first_sequence = head.sequence,
                  .stream_offset = 0,
                  .send_time_ns = head.send_time_ns});
    return fill(writer);
  }
  moldudp64::PacketWriter writer(9'000);
  writer.Start(Session(head.generation), head.sequence);
  return fill(writer);
}

std::vector<uint8_t> FeedSimulation::MakeControl(PacketKind kind, uint32_t generation, uint64_t next,
                                                 uint64_t send_time_ns) const {
  std::vector<uint8_t> bytes;
  if (options_.iex) {
    iextp::SegmentWriter writer;
    const auto view = writer.Heartbeat({Session(generation), next, 0, send_time_ns});
    bytes.assign(view.begin(), view.end());
  } else {
    moldudp64::PacketWriter writer;
    const auto view = kind == PacketKind::kHeartbeat ? writer.Heartbeat(Session(generation), next)
                                                     : writer.EndOfSession(Session(generation), next);
    bytes.assign(view.begin(), view.end());
  }
  return bytes;
}

void FeedSimulation::Server::Send(std::span<const uint8_t> request) {
  ++requests;
  FeedSimulation& sim = *simulation_;
  SessionId session;
  uint64_t first = 0, count = 0;
  if (sim.options_.iex) {
    const auto parsed = iextp::Rerequest::Parse(request);
    CHECK(parsed);
    session = parsed->session, first = parsed->first_sequence, count = parsed->count;
  } else {
    const auto parsed = moldudp64::Rerequest::Parse(request);
    CHECK(parsed);
    session = parsed->session, first = parsed->first_sequence, count = parsed->count;
  }
  if (sim.rng_.Uniform() < sim.options_.answer_loss) return;
  // The newest message of this session and sequence that has been sent.
  std::optional<size_t> found;
  for (uint32_t generation = 0; generation < sim.options_.generations && first <= sim.options_.messages; ++generation) {
    const size_t i = size_t{generation} * sim.options_.messages + first - 1;
    if (sim.Session(generation) == session && sim.start_ns_ + sim.due_ns_[i] <= sim.now_ns) found = i;
  }
  if (!found) return;
  if (sim.options_.server_keeps_messages != 0 && *found + sim.options_.server_keeps_messages < sim.sent()) return;
  size_t end = *found;
  const size_t most = 1 + sim.rng_.Below(sim.options_.answer_messages_max);
  while (end < sim.messages_.size() && end - *found < std::min<uint64_t>(count, most) &&
         sim.messages_[end].generation == sim.messages_[*found].generation &&
         sim.start_ns_ + sim.due_ns_[end] <= sim.now_ns) {
    ++end;
  }
  const uint64_t at = sim.now_ns + sim.options_.answer_delay_ns / 2 + sim.rng_.Below(sim.options_.answer_delay_ns + 1);
  answers.emplace(at, sim.MakePacket(*found, end));
  if (sim.rng_.Below(10) == 0) answers.emplace(at + 1'000, sim.MakePacket(*found, end));
}

std::span<const uint8_t> FeedSimulation::Server::Receive() {
  if (answers.empty() || answers.begin()->first > simulation_->now_ns) return {};
  current_ = std::move(answers.begin()->second);
  answers.erase(answers.begin());
  return current_;
}

bool FeedSimulation::Advance(bool handler_busy) {
  if (source_.empty() && !handler_busy) return false;
  // While the handler waits for something it polls all the time; otherwise nothing happens before the next packet.
  now_ns += kStepNs + rng_.Below(kStepNs);
  if (!handler_busy && source_.next_arrival_ns() > now_ns) now_ns = source_.next_arrival_ns();
  return true;
}

uint64_t FeedSimulation::reference_hash() const {
  StreamHash hash;
  for (const SimulatedMessage& message : messages_) hash.Add(message.generation, message.sequence, message.bytes);
  return hash.value();
}

}  // namespace feedfarm::testing
