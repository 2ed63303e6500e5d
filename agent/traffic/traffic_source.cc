#include "agent/traffic/traffic_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/traffic/capture_content.h"
#include "agent/traffic/frame_sender.h"
#include "agent/traffic/glimpse_server.h"
#include "agent/traffic/itch_packing.h"
#include "agent/traffic/line_plan.h"
#include "agent/traffic/reference.h"
#include "agent/traffic/rewinder.h"
#include "agent/traffic/sender.h"
#include "agent/traffic/stream_content.h"
#include "agent/traffic/synthetic_itch.h"
#include "pipeline/base/clock.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

// The kernel's TAI minus UTC: whole seconds.
uint64_t TaiOffsetNs() {
  const uint64_t unix_ns = UnixNow(), tai_ns = TaiNow();
  return (tai_ns - std::min(tai_ns, unix_ns) + kSecondNs / 2) / kSecondNs * kSecondNs;
}

// Keeps the two codes that mean bad input for bad input.
absl::Status HostFault(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kNotFound && status.code() != absl::StatusCode::kInvalidArgument)
    return status;
  return absl::FailedPreconditionError(status.message());
}

absl::StatusOr<StreamContent> MakeSynthetic(const v1::Traffic& traffic, uint64_t seed,
                                            const TrafficSource::Options& options) {
  if (traffic.protocol() == v1::FEED_PROTOCOL_IEXTP_DEEP10) {
    return absl::InvalidArgumentError("synthetic feed: only moldudp64-itch50 can be generated");
  }
  StreamContent content;
  content.protocol = v1::FEED_PROTOCOL_MOLDUDP64_ITCH50;
  FEEDFARM_ASSIGN_OR_RETURN(content.store,
                            MessageStore::Create(MessageStore::BlockOrder::kBig, options.store_bytes_max));
  FEEDFARM_RETURN_IF_ERROR(GenerateSyntheticItch(traffic.synthetic(), options.session, seed, *content.store));
  FEEDFARM_RETURN_IF_ERROR(
      PackItch(traffic.synthetic().messages_per_packet(), PacketBytesMax(traffic), options.plan_packets_max, content));
  return content;
}

absl::StatusOr<StreamContent> MakeContent(const v1::Traffic& traffic, uint64_t seed,
                                          const TrafficSource::Options& options) {
  switch (traffic.content_case()) {
    case v1::Traffic::kSynthetic:
      return MakeSynthetic(traffic, seed, options);
    case v1::Traffic::kCapture:
      return LoadCapture(traffic, options.store_bytes_max, options.plan_packets_max);
    case v1::Traffic::CONTENT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("traffic has neither a synthetic feed nor a capture");
}

absl::Status CheckSizes(const LinePlan& plan, LineId line, const std::string& interface, const FrameSender& sender) {
  for (const StreamPacket& packet : plan.lines[Index(line)]) {
    if (packet.bytes <= sender.payload_bytes_max()) continue;
    return absl::InvalidArgumentError(absl::StrCat("a packet has ", packet.bytes, " bytes of payload, interface ",
                                                   interface, " carries ", sender.payload_bytes_max()));
  }
  return absl::OkStatus();
}

class TrafficSourceImpl final : public TrafficSource {
 public:
  TrafficSourceImpl(StreamContent content, LinePlan plan)
      : content_(std::move(content)), plan_(std::move(plan)), planned_(plan_.lines[0].size() + plan_.lines[1].size()) {
    reference_.set_gap_messages(plan_.gap_messages);
    reference_.set_duplicate_packets(plan_.duplicate_packets);
    reference_.set_reordered_packets(plan_.reordered_packets);
  }

  // The second half of Create: what needs memory and the host.
  absl::Status Open(const v1::Traffic& traffic, uint64_t seed, const Options& options) {
    FEEDFARM_RETURN_IF_ERROR(FillReference(content_, reference_));
    FEEDFARM_ASSIGN_OR_RETURN(FrameSender a, OpenLine(LineId::kA, options.port_a, traffic.line_a()));
    FEEDFARM_ASSIGN_OR_RETURN(FrameSender b, OpenLine(LineId::kB, options.port_b, traffic.line_b()));
    const uint32_t address_a = a.address();
    FEEDFARM_ASSIGN_OR_RETURN(sender_, Sender::Create(content_, plan_, {std::move(a), std::move(b)}, options.cpu));
    const std::string address = options.bind_address == "0.0.0.0" ? AddressText(address_a) : options.bind_address;
    if (traffic.rerequest().port() != 0) {
      absl::StatusOr<std::unique_ptr<Rewinder>> rewinder = Rewinder::Create(
          options.bind_address, traffic.rerequest(), seed, content_, sender_->published(), options.cpu);
      if (!rewinder.ok()) return HostFault(rewinder.status());
      rewinder_ = *std::move(rewinder);
      endpoint_.set_address(address);
      endpoint_.set_port(traffic.rerequest().port());
    }
    if (traffic.glimpse().port() != 0) {
      FEEDFARM_ASSIGN_OR_RETURN(
          glimpse_, GlimpseServer::Create(options.bind_address, traffic.glimpse(), content_, sender_->published()));
      glimpse_endpoint_.set_address(address);
      glimpse_endpoint_.set_port(glimpse_->port());
    }
    return absl::OkStatus();
  }

  void Start(uint64_t start_unix_ns) override { sender_->Start(start_unix_ns + tai_offset_ns_); }
  void Stop() override { sender_->Stop(); }
  bool Done() const override { return sender_->Done(); }

  TrafficProgress Progress() const override {
    const Sender::Counters counters = sender_->counters();
    return {.messages = sender_->published().load(std::memory_order_relaxed),
            .packets_a = counters.packets[Index(LineId::kA)],
            .packets_b = counters.packets[Index(LineId::kB)],
            .send_errors = counters.send_errors,
            .share = static_cast<double>(counters.planned_sent) / static_cast<double>(planned_)};
  }

  v1::SourceResult Result() const override {
    v1::SourceResult result = reference_;
    const Sender::Counters counters = sender_->counters();
    result.set_messages(sender_->published().load(std::memory_order_relaxed));
    result.set_data_packets_a(counters.data_packets[Index(LineId::kA)]);
    result.set_data_packets_b(counters.data_packets[Index(LineId::kB)]);
    result.set_packets_a(counters.packets[Index(LineId::kA)]);
    result.set_packets_b(counters.packets[Index(LineId::kB)]);
    result.set_send_errors(counters.send_errors);
    result.set_first_send_unix_ns(Unix(counters.first_send_tai_ns));
    result.set_last_send_unix_ns(Unix(counters.last_send_tai_ns));
    if (rewinder_ != nullptr) {
      result.set_rerequests_served(rewinder_->served());
      result.set_rerequests_dropped(rewinder_->dropped());
    }
    if (glimpse_ != nullptr) {
      result.set_snapshots_served(glimpse_->served());
      result.set_snapshots_stale(glimpse_->stale());
      result.set_snapshots_cut(glimpse_->cut());
      result.set_snapshots_rejected(glimpse_->rejected());
    }
    if (std::optional<v1::Histogram> lateness = Encoded(sender_->WholeRun())) {
      *result.add_histograms() = *std::move(lateness);
    }
    return result;
  }

  std::vector<v1::Histogram> TakeInterval() override {
    std::vector<v1::Histogram> histograms;
    if (std::optional<v1::Histogram> lateness = Encoded(sender_->TakeInterval())) {
      histograms.push_back(*std::move(lateness));
    }
    return histograms;
  }

  v1::Endpoint rerequest_endpoint() const override { return endpoint_; }
  v1::Endpoint glimpse_endpoint() const override { return glimpse_endpoint_; }

 private:
  absl::StatusOr<FrameSender> OpenLine(LineId line, const std::string& interface, const v1::Endpoint& to) {
    FEEDFARM_ASSIGN_OR_RETURN(FrameSender sender, FrameSender::Create(interface, to));
    FEEDFARM_RETURN_IF_ERROR(CheckSizes(plan_, line, interface, sender));
    return sender;
  }

  uint64_t Unix(uint64_t tai_ns) const { return tai_ns == 0 ? 0 : tai_ns - tai_offset_ns_; }

  static std::optional<v1::Histogram> Encoded(const Histogram& histogram) {
    const uint64_t count = histogram.Count();
    if (count == 0) return std::nullopt;
    v1::Histogram encoded;
    encoded.set_metric(v1::LATENCY_METRIC_SEND);
    encoded.set_timestamp_class(v1::TIMESTAMP_CLASS_SOFTWARE);
    encoded.set_hdr_v2_compressed(EncodeHdrV2Compressed(histogram));
    encoded.set_count(count);
    return encoded;
  }

  const StreamContent content_;
  const LinePlan plan_;
  const uint64_t planned_;
  const uint64_t tai_offset_ns_ = TaiOffsetNs();
  v1::SourceResult reference_;
  v1::Endpoint endpoint_;
  v1::Endpoint glimpse_endpoint_;
  // The servers read what the sender publishes: they go first.
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Rewinder> rewinder_;
  std::unique_ptr<GlimpseServer> glimpse_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TrafficSource>> TrafficSource::Create(const v1::Scenario& scenario, uint64_t seed,
                                                                     Options options) {
  FEEDFARM_ASSIGN_OR_RETURN(StreamContent content, MakeContent(scenario.traffic(), seed, options));
  FEEDFARM_ASSIGN_OR_RETURN(LinePlan plan, PlanLines(scenario, seed, options.plan_packets_max, content));
  auto source = std::make_unique<TrafficSourceImpl>(std::move(content), std::move(plan));
  FEEDFARM_RETURN_IF_ERROR(source->Open(scenario.traffic(), seed, options));
  return source;
}

}  // namespace feedfarm
