#include "agent/run/child_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

constexpr char kFakeHandler[] = "agent/testing/fake_handler";
// Longest wait for a child that behaves; a test that reaches it has failed.
constexpr int kPatienceMs = 20'000;

std::string LogPath(const std::string& name) { return ::testing::TempDir() + "/" + name + ".log"; }

std::unique_ptr<ChildProcess> Spawn(const std::string& behaviour, const std::string& log = "handler") {
  ChildProcess::Options options;
  options.path = kFakeHandler;
  options.arguments = {"--behaviour", behaviour};
  options.log_path = LogPath(log);
  std::remove(options.log_path.c_str());
  auto process = ChildProcess::Spawn(options);
  EXPECT_TRUE(process.ok()) << process.status();
  return process.ok() ? *std::move(process) : nullptr;
}

bool Readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, kPatienceMs) == 1;
}

// The next line; a status when the lines end or break.
absl::StatusOr<RecordLine> NextLine(ChildProcess& process) {
  for (;;) {
    if (auto line = process.Next()) return *std::move(line);
    if (process.closed()) return absl::OutOfRangeError("closed");
    if (!Readable(process.control_fd())) return absl::DeadlineExceededError("no line");
    if (absl::Status status = process.Receive(); !status.ok()) return status;
  }
}

std::optional<ProcessExit> WaitForExit(ChildProcess& process) {
  if (!Readable(process.exit_fd())) return std::nullopt;
  return process.TryReap();
}

TEST(ChildProcess, SpeaksBothWaysAndEndsCleanly) {
  auto process = Spawn("obedient");
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(NextLine(*process)->kind(), "ready");
  EXPECT_EQ(NextLine(*process)->kind(), "interval");
  EXPECT_FALSE(process->TryReap().has_value());
  ASSERT_TRUE(process->Send(RecordLine("stop")).ok());
  std::string last;
  for (auto line = NextLine(*process); line.ok(); line = NextLine(*process)) last = line->kind();
  EXPECT_EQ(last, "final");
  auto exit = WaitForExit(*process);
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->clean()) << exit->ToString();
  EXPECT_EQ(process->TryReap()->number, 0);
}

TEST(ChildProcess, KeepsItsStderr) {
  {
    auto process = Spawn("obedient", "stderr");
    ASSERT_NE(process, nullptr);
    EXPECT_EQ(NextLine(*process)->kind(), "ready");
  }
  std::ifstream file(LogPath("stderr"));
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find("fake handler: obedient"), std::string::npos) << text.str();
}

TEST(ChildProcess, SaysHowItDied) {
  auto crashed = Spawn("crash");
  ASSERT_NE(crashed, nullptr);
  auto exit = WaitForExit(*crashed);
  ASSERT_TRUE(exit.has_value());
#ifndef FEEDFARM_SANITIZED
  EXPECT_EQ(exit->ToString(), "signal 11 (Segmentation fault)");
#endif
  auto quit = Spawn("exit");
  ASSERT_NE(quit, nullptr);
  exit = WaitForExit(*quit);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->ToString(), "exit code 7");
}

TEST(ChildProcess, ReadsWhatWasSaidBeforeTheEnd) {
  auto process = Spawn("quit");
  ASSERT_NE(process, nullptr);
  ASSERT_TRUE(WaitForExit(*process).has_value());
  std::string last;
  for (auto line = NextLine(*process); line.ok(); line = NextLine(*process)) last = line->kind();
  EXPECT_EQ(last, "final");
}

TEST(ChildProcess, RefusesALineWithoutEnd) {
  auto process = Spawn("huge");
  ASSERT_NE(process, nullptr);
  absl::StatusOr<RecordLine> line = NextLine(*process);
  while (line.ok()) line = NextLine(*process);
  EXPECT_EQ(line.status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ChildProcess, PassesOnALineThatIsNoRecord) {
  auto process = Spawn("garbage");
  ASSERT_NE(process, nullptr);
  absl::StatusOr<RecordLine> line = NextLine(*process);
  while (line.ok()) line = NextLine(*process);
  EXPECT_EQ(line.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ChildProcess, KillEndsTheStubborn) {
  auto process = Spawn("stubborn");
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(NextLine(*process)->kind(), "ready");
  process->Signal(SIGTERM);
  EXPECT_FALSE(process->TryReap().has_value());
  process->Kill();
  auto exit = WaitForExit(*process);
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->by_signal);
  EXPECT_EQ(exit->number, SIGKILL);
  EXPECT_FALSE(process->Send(RecordLine("stop")).ok());
}

TEST(ChildProcess, IsGoneWithItsOwner) {
  auto process = Spawn("stubborn");
  ASSERT_NE(process, nullptr);
  const pid_t pid = process->pid();
  process.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ChildProcess, DiesWithAnAgentThatIsKilled) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  // The agent of this test.
  const pid_t agent = ::fork();
  if (agent == 0) {
    auto process = Spawn("stubborn", "orphan");
    const pid_t pid = process->pid();
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  ::close(ends[1]);
  pid_t child = 0;
  ASSERT_EQ(::read(ends[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  ScopedFd child_fd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  ASSERT_EQ(::waitpid(agent, nullptr, 0), agent);
  // Gone already, or going.
  EXPECT_TRUE(!child_fd.valid() || Readable(child_fd.get()));
}

TEST(ChildProcess, SaysWhyItCannotBeExecuted) {
  ChildProcess::Options options;
  options.path = "/nonexistent/feedfarm-handler";
  options.log_path = LogPath("none");
  absl::Status status = ChildProcess::Spawn(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("execute /nonexistent/feedfarm-handler"), std::string::npos) << status;
}

}  // namespace
}  // namespace feedfarm
