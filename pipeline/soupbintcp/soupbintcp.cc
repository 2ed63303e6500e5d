#include "pipeline/soupbintcp/soupbintcp.h"

#include <algorithm>

namespace feedfarm::soupbintcp {
namespace {

void StoreText(std::string_view text, std::span<uint8_t> out) {
  std::fill(out.begin(), out.end(), uint8_t{' '});
  std::copy_n(text.begin(), std::min(text.size(), out.size()), out.begin());
}

std::string LoadText(std::span<const uint8_t> field) {
  const auto blank = [](uint8_t c) { return c == ' '; };
  const auto first = std::find_if_not(field.begin(), field.end(), blank);
  const auto last = std::find_if_not(field.rbegin(), field.rend(), blank).base();
  return first < last ? std::string(first, last) : std::string();
}

}  // namespace

std::optional<uint64_t> ParseNumber(std::span<const uint8_t> digits) {
  uint64_t number = 0;
  bool begun = false, over = false;
  for (const uint8_t c : digits) {
    if (c == ' ') {
      over = begun;
      continue;
    }
    if (c < '0' || c > '9' || over) return std::nullopt;
    begun = true;
    if (__builtin_mul_overflow(number, 10u, &number) || __builtin_add_overflow(number, uint64_t{c} - '0', &number)) {
      return std::nullopt;
    }
  }
  return number;
}

void StoreNumber(uint64_t number, std::span<uint8_t> out) {
  bool more = true;
  for (size_t i = out.size(); i-- > 0;) {
    out[i] = more ? static_cast<uint8_t>('0' + number % 10) : uint8_t{' '};
    number /= 10;
    more = number != 0;
  }
}

std::array<uint8_t, kLoginBytes> Encode(const Login& login) {
  std::array<uint8_t, kLoginBytes> bytes;
  const std::span<uint8_t> all(bytes);
  StoreText(login.user, all.subspan(0, kUserBytes));
  StoreText(login.password, all.subspan(kUserBytes, kPasswordBytes));
  StoreText(login.session, all.subspan(kUserBytes + kPasswordBytes, kSessionBytes));
  StoreNumber(login.sequence, all.last(kSequenceBytes));
  return bytes;
}

std::array<uint8_t, kAcceptedBytes> Encode(const Accepted& accepted) {
  std::array<uint8_t, kAcceptedBytes> bytes;
  const std::span<uint8_t> all(bytes);
  StoreText(accepted.session, all.first(kSessionBytes));
  StoreNumber(accepted.sequence, all.last(kSequenceBytes));
  return bytes;
}

std::optional<Login> ParseLogin(std::span<const uint8_t> payload) {
  if (payload.size() != kLoginBytes) return std::nullopt;
  const std::optional<uint64_t> sequence = ParseNumber(payload.last(kSequenceBytes));
  if (!sequence) return std::nullopt;
  return Login{.user = LoadText(payload.subspan(0, kUserBytes)),
               .password = LoadText(payload.subspan(kUserBytes, kPasswordBytes)),
               .session = LoadText(payload.subspan(kUserBytes + kPasswordBytes, kSessionBytes)),
               .sequence = *sequence};
}

std::optional<Accepted> ParseAccepted(std::span<const uint8_t> payload) {
  if (payload.size() != kAcceptedBytes) return std::nullopt;
  const std::optional<uint64_t> sequence = ParseNumber(payload.last(kSequenceBytes));
  if (!sequence) return std::nullopt;
  return Accepted{.session = LoadText(payload.first(kSessionBytes)), .sequence = *sequence};
}

std::string_view Name(PacketType type) {
  switch (type) {
    case PacketType::kDebug:
      return "debug";
    case PacketType::kLoginAccepted:
      return "login_accepted";
    case PacketType::kLoginRejected:
      return "login_rejected";
    case PacketType::kSequencedData:
      return "sequenced_data";
    case PacketType::kServerHeartbeat:
      return "server_heartbeat";
    case PacketType::kEndOfSession:
      return "end_of_session";
    case PacketType::kLoginRequest:
      return "login_request";
    case PacketType::kUnsequencedData:
      return "unsequenced_data";
    case PacketType::kClientHeartbeat:
      return "client_heartbeat";
    case PacketType::kLogoutRequest:
      return "logout_request";
  }
  return "unknown";
}

}  // namespace feedfarm::soupbintcp
