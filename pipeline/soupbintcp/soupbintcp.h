#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// SoupBinTCP 3.00 (Nasdaq): sequenced messages over TCP. Big-endian.
//
//   0          2       3
//   length(2)  type(1)  payload(length - 1)
//
// The length counts the type byte and not itself, so it is never 0.
namespace feedfarm::soupbintcp {

inline constexpr size_t kLengthBytes = 2;
inline constexpr size_t kHeaderBytes = 3;  // length and type
inline constexpr size_t kPayloadBytesMax = 0xFFFE;

inline constexpr size_t kUserBytes = 6;
inline constexpr size_t kPasswordBytes = 10;
inline constexpr size_t kSessionBytes = 10;
inline constexpr size_t kSequenceBytes = 20;
inline constexpr size_t kLoginBytes = kUserBytes + kPasswordBytes + kSessionBytes + kSequenceBytes;
inline constexpr size_t kAcceptedBytes = kSessionBytes + kSequenceBytes;
inline constexpr size_t kRejectedBytes = 1;

// Either side sends a heartbeat after this long without a packet of its own, and takes the other for dead after this
// long without one.
inline constexpr uint64_t kHeartbeatNs = 1'000'000'000;
inline constexpr uint64_t kDeadNs = 15'000'000'000;

// Types by the letter on the wire. kDebug goes both ways and means nothing to the receiver.
enum class PacketType : uint8_t {
  kDebug = '+',
  // From the server.
  kLoginAccepted = 'A',
  kLoginRejected = 'J',
  kSequencedData = 'S',
  kServerHeartbeat = 'H',
  kEndOfSession = 'Z',
  // From the client.
  kLoginRequest = 'L',
  kUnsequencedData = 'U',
  kClientHeartbeat = 'R',
  kLogoutRequest = 'O',
};

struct Packet {
  PacketType type = PacketType::kDebug;  // any byte: what is none of the above was on the wire all the same
  std::span<const uint8_t> payload;
};

// Why a login was refused.
enum class RejectReason : uint8_t {
  kNotAuthorised = 'A',  // no such user, or a wrong password
  kNoSession = 'S',      // the session asked for is not there
};

// Text fields are padded with spaces; which side is not told apart when they are read. Sequences are decimal digits,
// right-justified.
struct Login {
  std::string user = {};
  std::string password = {};
  std::string session = {};  // empty = the current one
  uint64_t sequence = 1;     // the first message wanted; 0 = only what comes from now on
  friend bool operator==(const Login&, const Login&) = default;
};

struct Accepted {
  std::string session = {};
  uint64_t sequence = 1;  // of the sequenced data packet that comes next
  friend bool operator==(const Accepted&, const Accepted&) = default;
};

// Payloads of kLoginRequest and kLoginAccepted. What is too long for its field is cut.
std::array<uint8_t, kLoginBytes> Encode(const Login& login);
std::array<uint8_t, kAcceptedBytes> Encode(const Accepted& accepted);
// Nothing where the length is another or a sequence is no number (blanks alone are 0).
std::optional<Login> ParseLogin(std::span<const uint8_t> payload);
std::optional<Accepted> ParseAccepted(std::span<const uint8_t> payload);

// `digits` with spaces around them; nothing for any other byte and for what does not fit 64 bits. Blanks alone are 0.
std::optional<uint64_t> ParseNumber(std::span<const uint8_t> digits);
// Right-justified in all of `out`, spaces in front. 20 bytes hold every number; a shorter field keeps the last digits.
void StoreNumber(uint64_t number, std::span<uint8_t> out);

// Name of the type ("login_request"), "unknown" for a letter that the protocol does not have.
std::string_view Name(PacketType type);

}  // namespace feedfarm::soupbintcp
