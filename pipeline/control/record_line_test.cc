#include "pipeline/control/record_line.h"

#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(RecordLine, EncodesInOrderAndEscapes) {
  RecordLine line("error");
  line.Add("message", "no such interface: a b=c%\n").AddUint("code", 11).Add("empty", "");
  EXPECT_EQ(line.Encode(), "error message=no%20such%20interface:%20a%20b%3Dc%25%0A code=11 empty=");
  EXPECT_EQ(*RecordLine::Parse(line.Encode()), line);
}

TEST(RecordLine, KeepsEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  RecordLine line("x");
  line.Add("all", all);
  const std::string text = line.Encode();
  for (char c : text) EXPECT_TRUE(c >= ' ' && c <= '~');
  EXPECT_EQ(RecordLine::Parse(text)->Find("all"), all);
}

TEST(RecordLine, RefusesWhatItWouldNotWrite) {
  for (const char* bad : {"", " ", "k\xc3\xa4", "a b", "a =1", "a b=1  c=2", "a b=c=d", "a b=%", "a b=%4", "a b=%GG",
                          "a b=\x01", "a b=1 b=2", "a b=1\n"}) {
    EXPECT_FALSE(RecordLine::Parse(bad).ok()) << bad;
  }
  EXPECT_TRUE(RecordLine::Parse("a b=%41").ok());
}

TEST(RecordLine, UintSaysWhatIsWrong) {
  const auto line = *RecordLine::Parse("a n=18446744073709551615 big=18446744073709551616 neg=-1 text=12x none=");
  EXPECT_EQ(*line.Uint("n"), UINT64_MAX);
  for (const char* key : {"big", "neg", "text", "none"}) {
    EXPECT_EQ(line.Uint(key).status().code(), absl::StatusCode::kInvalidArgument) << key;
  }
  EXPECT_EQ(line.Uint("absent").status().code(), absl::StatusCode::kNotFound);
}

TEST(RecordLineReader, TakesPiecesOfAnySize) {
  const std::string text = "ready a=1\ninterval b=2\nbroken\x01\nfinal c=3\nunfinished";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    RecordLineReader reader;
    std::string kinds;
    for (size_t at = 0; at < text.size(); at += piece) {
      ASSERT_TRUE(reader.Append(std::string_view(text).substr(at, piece)).ok());
      while (auto line = reader.Next()) kinds += line->ok() ? (*line)->kind() + ";" : "bad;";
    }
    EXPECT_EQ(kinds, "ready;interval;bad;final;") << piece;
  }
}

TEST(RecordLineReader, RefusesALineWithoutEnd) {
  RecordLineReader reader;
  const std::string piece(1u << 20, 'x');
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(reader.Append(piece).ok());
  EXPECT_EQ(reader.Append("x").code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace feedfarm
