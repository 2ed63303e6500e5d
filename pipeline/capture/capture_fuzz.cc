// The readers against damaged and random files. FuzzOne... are what a coverage-guided fuzzer would call.
#include <memory>
#include <span>
#include <vector>

#include "gtest/gtest.h"
#include "pipeline/base/fuzz_driver.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/capture_builder.h"
#include "pipeline/capture/datagram.h"
#include "pipeline/capture/feed_detector.h"
#include "pipeline/capture/open_capture.h"

namespace feedfarm {
namespace {

// Whatever the bytes are, reading ends, every record is counted, and the feed detector takes what comes.
void FuzzFile(std::span<const uint8_t> input) {
  auto reader = OpenCapture(ByteStream::FromMemory("fuzz", {input.begin(), input.end()}));
  if (!reader.ok()) return;
  FeedDetector detector;
  uint64_t given = 0, sum = 0;
  while (true) {
    const auto record = (*reader)->Next();
    if (!record.ok() || !record->has_value()) break;
    ++given;
    for (const uint8_t byte : (*record)->payload) sum += byte;
    detector.Add(**record);
  }
  const CaptureCounters& counters = (*reader)->counters();
  ASSERT_EQ(counters.datagrams, given);
  ASSERT_LE(counters.datagrams + counters.foreign_records, counters.records);
  ASSERT_GE(counters.datagrams + counters.foreign_records + counters.truncated_records, counters.records);
  ASSERT_LE(counters.records, input.size() * 1100);  // gzip packs by a factor of 1,032 at most
  (void)detector.Decide().ok();
  ASSERT_NE(sum, ~uint64_t{0});
}

void FuzzDatagram(std::span<const uint8_t> input) {
  for (const uint16_t link_type : {1, 101, 113, 228, 276, 9}) {
    for (const size_t more : {0, 10}) {
      const Datagram datagram = FindDatagram(link_type, input, input.size() + more);
      uint64_t sum = 0;
      for (const uint8_t byte : datagram.payload) sum += byte;
      ASSERT_NE(sum, ~uint64_t{0});
      ASSERT_TRUE(datagram.kind == Datagram::Kind::kUdp || datagram.payload.empty());
      ASSERT_TRUE(more > 0 || (!datagram.truncated && datagram.kind != Datagram::Kind::kTruncated));
    }
  }
}

std::vector<FileBytes> Frames() {
  return {MakeFrame("first"), MakeFrame("tagged", {.tags = {0x88A8, 0x8100}}), MakeFrame("opt", {.ip_option_words = 3}),
          MakeFrame("tcp", {.protocol = 6}), MakeFrame("", {.port = 9})};
}

std::vector<FileBytes> PcapFiles() {
  std::vector<FileBytes> files;
  for (const PcapSpec& spec : {PcapSpec{}, PcapSpec{.big_endian = true, .nanoseconds = true}}) {
    PcapBuilder file(spec);
    for (const FileBytes& frame : Frames()) file.Add(frame);
    file.Add(std::span<const uint8_t>(Frames()[0]).first(44), 1, 2, 47);
    files.push_back(file.bytes());
  }
  return files;
}

std::vector<FileBytes> PcapNgFiles() {
  std::vector<FileBytes> files;
  for (const bool big_endian : {false, true}) {
    PcapNgBuilder file(big_endian);
    file.AddInterface(1, 0, file.MakeOption(9, {9}));
    file.AddInterface(101, 96);
    for (const FileBytes& frame : Frames()) file.AddEnhanced(frame, 1'000'000, 0);
    file.AddBlock(5, FileBytes(12, 3));
    file.AddSimple(Frames()[0]);
    file.AddObsolete(Frames()[1], 77);
    files.push_back(file.bytes());
  }
  return files;
}

FileBytes DayFile() {
  return MakeDayFile({FileBytes(12, 'S'), FileBytes(36, 'A'), FileBytes(19, 'D'), FileBytes(9, 'z')});
}

TEST(CaptureFuzz, PcapSurvivesAnyBytes) { FuzzDriver(PcapFiles()).Run(FuzzFile); }

TEST(CaptureFuzz, PcapNgSurvivesAnyBytes) { FuzzDriver(PcapNgFiles()).Run(FuzzFile); }

TEST(CaptureFuzz, DayFileSurvivesAnyBytes) { FuzzDriver({DayFile()}).Run(FuzzFile); }

TEST(CaptureFuzz, GzipSurvivesAnyBytes) {
  std::vector<FileBytes> packed = {Gzip(PcapFiles()[0]), Gzip(PcapNgFiles()[1]), Gzip(DayFile())};
  FuzzDriver(std::move(packed)).Run(FuzzFile);
}

// Damage inside the packed bytes: what the reader sees is damaged, the packing is whole.
TEST(CaptureFuzz, PackedDamageSurvives) {
  std::vector<FileBytes> files = PcapFiles();
  files.push_back(PcapNgFiles()[0]);
  FuzzDriver(std::move(files))
      .Run([](std::span<const uint8_t> input) { FuzzFile(Gzip(input)); }, FuzzDriver::kCases / 10);
}

TEST(CaptureFuzz, DatagramSurvivesAnyBytes) { FuzzDriver(Frames()).Run(FuzzDatagram); }

}  // namespace
}  // namespace feedfarm
