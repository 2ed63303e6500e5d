// A child that speaks feedfarm-profile's protocol, and misbehaves when told to by FAKE_PROFILE_BEHAVIOUR:
//   obedient   its build, a result, exit code 0
//   crash      SIGSEGV before its result
//   late crash SIGSEGV after its result
//   silent     exit code 0 without a result
//   exit       exit code 7 without a result
//   usage      `error`, then exit code 2
//   refuse     `error`, then exit code 11
//   garbage    a line that is no record
//   unknown    a line of no known kind
//   twice      two results
//   stay       a result, then it does not end
//   hang       says nothing, does not end
//   fork       as hang, with a child of its own
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "pipeline/control/build_fields.h"
#include "pipeline/control/record_line.h"

namespace feedfarm {
namespace {

void Say(int fd, const std::string& text) {
  if (::write(fd, text.data(), text.size()) < 0) ::_exit(1);
}
void Say(int fd, const RecordLine& line) { Say(fd, line.Encode() + "\n"); }

int Sleep() {
  for (;;) ::pause();
}

int Main(int argc, char** argv) {
  int fd = 1;
  std::string arguments;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--control-fd")
      fd = std::atoi(argv[++i]);
    else
      arguments += std::string(arguments.empty() ? "" : " ") + argv[i];
  }
  const char* said = std::getenv("FAKE_PROFILE_BEHAVIOUR");
  const std::string behaviour = said != nullptr ? said : "obedient";
  std::cerr << "fake profile: " << behaviour << std::endl;
  RecordLine ready("ready");
  AddBuild({.commit = "abc", .dirty = false, .compiler = "gcc 1", .allocator = "a"}, &ready);
  Say(fd, ready);
  RecordLine result("profile");
  result.Add("schema", "feedfarm.profile.v1").Add("profile", "local-core").Add("status", "ok").Add("events", "7");
  result.Add("arguments", arguments).Add("bytes", "\xff\n").Add("reasons", "");
  if (behaviour == "crash") ::raise(SIGSEGV);
  if (behaviour == "silent") return 0;
  if (behaviour == "exit") return 7;
  if (behaviour == "usage" || behaviour == "refuse") {
    Say(fd, RecordLine("error").Add("message", "not so"));
    return behaviour == "usage" ? 2 : 11;
  }
  if (behaviour == "garbage") Say(fd, std::string("status=ok\n"));
  if (behaviour == "unknown") Say(fd, RecordLine("interval"));
  if (behaviour == "fork" && ::fork() == 0) return Sleep();
  if (behaviour == "hang" || behaviour == "fork") return Sleep();
  Say(fd, result);
  if (behaviour == "twice") Say(fd, result);
  if (behaviour == "late crash") ::raise(SIGSEGV);
  return behaviour == "stay" ? Sleep() : 0;
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) { return feedfarm::Main(argc, argv); }
