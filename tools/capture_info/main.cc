// feedfarm-capture-info: says what a capture file holds, and whether the farm can replay it.
#include <cstdio>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "pipeline/base/status_macros.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/capture/feed_detector.h"

namespace feedfarm {
namespace {

struct CaptureInfo {
  CaptureFormat format = CaptureFormat::kPcap;
  DetectedFeed feed;
};

absl::StatusOr<CaptureInfo> Inspect(const std::string& path) {
  FEEDFARM_ASSIGN_OR_RETURN(auto reader, CaptureReader::Open(path));
  FEEDFARM_ASSIGN_OR_RETURN(DetectedFeed feed, DetectFeed(*reader));
  return CaptureInfo{reader->format(), feed};
}

// Reads to the end. Returns what the reader met.
absl::StatusOr<CaptureCounters> Count(const std::string& path) {
  FEEDFARM_ASSIGN_OR_RETURN(auto reader, CaptureReader::Open(path));
  for (;;) {
    FEEDFARM_ASSIGN_OR_RETURN(auto record, reader->Next());
    if (!record) return reader->counters();
  }
}

int Fail(const absl::Status& status) {
  std::cerr << "feedfarm-capture-info: " << status.message() << "\n";
  return 2;
}

int Main(int argc, char** argv) {
  CLI::App app{"Says what a capture file holds: pcap, pcapng, ITCH day file, or gzip of one.\nExit codes: 0, or 2 for a file that cannot be replayed."};
  std::string path;
  bool protocol_only = false;
  app.add_option("FILE", path, "capture file")->required();
  app.add_flag("--protocol", protocol_only, "print the feed protocol's name only");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto info = Inspect(path);
  if (!info.ok()) return Fail(info.status());
  if (protocol_only) {
    std::cout << FeedProtocolName(info->feed.protocol) << "\n";
    return 0;
  }
  auto counters = Count(path);
  if (!counters.ok()) return Fail(counters.status());
  std::cout << "format=" << CaptureFormatName(info->format) << "\nprotocol=" << FeedProtocolName(info->feed.protocol);
  if (info->feed.port != 0) std::cout << "\ngroup=" << EndpointText(info->feed.group, info->feed.port);
  std::cout << "\nrecords=" << counters->records << "\ndatagrams=" << counters->datagrams
            << "\nforeign_records=" << counters->foreign_records << "\ntruncated_records=" << counters->truncated_records
            << "\n";
  return 0;
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) { return feedfarm::Main(argc, argv); }
