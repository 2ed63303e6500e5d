#include "coordinator/server.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/file.h>
#include <sys/random.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "coordinator/artifact/report_writer.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(50);
// A whole HandlerResult with events and histograms in an agent's state.
constexpr int kMessageBytesMax = 64 << 20;
// Streams that are open at the end get this long.
constexpr std::chrono::milliseconds kShutdownWait{500};

absl::StatusOr<ScopedFd> LockFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ErrnoStatus(absl::StrCat("mkdir ", folder.string()), error.value());
  const std::string path = (folder / "lock").string();
  ScopedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return ErrnoStatus(absl::StrCat("open ", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return ErrnoStatus(absl::StrCat("flock ", path));
  return absl::FailedPreconditionError(
      absl::StrCat("another coordinator works on ", folder.string(), " (it holds ", path, ")"));
}

std::string NewInstance() {
  uint64_t random = 0;
  CHECK_EQ(::getrandom(&random, sizeof(random), 0), static_cast<ssize_t>(sizeof(random)));
  return absl::StrFormat("%016x", random);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CoordinatorServer>> CoordinatorServer::Start(Options options) {
  std::unique_ptr<CoordinatorServer> server(new CoordinatorServer());
  FEEDFARM_RETURN_IF_ERROR(server->Open(std::move(options)));
  return server;
}

absl::Status CoordinatorServer::Open(Options options) {
  const std::filesystem::path folder = std::filesystem::absolute(options.state_dir);
  FEEDFARM_ASSIGN_OR_RETURN(lock_, LockFolder(folder));
  FEEDFARM_ASSIGN_OR_RETURN(store_, Store::Open((folder / "feedfarm.db").string()));
  options.coordinator.state_dir = folder;
  options.coordinator.instance = NewInstance();
  options.coordinator.write_report = WriteReport;
  FEEDFARM_ASSIGN_OR_RETURN(coordinator_, Coordinator::Create(options.coordinator, store_.get(), &clock_));
  farm_ = std::make_unique<FarmServiceAdapter>(coordinator_.get());
  agents_ = std::make_unique<AgentServiceAdapter>(coordinator_.get(), &clock_);

  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  // A half-open connection of a host that lost its power is found in seconds, not hours.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  // Two coordinators must not share a port.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  ports_.resize(options.listen.size());
  for (size_t i = 0; i < options.listen.size(); ++i) {
    builder.AddListeningPort(options.listen[i], grpc::InsecureServerCredentials(), &ports_[i]);
  }
  builder.RegisterService(farm_.get());
  builder.RegisterService(agents_.get());
  server_ = builder.BuildAndStart();
  for (size_t i = 0; i < options.listen.size(); ++i) {
    if (server_ == nullptr || ports_[i] == 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", options.listen[i], ": in use, or no such address"));
    }
    LOG(INFO) << "listening on " << options.listen[i] << (ports_[i] > 1 ? absl::StrCat(" (port ", ports_[i], ")") : "");
  }
  if (server_ == nullptr) return absl::UnavailableError("the server does not start");
  threads_.emplace_back([this] { Loop(&Coordinator::Tick); });
  threads_.emplace_back([this] { Loop(&Coordinator::WriteReports); });
  return absl::OkStatus();
}

CoordinatorServer::~CoordinatorServer() {
  if (farm_ != nullptr) farm_->Stop();
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now() + kShutdownWait);
    server_->Wait();
  }
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void CoordinatorServer::Loop(void (Coordinator::*step)()) {
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kTick)) return;
    }
    (coordinator_.get()->*step)();
  }
}

}  // namespace feedfarm
