#include "agent/uplink/coordinator_channel.h"

#include <grpcpp/grpcpp.h>

#include <utility>

namespace feedfarm {
namespace {

constexpr int kConnectTimeoutMs = 3000;

}  // namespace

StubMaker StubsFor(std::string target) {
  return [target = std::move(target)]() -> std::shared_ptr<v1::AgentService::StubInterface> {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
    // An environment's HTTP proxy is not for the farm's own network.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    // A run's result with its histograms and events.
    arguments.SetMaxReceiveMessageSize(64 << 20);
    return v1::AgentService::NewStub(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
  };
}

}  // namespace feedfarm
