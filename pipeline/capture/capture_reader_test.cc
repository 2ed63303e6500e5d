#include "pipeline/capture/capture_reader.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/capture/byte_stream.h"
#include "pipeline/capture/capture_builder.h"
#include "pipeline/capture/open_capture.h"

namespace feedfarm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

struct Read {
  absl::Status open;
  absl::Status end;
  std::vector<std::string> payloads;
  std::vector<uint64_t> times;
  std::vector<bool> truncated;
  CaptureCounters counters;
  CaptureFormat format{};
};

Read ReadAll(FileBytes bytes) {
  Read read;
  auto reader = OpenCapture(ByteStream::FromMemory("test.cap", std::move(bytes)));
  read.open = reader.status();
  if (!reader.ok()) return read;
  read.format = (*reader)->format();
  while (true) {
    const auto record = (*reader)->Next();
    read.end = record.status();
    if (!record.ok() || !record->has_value()) break;
    read.payloads.emplace_back((*record)->payload.begin(), (*record)->payload.end());
    read.times.push_back((*record)->time_ns);
    read.truncated.push_back((*record)->truncated);
  }
  read.counters = (*reader)->counters();
  return read;
}

FileBytes Cut(const FileBytes& bytes, size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)};
}

FileBytes DayMessage(char type, size_t size) { return FileBytes(size, static_cast<uint8_t>(type)); }

TEST(PcapReader, ReadsBothByteOrdersAndBothResolutions) {
  for (const bool big_endian : {false, true}) {
    for (const bool nanoseconds : {false, true}) {
      PcapBuilder file({.big_endian = big_endian, .nanoseconds = nanoseconds});
      file.Add(MakeFrame("one"), 1'493'000'000, 250);
      file.Add(MakeFrame("two"), 1'493'000'001, 999'999);
      const Read read = ReadAll(file.bytes());
      ASSERT_TRUE(read.end.ok()) << read.end;
      EXPECT_EQ(read.format, CaptureFormat::kPcap);
      EXPECT_THAT(read.payloads, ElementsAre("one", "two"));
      EXPECT_THAT(read.times, ElementsAre(1'493'000'000'000'000'000 + (nanoseconds ? 250 : 250'000),
                                          1'493'000'001'000'000'000 + (nanoseconds ? 999'999 : 999'999'000)));
      EXPECT_EQ(read.counters.records, 2u);
      EXPECT_FALSE(read.counters.cut_short);
    }
  }
}

TEST(PcapReader, CountsWhatIsNoUdpAndGoesOn) {
  PcapBuilder file;
  file.Add(MakeFrame("a", {.protocol = 6}));
  file.Add(MakeFrame("b"));
  file.Add(MakeFrame("c", {.fragment = 0x2000}));
  const Read read = ReadAll(file.bytes());
  EXPECT_THAT(read.payloads, ElementsAre("b"));
  EXPECT_EQ(read.counters.records, 3u);
  EXPECT_EQ(read.counters.datagrams, 1u);
  EXPECT_EQ(read.counters.foreign_records, 2u);
  EXPECT_EQ(read.counters.truncated_records, 0u);
}

TEST(PcapReader, ARecordShorterThanItsFrameWasIsTruncated) {
  const FileBytes frame = MakeFrame("abcdef");
  PcapBuilder file;
  file.Add(Cut(frame, frame.size() - 2), 1, 2, static_cast<uint32_t>(frame.size()));
  file.Add(Cut(frame, 30), 1, 2, static_cast<uint32_t>(frame.size()));
  file.Add(frame);
  const Read read = ReadAll(file.bytes());
  EXPECT_THAT(read.payloads, ElementsAre("abcd", "abcdef"));
  EXPECT_THAT(read.truncated, ElementsAre(true, false));
  EXPECT_EQ(read.counters.truncated_records, 2u);
  EXPECT_FALSE(read.counters.cut_short);
}

TEST(PcapReader, AFileCutAnywhereGivesWhatIsThere) {
  PcapBuilder file;
  file.Add(MakeFrame("abcdef"));
  const size_t one = file.bytes().size();
  file.Add(MakeFrame("ghijkl"));
  for (size_t size = one; size < file.bytes().size(); ++size) {
    const Read read = ReadAll(Cut(file.bytes(), size));
    ASSERT_TRUE(read.end.ok()) << read.end;
    EXPECT_EQ(read.counters.cut_short, size != one) << size;
    EXPECT_EQ(read.counters.truncated_records, size == one ? 0u : 1u) << size;
    const bool header_whole = size >= file.bytes().size() - 6;
    ASSERT_EQ(read.payloads.size(), header_whole ? 2u : 1u) << size;
    EXPECT_EQ(read.truncated.back(), header_whole && size != one) << size;
  }
}

TEST(PcapReader, AnImpossibleRecordIsNamedWithItsOffset) {
  PcapBuilder file;
  file.Add(MakeFrame("x"));
  const size_t at = file.bytes().size();
  FileBytes bytes = file.bytes();
  bytes.insert(bytes.end(), 16, 0xFF);
  const Read read = ReadAll(bytes);
  EXPECT_THAT(read.payloads, ElementsAre("x"));
  EXPECT_EQ(read.end.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.end.message()),
              AllOf(HasSubstr("test.cap: offset " + std::to_string(at)), HasSubstr("4294967295 bytes")));
}

TEST(PcapReader, ALinkTypeThatIsNotReadIsNamed) {
  const Read read = ReadAll(PcapBuilder({.link_type = 105}).bytes());
  EXPECT_EQ(read.open.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(read.open.message()), HasSubstr("link type 105"));
}

TEST(PcapNgReader, ReadsAllPacketBlocksInBothByteOrders) {
  for (const bool big_endian : {false, true}) {
    PcapNgBuilder file(big_endian);
    file.AddInterface();
    file.AddEnhanced(MakeFrame("enhanced"), 5'000'001);
    file.AddBlock(5, FileBytes(20, 1));  // interface statistics: skipped
    file.AddSimple(MakeFrame("simple"));
    file.AddObsolete(MakeFrame("obsolete"), 6'000'000);
    const Read read = ReadAll(file.bytes());
    ASSERT_TRUE(read.end.ok()) << read.end;
    EXPECT_EQ(read.format, CaptureFormat::kPcapNg);
    EXPECT_THAT(read.payloads, ElementsAre("enhanced", "simple", "obsolete"));
    EXPECT_THAT(read.times, ElementsAre(5'000'001'000, 0, 6'000'000'000));
  }
}

TEST(PcapNgReader, AppliesTimeResolutionAndOffset) {
  PcapNgBuilder file;
  file.AddInterface(1, 0, file.MakeOption(9, {9}));     // nanoseconds
  file.AddInterface(1, 0, file.MakeOption(9, {0x81}));  // halves of a second
  FileBytes options = file.MakeOption(9, {3});
  const FileBytes offset = file.MakeOption(14, {100, 0, 0, 0, 0, 0, 0, 0});
  options.insert(options.end(), offset.begin(), offset.end());
  file.AddInterface(1, 0, options);
  file.AddInterface(1, 0, file.MakeOption(9, {12}));  // picoseconds
  file.AddEnhanced(MakeFrame("0"), 7, 0);
  file.AddEnhanced(MakeFrame("1"), 3, 1);
  file.AddEnhanced(MakeFrame("2"), 1500, 2);
  file.AddEnhanced(MakeFrame("3"), 5'000'999, 3);
  EXPECT_THAT(ReadAll(file.bytes()).times, ElementsAre(7, 1'500'000'000, 101'500'000'000, 5000));
}

TEST(PcapNgReader, ANewSectionForgetsTheInterfaces) {
  PcapNgBuilder file;
  file.AddInterface();
  file.AddEnhanced(MakeFrame("a"), 1);
  file.AddSection();
  file.AddEnhanced(MakeFrame("b"), 1);
  const Read read = ReadAll(file.bytes());
  EXPECT_THAT(read.payloads, ElementsAre("a"));
  EXPECT_EQ(read.end.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.end.message()), HasSubstr("interface 0, the section has 0"));
}

TEST(PcapNgReader, SectionsMayHaveDifferentByteOrders) {
  PcapNgBuilder little(false), big(true);
  for (PcapNgBuilder* file : {&little, &big}) {
    file->AddInterface();
    file->AddEnhanced(MakeFrame(file == &little ? "little" : "big"), 1);
  }
  FileBytes bytes = little.bytes();
  bytes.insert(bytes.end(), big.bytes().begin(), big.bytes().end());
  EXPECT_THAT(ReadAll(bytes).payloads, ElementsAre("little", "big"));
}

TEST(PcapNgReader, InterfacesOfOtherLinkLayersAreForeign) {
  PcapNgBuilder file;
  file.AddInterface(105);
  file.AddInterface(1);
  file.AddEnhanced(MakeFrame("radio"), 1, 0);
  file.AddEnhanced(MakeFrame("wire"), 1, 1);
  const Read read = ReadAll(file.bytes());
  EXPECT_THAT(read.payloads, ElementsAre("wire"));
  EXPECT_EQ(read.counters.foreign_records, 1u);
}

TEST(PcapNgReader, AFileCutAnywhereGivesWhatIsThere) {
  PcapNgBuilder file;
  file.AddInterface();
  file.AddEnhanced(MakeFrame("abcdef"), 1);
  const size_t one = file.bytes().size();
  file.AddEnhanced(MakeFrame("ghijkl"), 1);
  for (size_t size = one; size < file.bytes().size(); ++size) {
    const Read read = ReadAll(Cut(file.bytes(), size));
    ASSERT_TRUE(read.end.ok()) << size << read.end;
    EXPECT_EQ(read.counters.cut_short, size != one) << size;
    ASSERT_GE(read.payloads.size(), 1u);
    EXPECT_LE(read.payloads.size(), 2u);
  }
}

TEST(PcapNgReader, ABlockThatContradictsItselfIsNamedWithItsOffset) {
  PcapNgBuilder file;
  file.AddInterface();
  const size_t at = file.bytes().size();
  file.AddEnhanced(MakeFrame("abcdef"), 1);
  FileBytes bytes = file.bytes();
  bytes[bytes.size() - 4] ^= 4;
  const Read read = ReadAll(bytes);
  EXPECT_EQ(read.end.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.end.message()), HasSubstr("test.cap: offset " + std::to_string(at)));
}

TEST(DayFileReader, GivesMessagesUntilTheEndMark) {
  FileBytes file = MakeDayFile({DayMessage('S', 12), DayMessage('A', 36)});
  file.insert(file.end(), {0, 12, 'S'});  // behind the end: not read
  const Read read = ReadAll(file);
  ASSERT_TRUE(read.end.ok()) << read.end;
  EXPECT_EQ(read.format, CaptureFormat::kItchDayFile);
  EXPECT_THAT(read.payloads, ElementsAre(std::string(12, 'S'), std::string(36, 'A')));
  EXPECT_FALSE(read.counters.cut_short);
}

TEST(DayFileReader, AnEndWithoutMarkIsAnEnd) {
  const Read read = ReadAll(MakeDayFile({DayMessage('S', 12)}, false));
  EXPECT_EQ(read.payloads.size(), 1u);
  EXPECT_FALSE(read.counters.cut_short);
}

TEST(DayFileReader, ACutLastMessageIsReported) {
  const FileBytes file = MakeDayFile({DayMessage('S', 12), DayMessage('A', 36)}, false);
  for (size_t size = 15; size < file.size(); ++size) {
    const Read read = ReadAll(Cut(file, size));
    ASSERT_TRUE(read.end.ok()) << read.end;
    EXPECT_TRUE(read.counters.cut_short) << size;
    EXPECT_EQ(read.counters.truncated_records, 1u) << size;
    EXPECT_EQ(read.counters.records, 2u) << size;
    EXPECT_EQ(read.payloads.size(), size < 17 ? 1u : 2u) << size;
    EXPECT_EQ(read.truncated.back(), size >= 17) << size;
  }
}

TEST(DayFileReader, AKnownTypeWithAnotherLengthIsDamage) {
  std::vector<FileBytes> messages(100, DayMessage('A', 36));
  messages.push_back(DayMessage('D', 20));
  const Read read = ReadAll(MakeDayFile(messages));
  EXPECT_EQ(read.payloads.size(), 100u);
  EXPECT_EQ(read.end.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.end.message()), HasSubstr("offset 3800: no ITCH message: type 0x44 of 20 bytes"));
}

TEST(GzipCapture, EveryFormatMayBePacked) {
  PcapBuilder pcap;
  pcap.Add(MakeFrame("packed"));
  EXPECT_THAT(ReadAll(Gzip(pcap.bytes())).payloads, ElementsAre("packed"));
  PcapNgBuilder pcapng;
  pcapng.AddInterface();
  pcapng.AddSimple(MakeFrame("packed"));
  EXPECT_THAT(ReadAll(Gzip(pcapng.bytes())).payloads, ElementsAre("packed"));
  EXPECT_EQ(ReadAll(Gzip(MakeDayFile({DayMessage('S', 12)}))).payloads.size(), 1u);
}

TEST(GzipCapture, SeveralMembersAreOneStreamAndPaddingEndsIt) {
  PcapBuilder file;
  file.Add(MakeFrame("one"));
  file.Add(MakeFrame("two"));
  const std::span<const uint8_t> all(file.bytes());
  FileBytes packed = Gzip(all.first(50));
  const FileBytes rest = Gzip(all.subspan(50));
  packed.insert(packed.end(), rest.begin(), rest.end());
  packed.insert(packed.end(), 100, 0);
  const Read read = ReadAll(packed);
  ASSERT_TRUE(read.end.ok()) << read.end;
  EXPECT_THAT(read.payloads, ElementsAre("one", "two"));
  EXPECT_FALSE(read.counters.cut_short);
}

TEST(GzipCapture, ACutStreamEndsWhereItsBytesEnd) {
  PcapBuilder file;
  for (int i = 0; i < 1000; ++i) file.Add(MakeFrame("payload " + std::to_string(i)));
  const FileBytes packed = Gzip(file.bytes());
  const Read read = ReadAll(Cut(packed, packed.size() / 2));
  ASSERT_TRUE(read.end.ok()) << read.end;
  EXPECT_TRUE(read.counters.cut_short);
  EXPECT_GT(read.payloads.size(), 100u);
  EXPECT_LT(read.payloads.size(), 1000u);
}

TEST(GzipCapture, DamageIsNamed) {
  PcapBuilder file;
  for (int i = 0; i < 1000; ++i) file.Add(MakeFrame("payload " + std::to_string(i)));
  FileBytes packed = Gzip(file.bytes());
  packed[packed.size() - 6] ^= 0xFF;  // its checksum
  const Read read = ReadAll(packed);
  EXPECT_EQ(read.end.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.end.message()), AllOf(HasSubstr("test.cap"), HasSubstr("damaged gzip")));
}

TEST(OpenCapture, WhatIsNoCaptureIsNamedByItsFirstBytes) {
  const Read png = ReadAll({0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0});
  EXPECT_EQ(png.open.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(png.open.message()),
            "test.cap: offset 0: no pcap, pcapng or ITCH day file: starts with 89 50 4e 47 0d 0a 1a 0a");
  EXPECT_THAT(std::string(ReadAll({}).open.message()), HasSubstr("is empty"));
  EXPECT_THAT(std::string(ReadAll({0xA1, 0xB2, 0xC3, 0xD4, 0}).open.message()), HasSubstr("header cut off"));
  EXPECT_FALSE(ReadAll({0, 0}).open.ok());
  EXPECT_FALSE(ReadAll({0, 36, 'A'}).open.ok());
}

TEST(OpenCapture, SaysWhatTheFileSystemSays) {
  EXPECT_EQ(CaptureReader::Open("/nowhere/x.pcap").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(CaptureReader::Open("/nowhere/x.pcap").status().message()), HasSubstr("/nowhere/x.pcap"));
  EXPECT_EQ(CaptureReader::Open("/").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(OpenCapture, ReadsAFile) {
  const std::string path = testing::TempDir() + "/one.pcap.gz";
  PcapBuilder file;
  file.Add(MakeFrame("from a file"));
  const FileBytes packed = Gzip(file.bytes());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(packed.data()), packed.size());
  auto reader = CaptureReader::Open(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto record = (*reader)->Next();
  ASSERT_TRUE(record.ok() && record->has_value());
  EXPECT_EQ((*record)->payload.size(), 11u);
  EXPECT_EQ((*record)->dst_port, 16648);
  std::remove(path.c_str());
}

TEST(ByteStreamSkip, GoesPastItsBuffer) {
  FileBytes bytes(1'000'000);
  bytes.back() = 7;
  const auto stream = ByteStream::FromMemory("x", bytes);
  EXPECT_EQ(*stream->Skip(999'999), 999'999u);
  EXPECT_EQ(stream->Peek(5)->front(), 7);
  EXPECT_EQ(*stream->Skip(5), 1u);
  EXPECT_EQ(stream->offset(), 1'000'000u);
}

}  // namespace
}  // namespace feedfarm
