#include "tools/feedfarm/cli_context.h"

#include <chrono>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "coordinator/artifact/text_table.h"
#include "coordinator/gate/exit_code.h"
#include "glog/logging.h"
#include "google/protobuf/util/json_util.h"
#include "grpcpp/grpcpp.h"

namespace feedfarm {

v1::FarmService::Stub& CliContext::Stub() {
  if (stub_ == nullptr) {
    grpc::ChannelArguments arguments;
    // A coordinator that restarts is found again within half a second.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetMaxReceiveMessageSize(64 << 20);
    stub_ = v1::FarmService::NewStub(grpc::CreateCustomChannel(coordinator, grpc::InsecureChannelCredentials(), arguments));
  }
  return *stub_;
}

std::unique_ptr<grpc::ClientContext> CallContext(int seconds) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  return context;
}

int Complain(const std::string& message, int exit_code) {
  std::cerr << "feedfarm: " << message << "\n";
  return exit_code;
}

int ReportRpcError(const CliContext& context, const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Complain(absl::StrCat("no answer from the coordinator at ", context.coordinator, " (",
                                   Printable(status.error_message()),
                                   "); is it running? Name another with --coordinator or FEEDFARM_COORDINATOR"),
                      kExitInfrastructure);
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::ALREADY_EXISTS:
      return Complain(Printable(status.error_message()), kExitUsage);
    default:
      return Complain(absl::StrCat("the coordinator at ", context.coordinator, " failed: ", Printable(status.error_message()),
                                   " (gRPC code ", static_cast<int>(status.error_code()), ")"),
                      kExitInternal);
  }
}

std::string JsonText(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  CHECK(status.ok()) << status.ToString();
  return json;
}

}  // namespace feedfarm
