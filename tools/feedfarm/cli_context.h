#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "pipeline/base/build_stamp.h"
#include "proto/farm_service.grpc.pb.h"

namespace feedfarm {

enum class OutputFormat { kTable, kWide, kJson };

// What every command is given: the flags before it, and the way to the coordinator. Used by one thread.
struct CliContext {
  // host:port or unix:/path.
  std::string coordinator = "127.0.0.1:7400";
  OutputFormat output = OutputFormat::kTable;
  // Of this program.
  BuildStamp build;
  // What main returns.
  int exit_code = 0;

  // Connects on first use; never fails itself.
  v1::FarmService::Stub& Stub();

 private:
  std::unique_ptr<v1::FarmService::Stub> stub_;
};

// A call's context with a deadline of `seconds`.
std::unique_ptr<grpc::ClientContext> CallContext(int seconds = 5);

// Prints "feedfarm: ..." to stderr and gives the exit code: 2 for what the user named wrongly, 11 for a coordinator that does not
// answer, 1 for its internal errors.
int ReportRpcError(const CliContext& context, const grpc::Status& status);

// Prints "feedfarm: ..." to stderr; returns `exit_code`.
int Complain(const std::string& message, int exit_code);

// The message as JSON with the names of the .proto files, every field present.
std::string JsonText(const google::protobuf::Message& message);

}  // namespace feedfarm
