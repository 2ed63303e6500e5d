#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace feedfarm {

// The two redundant lines of a feed.
enum class LineId : uint8_t { kA = 0, kB = 1 };
inline constexpr size_t kLines = 2;
inline constexpr size_t Index(LineId line) { return static_cast<size_t>(line); }

// Who gave a receive time. Classes are never mixed in one histogram.
enum class TimestampClass : uint8_t { kNone = 0, kSoftware = 1, kHardware = 2 };
inline constexpr size_t kTimestampClasses = 3;

// Packets taken from a source in one call, at most: all stages work in batches of this size.
inline constexpr size_t kBatchMax = 64;

// One received UDP datagram. `payload` lives until the packet is released.
struct Packet {
  const uint8_t* payload = nullptr;
  uint32_t size = 0;  // UDP payload, bytes
  LineId line = LineId::kA;
  TimestampClass timestamp_class = TimestampClass::kNone;
  uint64_t receive_tai_ns = 0;   // 0 where the class is kNone
  uint64_t intended_tai_ns = 0;  // from the send trailer (send_trailer.h); 0 = none
  uint64_t buffer = 0;           // the source's own name for the buffer
};

// Losses that a source knows of, totals.
struct SourceCounters {
  uint64_t packets[kLines] = {};
  uint64_t bytes[kLines] = {};          // UDP payload
  uint64_t cut_packets[kLines] = {};    // dropped by the cut rule in the XDP program
  uint64_t ring_full = 0;               // dropped by the kernel: receive ring or socket buffer full
  uint64_t fill_ring_empty = 0;         // dropped by the kernel: no free frame
  uint64_t invalid = 0;                 // not a whole IPv4/UDP datagram, or a bad descriptor
  uint64_t no_socket = 0;               // passed by: the receive queue has no socket
  uint64_t no_metadata = 0;             // passed by: the driver has no room for the XDP program's metadata
  uint64_t receive_errors = 0;          // the kernel said that receiving failed: the interface went away, a socket broke
  uint64_t pool_frames = 0;
  uint64_t pool_available = 0;
  uint64_t pool_misses = 0;
  uint64_t pool_return_drops = 0;
};

// Where packets come from: AF_XDP, recvmmsg, PACKET_MMAP, a capture file. One thread owns a source.
// Every packet that Receive gave must be given back by Release, in any order, in every branch.
class PacketSource {
 public:
  virtual ~PacketSource() = default;

  // Takes up to min(out.size(), kBatchMax) packets without blocking; returns how many, 0 = none now.
  virtual size_t Receive(std::span<Packet> out) = 0;

  // Gives buffers back.
  virtual void Release(std::span<const Packet> packets) = 0;

  // Sleeps until a packet is there or `timeout_ns` has passed. For sources that are not spun on.
  virtual void Wait(uint64_t timeout_ns) = 0;

  // True when there will never be another packet (the end of a file).
  virtual bool exhausted() const { return false; }

  // Totals so far. May make a system call: not for the hot path.
  virtual SourceCounters Counters() const = 0;
};

}  // namespace feedfarm
