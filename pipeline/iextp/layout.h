#pragma once

#include <cstddef>
#include <cstdint>

// Byte layout of IEX-TP 1.25 (IEX Transport Specification, 12 May 2017): every offset of the protocol is here.
// Little-endian.
//
// Outbound segment: verified, holds for all 121,314 whole packets of a real DEEP 1.0 capture.
//
//   0         1          2               4         8         12             14            16         24            32
//   version   reserved   protocol id(2)  channel   session   payload        message       stream     first         send
//   (1)       (1)                        (4)       (4)       length(2)      count(2)      offset(8)  sequence(8)
//   time(8) 40: count x { length(2), message(length) }
//
// Gap fill request: UNVERIFIED against the specification, which was not at hand. Fields, order and widths are those of
// one public implementation (the retransmission request header and range blocks of the "Ashliah" protocol parser,
// Elixir), and agree with the rules of the specification's prose (one type for all ranges, a count of ranges, zero
// ranges = test request). The two values of the request type, and whether a range's end is included, are assumptions:
// kSequenceRange and inclusive ends. Whoever has the specification at hand corrects this file alone.
//
//   0         1              2               4          8          12
//   version   request type   protocol id(2)  channel(4) session(4) range count(4)
//   16: range count x { first(8), last(8) }
namespace feedfarm::iextp {

inline constexpr uint8_t kVersion = 1;
inline constexpr uint16_t kProtocolDeep10 = 0x8004;
// Ethernet's 1,500 bytes without IPv4 and UDP headers.
inline constexpr size_t kSegmentBytesMax = 1472;

namespace segment {
inline constexpr size_t kVersion = 0;
inline constexpr size_t kReserved = 1;
inline constexpr size_t kProtocol = 2;
inline constexpr size_t kChannel = 4;
inline constexpr size_t kSession = 8;
inline constexpr size_t kPayloadLength = 12;
inline constexpr size_t kMessageCount = 14;
inline constexpr size_t kStreamOffset = 16;
inline constexpr size_t kFirstSequence = 24;
inline constexpr size_t kSendTime = 32;
inline constexpr size_t kHeaderBytes = 40;
inline constexpr size_t kLengthBytes = 2;  // before each message
}  // namespace segment

namespace gapfill {
inline constexpr size_t kVersion = 0;
inline constexpr size_t kRequestType = 1;
inline constexpr size_t kProtocol = 2;
inline constexpr size_t kChannel = 4;
inline constexpr size_t kSession = 8;
inline constexpr size_t kRangeCount = 12;
inline constexpr size_t kHeaderBytes = 16;
inline constexpr size_t kRangeFirst = 0;  // within a range
inline constexpr size_t kRangeLast = 8;
inline constexpr size_t kRangeBytes = 16;
inline constexpr uint8_t kStreamRange = 0;
inline constexpr uint8_t kSequenceRange = 1;
}  // namespace gapfill

}  // namespace feedfarm::iextp
