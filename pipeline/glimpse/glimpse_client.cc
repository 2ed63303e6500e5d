#include "pipeline/glimpse/glimpse_client.h"

#include <algorithm>
#include <optional>

#include "pipeline/moldudp64/moldudp64.h"
#include "pipeline/soupbintcp/packet_writer.h"

namespace feedfarm::glimpse {
namespace {

using soupbintcp::ClientActions;
using soupbintcp::ClientEnd;
using soupbintcp::ClientEvent;
using soupbintcp::PacketReader;
using soupbintcp::PacketType;

// ITCH messages have 50 bytes at most; debug text may be longer.
constexpr size_t kPacketBytesMax = 4096;

SnapshotFailure FailureOf(ClientEnd end) {
  switch (end) {
    case ClientEnd::kNone:
    case ClientEnd::kLoggedOut:
      return SnapshotFailure::kNone;
    case ClientEnd::kNotAuthorised:
    case ClientEnd::kRejected:
      return SnapshotFailure::kNotAuthorised;
    case ClientEnd::kNoSession:
      return SnapshotFailure::kNoSession;
    case ClientEnd::kEndOfSession:
    case ClientEnd::kCut:
      return SnapshotFailure::kCut;
    case ClientEnd::kSilent:
      return SnapshotFailure::kSilent;
    case ClientEnd::kGarbage:
      return SnapshotFailure::kGarbage;
  }
  return SnapshotFailure::kGarbage;
}

}  // namespace

GlimpseClient::GlimpseClient(const ClientOptions& options, SnapshotImage* image)
    : options_(options), image_(image), reader_(kPacketBytesMax) {
  image_->Clear();
}

void GlimpseClient::Connected(uint64_t now_ns) {
  deadline_ns_ = now_ns + options_.timeout_ns;
  Take(ClientEvent::kConnected, {}, now_ns);
}

void GlimpseClient::Closed(uint64_t now_ns) { Take(ClientEvent::kClosed, {}, now_ns); }

void GlimpseClient::Tick(uint64_t now_ns) {
  if (now_ns >= deadline_ns_) return Done(SnapshotFailure::kSilent);
  Take(ClientEvent::kTick, {}, now_ns);
}

uint64_t GlimpseClient::next_tick_ns() const { return std::min(deadline_ns_, session_.next_tick_ns()); }

void GlimpseClient::Filled(size_t bytes, uint64_t now_ns) {
  reader_.Filled(bytes);
  soupbintcp::Packet packet;
  while (!done_) {
    switch (reader_.Next(&packet)) {
      case PacketReader::Result::kPacket:
        Take(ClientEvent::kPacket, packet, now_ns);
        break;
      case PacketReader::Result::kMore:
        return;
      case PacketReader::Result::kWrong:
        return Take(ClientEvent::kGarbage, {}, now_ns);
    }
  }
}

void GlimpseClient::Take(ClientEvent event, const soupbintcp::Packet& packet, uint64_t now_ns) {
  if (done_) return;
  const ClientActions actions = session_.Step(event, packet, now_ns);
  switch (actions.send) {
    case ClientActions::Send::kNothing:
      break;
    case ClientActions::Send::kLogin:
      // GLIMPSE is asked for from its first message on, in the session that is the current one.
      AppendPacket(PacketType::kLoginRequest, soupbintcp::Encode(soupbintcp::Login{options_.user, options_.password}),
                   output_);
      break;
    case ClientActions::Send::kHeartbeat:
      AppendPacket(PacketType::kClientHeartbeat, {}, output_);
      break;
    case ClientActions::Send::kLogout:
      AppendPacket(PacketType::kLogoutRequest, {}, output_);
      break;
  }
  switch (actions.tell) {
    case ClientActions::Tell::kNothing:
      return;
    case ClientActions::Tell::kAccepted:
      // From the middle a state is none.
      if (session_.accepted().sequence > 1) Done(SnapshotFailure::kGarbage);
      return;
    case ClientActions::Tell::kData:
      return TakeMessage(packet.payload, now_ns);
    case ClientActions::Tell::kOver:
      return Done(FailureOf(session_.end()));
  }
}

void GlimpseClient::TakeMessage(std::span<const uint8_t> message, uint64_t now_ns) {
  if (!IsEnd(message)) {
    if (!image_->Append(message)) Done(SnapshotFailure::kTooLarge);
    return;
  }
  const std::optional<uint64_t> next = ParseEnd(message, options_.sequence);
  if (!next || *next == 0) return Done(SnapshotFailure::kGarbage);
  image_->Finish(moldudp64::MakeSession(session_.accepted().session), *next);
  Take(ClientEvent::kLogout, {}, now_ns);
}

void GlimpseClient::Done(SnapshotFailure failure) {
  if (done_) return;
  done_ = true;
  failure_ = failure;
}

}  // namespace feedfarm::glimpse
