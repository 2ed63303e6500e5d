// A child that speaks the handler's protocol, and misbehaves when told to. Ends like the real one when its control
// socket closes.
//
//   --behaviour obedient   ready, intervals, final on stop
//               crash      raises SIGSEGV at the third interval
//               exit       exit code 7 at the third interval
//               hang       no interval any more after the third
//               garbage    a line that is no record
//               huge       a line without an end
//               mute       never says anything
//               refuse     `error`, then exit code 11
//               stubborn   ignores stop and SIGTERM
//               deaf       says final, then does not end
//               end        end_of_session after the third interval
//               quit       final and exit 0 without being told
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/clock.h"
#include "pipeline/control/account_page.h"
#include "pipeline/control/event_record.h"
#include "pipeline/control/final_record.h"
#include "pipeline/control/interval_record.h"
#include "pipeline/control/ready_record.h"
#include "pipeline/control/record_line.h"
#include "pipeline/stats/hdr_codec.h"
#include "pipeline/stats/histogram.h"

namespace feedfarm {
namespace {

class FakeHandler {
 public:
  FakeHandler(std::map<std::string, std::string> flags)
      : flags_(std::move(flags)), fd_(std::atoi(flags_["--control-fd"].c_str())), behaviour_(flags_["--behaviour"]) {}

  // Three messages that no interval has, and a loss.
  void Account(FeedAccount* to) const {
    to->messages = intervals_ * 10 + 3;
    to->recovery.unrecovered_messages = 1;
  }

  int Run() {
    std::cerr << "fake handler: " << behaviour_ << ", first sequence " << flags_["--first-sequence"] << std::endl;
    if (flags_.contains("--account-fd")) page_.emplace(*AccountPage::Map(std::atoi(flags_["--account-fd"].c_str())));
    if (behaviour_ == "stubborn") ::signal(SIGTERM, SIG_IGN);
    if (behaviour_ == "mute") return Sleep();
    if (behaviour_ == "refuse") {
      Say(RecordLine("error").Add("message", "bind xsk on a: EBUSY"));
      return 11;
    }
    Say(ReadyRecord{"native", "copy", "software", {"0123abcd", true, "gcc 12", "glibc"}, {}}.ToLine());
    for (;;) {
      pollfd control{fd_, POLLIN, 0};
      if (::poll(&control, 1, 20) > 0 && !Listen()) return 0;
      if (stopped_) {
        Final();
        return behaviour_ == "deaf" ? Sleep() : 0;
      }
      if (const int code = Live(); code >= 0) return code;
    }
  }

 private:
  int Sleep() {
    for (;;) {
      char byte;
      if (::read(fd_, &byte, 1) == 0) return 0;
    }
  }

  // False when the agent is gone.
  bool Listen() {
    char bytes[4096];
    const ssize_t got = ::read(fd_, bytes, sizeof bytes);
    if (got <= 0) return false;
    if (!reader_.Append(std::string_view(bytes, got)).ok()) return false;
    while (auto line = reader_.Next()) {
      std::cerr << "told: " << (line->ok() ? (*line)->Encode() : "?") << std::endl;
      if (line->ok() && (*line)->kind() == "stop" && behaviour_ != "stubborn") stopped_ = true;
    }
    return true;
  }

  // One interval; an exit code, or -1 to go on.
  int Live() {
    if (intervals_ >= 3 && behaviour_ == "hang") return -1;
    IntervalRecord interval;
    interval.sequence = ++intervals_;
    interval.start_unix_ns = UnixNow();
    interval.end_unix_ns = interval.start_unix_ns + 1;
    interval.messages = intervals_ * 10;
    interval.packets_a = intervals_;
    interval.histograms.push_back(Samples(10));
    Say(interval.ToLine());
    if (page_) page_->Store(*this);
    if (intervals_ != 3) return -1;
    if (behaviour_ == "crash") ::raise(SIGSEGV);
    if (behaviour_ == "exit") return 7;
    if (behaviour_ == "garbage") Write("this is no record\n");
    if (behaviour_ == "huge") Write(std::string(kRecordLineBytesMax + 10, 'x'));
    if (behaviour_ == "end") {
      EventRecord event;
      event.kind = FeedEventKind::kEndOfSession;
      event.time_unix_ns = UnixNow();
      Say(event.ToLine());
    }
    if (behaviour_ != "quit") return -1;
    Final();
    return 0;
  }

  void Final() {
    FinalRecord record;
    record.messages = intervals_ * 10;
    record.stream_hash = "00000000000000fe";
    record.state_hash = "00000000000000ff";
    record.xdp_mode = "native";
    record.bind_mode = "copy";
    record.end_of_session = behaviour_ == "end";
    record.histograms.push_back(Samples(intervals_ * 10));
    Say(record.ToLine());
  }

  HistogramRecord Samples(uint64_t count) {
    Histogram histogram;
    histogram.RecordCount(1000, count);
    return {LatencyMetric::kDecode, TimestampClass::kSoftware, EncodeHdrV2Compressed(histogram), count};
  }

  void Say(const RecordLine& line) { Write(line.Encode() + "\n"); }

  void Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written <= 0) std::_Exit(0);
      text.remove_prefix(written);
    }
  }

  std::map<std::string, std::string> flags_;
  int fd_;
  std::string behaviour_;
  RecordLineReader reader_;
  std::optional<AccountPage> page_;
  uint64_t intervals_ = 0;
  bool stopped_ = false;
};

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool valued = i + 1 < argc && std::string(argv[i + 1]).rfind("--", 0) != 0;
    flags[name] = valued ? argv[++i] : "";
  }
  // How the handler role's tests, whose flags are fixed, choose.
  if (const char* chosen = std::getenv("FAKE_HANDLER_BEHAVIOUR")) flags.try_emplace("--behaviour", chosen);
  ::signal(SIGPIPE, SIG_IGN);
  return feedfarm::FakeHandler(flags).Run();
}
