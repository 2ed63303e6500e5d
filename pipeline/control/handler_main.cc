// feedfarm-handler: the feed handler as a process of its own, a child of feedfarm-agent. See ARCHITECTURE.md, "Handler
// process". Nothing of it outlives it: sockets, XDP programs and memory are the kernel's to clean, kill -9 included.
#include <signal.h>
#include <sys/prctl.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "pipeline/base/build_stamp.h"
#include "pipeline/base/status_macros.h"
#include "pipeline/control/account_page.h"
#include "pipeline/control/control_channel.h"
#include "pipeline/control/exit_code.h"
#include "pipeline/control/handler_books.h"
#include "pipeline/control/handler_options.h"
#include "pipeline/control/hot_loop.h"
#include "pipeline/control/hot_mailbox.h"
#include "pipeline/control/hot_thread.h"
#include "pipeline/control/housekeeper.h"
#include "pipeline/control/ready_record.h"
#include "pipeline/feed/feed_handler.h"
#include "pipeline/feed/retransmit_client.h"
#include "pipeline/glimpse/snapshot_fetcher.h"
#include "pipeline/source/live_source_factory.h"

namespace feedfarm {
namespace {

FeedHandlerOptions FeedOptions(const HandlerOptions& options) {
  FeedHandlerOptions feed;
  feed.arbiter = {.first_sequence = options.first_sequence,
                  .dwell_ns = options.dwell_ns,
                  .jump_messages = options.jump_messages};
  feed.recovery.dwell_ns = options.dwell_ns;
  feed.recovery.timeout_ns = options.rerequest_timeout_ns;
  feed.recovery.tries = options.rerequest_tries;
  feed.window.messages = options.window_messages;
  return feed;
}

template <class Protocol>
absl::StatusOr<std::unique_ptr<HotLoop>> MakeLoop(const HandlerOptions& options, LiveSource* source,
                                                  RerequestChannel* channel, FeedEventQueue* events,
                                                  LatencyHistograms* histograms, const HandlerBooks& books,
                                                  SnapshotChannel* snapshots, HotMailbox* mailbox,
                                                  AccountPage* account) {
  FEEDFARM_ASSIGN_OR_RETURN(auto handler, FeedHandler<Protocol>::Create(FeedOptions(options), source, channel, events,
                                                                        histograms, books.stage.get()));
  if (books.journal != nullptr) {
    handler->KeepJournal(&books.journal->ring(), books.journal->recovered(), books.journal->tally());
  }
  if (snapshots != nullptr) handler->TakeSnapshots({.tries = options.snapshot_tries}, snapshots);
  return std::make_unique<FeedHotLoop<Protocol>>(std::move(handler), source, mailbox, account, options.spin);
}

// Logs what was refused, and keeps it for `ready`.
void NoteNotGranted(const std::vector<std::string>& sentences, std::vector<std::string>* all) {
  for (const std::string& sentence : sentences) {
    LOG(WARNING) << "not granted: " << sentence;
    all->push_back(sentence);
  }
}

absl::Status Serve(const HandlerOptions& options, ControlChannel& control) {
  std::vector<std::string> not_granted;
  NoteNotGranted(SettleMemory(), &not_granted);
  AvoidCpu(options.cpu);
  std::unique_ptr<RetransmitClient> client;
  if (options.rerequest) {
    FEEDFARM_ASSIGN_OR_RETURN(client, RetransmitClient::Create(options.rerequest->group, options.rerequest->port));
  }
  std::unique_ptr<glimpse::SnapshotFetcher> snapshots;
  if (options.snapshots) {
    FEEDFARM_ASSIGN_OR_RETURN(snapshots, glimpse::SnapshotFetcher::Create(*options.snapshots));
  }
  std::optional<AccountPage> account;
  if (options.account_fd >= 0) {
    FEEDFARM_ASSIGN_OR_RETURN(AccountPage mapped, AccountPage::Map(options.account_fd));
    account.emplace(std::move(mapped));
  }
  AccountPage* const account_page = account ? &*account : nullptr;
  FeedEventQueue events;
  HotMailbox mailbox;
  LatencyHistograms first, second;
  FEEDFARM_ASSIGN_OR_RETURN(const std::unique_ptr<LiveSource> source, MakeLiveSource(options.receive));
  for (const Refusal& refusal : source->grants().not_granted) NoteNotGranted({Sentence(refusal)}, &not_granted);
  FEEDFARM_ASSIGN_OR_RETURN(const HandlerBooks books, MakeHandlerBooks(options));
  NoteNotGranted(books.not_granted, &not_granted);
  const auto make_loop =
      options.protocol == HandlerProtocol::kMoldItch ? MakeLoop<MoldItchProtocol> : MakeLoop<IexDeepProtocol>;
  FEEDFARM_ASSIGN_OR_RETURN(std::unique_ptr<HotLoop> loop, make_loop(options, source.get(), client.get(), &events,
                                                                     &first, books, snapshots.get(), &mailbox, account_page));
  if (books.journal != nullptr) books.journal->Start();
  HotThread hot({.cpu = options.cpu, .fifo = options.fifo, .spin = options.spin}, std::move(loop));
  NoteNotGranted(hot.not_granted(), &not_granted);
  Housekeeper housekeeper(
      {.artifacts = options.artifacts, .xdp_mode = source->grants().xdp_mode, .bind_mode = source->grants().bind_mode},
      &control, &mailbox, &hot, &events, &books, account_page, &second);
  const absl::Status status = housekeeper.Run({.xdp_mode = source->grants().xdp_mode,
                                               .bind_mode = source->grants().bind_mode,
                                               .timestamp_class = Name(source->grants().timestamp_class),
                                               .build = StampOfThisProgram(),
                                               .not_granted = not_granted});
  hot.Join();
  return status;
}

int Main(int argc, char** argv) {
  google::InitGoogleLogging(argv[0]);
  FLAGS_logtostderr = true;
  // Blocked before any thread exists: the housekeeper takes them as `stop`.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const ParsedHandlerOptions parsed = ParseHandlerOptions(argc, argv);
  if (!parsed.options) {
    (parsed.exit_code == 0 ? std::cout : std::cerr) << parsed.text << "\n";
    return parsed.exit_code;
  }
  // With the agent dies the handler; --control-fd's end tells too, for an agent whose other thread started us.
  if (parsed.options->control_fd >= 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ControlChannel control(parsed.options->control_fd);
  const absl::Status status = Serve(*parsed.options, control);
  // Without an agent there is nobody to tell.
  if (status.ok() || control.closed()) return static_cast<int>(ChildExit::kDone);
  LOG(ERROR) << status;
  (void)control.Say(RecordLine("error").Add("message", std::string(status.message())));
  return static_cast<int>(ExitOf(status));
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) { return feedfarm::Main(argc, argv); }
