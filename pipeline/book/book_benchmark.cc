// Decode and full book over a day in memory, beside floors in the same run. One core, MoldUDP64 packets, batches of 64.
//
//   book_benchmark [--messages=20000000] [--live=1300000] [--symbols=8000] [--rounds=5] [--only=day|es] [--seed=1]
//
// day    A synthetic day (pipeline/itch/synthetic_day.h). Open and the filling up to --live orders are applied but not
//        timed, then --messages of the real day's mix are.
// es     FEEDFARM_DATA/es-20231225.itch.gz, one symbol, again and again; clearing between is not timed.
//
// Interleaved in each round, ns of processor time a message of each:
//   stream  floor: packets are framed and each message's first and last byte is read
//   slots   floor: and its order's slot and the order are found and written, with the book's own index and prefetch
//   book    ItchBook: every message decoded and applied
//
// JSON on standard output: medians, least and all rounds, and what the book holds at the end.
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/endian.h"
#include "pipeline/base/rng.h"
#include "pipeline/book/book_line.h"
#include "pipeline/book/feed_book.h"
#include "pipeline/book/itch_book.h"
#include "pipeline/book/order_index.h"
#include "pipeline/book/run_ahead.h"
#include "pipeline/capture/capture_reader.h"
#include "pipeline/itch/synthetic_day.h"

namespace feedfarm {
namespace {

constexpr size_t kBatch = 64;
constexpr size_t kHeaderBytes = 20;
constexpr size_t kMessagesLeast = 8, kMessagesMost = 38;

// Packets one behind another, as a ring would hold them.
class Packets {
 public:
  explicit Packets(uint64_t seed) : rng_(seed) {}

  void Add(std::span<const uint8_t> message) {
    if (left_ == 0) {
      left_ = kMessagesLeast + rng_.Below(kMessagesMost - kMessagesLeast + 1);
      starts_.push_back(bytes_.size());
      bytes_.resize(bytes_.size() + kHeaderBytes);
    }
    --left_;
    ++messages_;
    uint8_t* header = bytes_.data() + starts_.back();
    StoreBig<uint16_t>(header + 18, static_cast<uint16_t>(LoadBig<uint16_t>(header + 18) + 1));
    bytes_.push_back(0);
    bytes_.push_back(static_cast<uint8_t>(message.size()));
    bytes_.insert(bytes_.end(), message.begin(), message.end());
  }
  void Reserve(size_t bytes) { bytes_.reserve(bytes); }
  uint64_t messages() const { return messages_; }
  size_t bytes() const { return bytes_.size(); }

  // sink(std::span<const std::span<const uint8_t>> messages): a batch of packets at a time.
  template <class Sink>
  void ForEachBatch(Sink&& sink) const {
    std::array<std::span<const uint8_t>, kBatch * kMessagesMost> messages;
    for (size_t first = 0; first < starts_.size(); first += kBatch) {
      size_t count = 0;
      for (size_t i = first; i < std::min(first + kBatch, starts_.size()); ++i) {
        const uint8_t* at = bytes_.data() + starts_[i];
        uint32_t blocks = LoadBig<uint16_t>(at + 18);
        at += kHeaderBytes;
        while (blocks-- > 0) {
          const uint16_t size = LoadBig<uint16_t>(at);
          messages[count++] = {at + 2, size};
          at += 2 + size;
        }
      }
      sink(std::span<const std::span<const uint8_t>>(messages.data(), count));
    }
  }

 private:
  Rng rng_;
  std::vector<uint8_t> bytes_;
  std::vector<size_t> starts_;
  uint64_t left_ = 0;
  uint64_t messages_ = 0;
};

// Finds, writes and frees orders, and no more: what any order book must touch.
class SlotsOnly {
 public:
  explicit SlotsOnly(uint32_t orders_max) {
    if (!lines_.Allocate(orders_max / 3 + 2).ok() || !index_.Allocate(orders_max, &lines_).ok()) abort();
  }
  void Clear() {
    index_.Clear();
    free_ = 0;
    used_ = 0;
  }
  void ApplyRun(std::span<const std::span<const uint8_t>> messages, TopListener*) {
    const auto reference = [&](size_t i) {
      return messages[i].size() < 19 ? 0 : LoadBig<uint64_t>(messages[i].data() + 11);
    };
    RunAhead(
        messages.size(), [&](size_t i) { index_.Prefetch(reference(i)); },
        [&](size_t i) { index_.PrefetchOrder(reference(i)); }, [&](size_t i) { Apply(messages[i]); });
  }

 private:
  void Apply(std::span<const uint8_t> message) {
    if (message.size() < 19) return;
    const uint64_t reference = LoadBig<uint64_t>(message.data() + 11);
    switch (message[0]) {
      case 'A':
      case 'F':
        return Add(reference, LoadBig<uint32_t>(message.data() + 20));
      case 'D':
        return Delete(index_.Find(reference));
      case 'U':
        Delete(index_.Find(reference));
        return Add(LoadBig<uint64_t>(message.data() + 19), LoadBig<uint32_t>(message.data() + 27));
      case 'E':
      case 'C':
      case 'X': {
        const OrderHandle order = index_.Find(reference);
        uint32_t& shares = lines_.cell(order).shares;
        shares -= LoadBig<uint32_t>(message.data() + 19);
        if (shares == 0) Delete(order);
      }
    }
  }

  void Add(uint64_t reference, uint32_t shares) {
    OrderHandle order = free_;
    if (order != 0) {
      free_ = lines_.cell(order).shares;
    } else {
      order = 16 * (1 + used_ / 3) + CellQueue::WordOf(1 + used_ % 3);
      ++used_;
    }
    lines_.cell(order).Set(reference, shares);
    index_.Insert(reference, order);
  }
  void Delete(OrderHandle order) {
    if (order == 0) return;
    index_.Erase(lines_.cell(order).reference(), order);
    lines_.cell(order).shares = free_;
    free_ = order;
  }

  BookLines lines_;
  OrderIndex index_;
  OrderHandle free_ = 0;
  uint32_t used_ = 0;
};

struct StreamOnly {
  void Clear() {}
  void ApplyRun(std::span<const std::span<const uint8_t>> messages, TopListener*) {
    for (const std::span<const uint8_t> message : messages) sum += message.front() + message.back();
  }
  uint64_t sum = 0;
};

template <class Book>
void ApplyAll(const Packets& packets, Book& book) {
  packets.ForEachBatch([&](std::span<const std::span<const uint8_t>> messages) { book.ApplyRun(messages, nullptr); });
}

struct Times {
  std::string name;
  std::vector<double> rounds;

  double Median() const {
    std::vector<double> sorted = rounds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  double Least() const { return *std::min_element(rounds.begin(), rounds.end()); }
  void Print() const {
    std::printf("{\"name\": \"%s\", \"ns_a_message\": %.2f, \"least\": %.2f, \"rounds\": [", name.c_str(), Median(),
                Least());
    for (size_t i = 0; i < rounds.size(); ++i) std::printf("%s%.2f", i == 0 ? "" : ", ", rounds[i]);
    std::printf("]}");
  }
};

// Processor time of this thread: neighbours on the core are not counted, what they do to the caches is.
uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

template <class Book>
double TimeOne(const Packets* before, const Packets& packets, int repeats, Book& book) {
  uint64_t spent_ns = 0;
  for (int i = 0; i < repeats; ++i) {
    book.Clear();
    if (before != nullptr) ApplyAll(*before, book);
    const uint64_t start_ns = NowNs();
    ApplyAll(packets, book);
    spent_ns += NowNs() - start_ns;
  }
  return static_cast<double>(spent_ns) / static_cast<double>(packets.messages() * static_cast<uint64_t>(repeats));
}

struct Settings {
  uint64_t messages = 20'000'000, live = 1'300'000, symbols = 8'000, rounds = 5, seed = 1;
  std::string only;
};

void Measure(const char* name, const Packets* before, const Packets& packets, int repeats, const Settings& settings,
             const ItchBook::Options& options) {
  auto book = ItchBook::Create(options);
  if (!book.ok()) {
    std::fprintf(stderr, "%s\n", std::string(book.status().message()).c_str());
    std::exit(1);
  }
  StreamOnly stream;
  SlotsOnly slots(options.orders_max);
  Times times[] = {{"stream", {}}, {"slots", {}}, {"book", {}}};
  for (uint64_t round = 0; round < settings.rounds; ++round) {
    times[0].rounds.push_back(TimeOne(nullptr, packets, repeats, stream));
    times[1].rounds.push_back(TimeOne(before, packets, repeats, slots));
    times[2].rounds.push_back(TimeOne(before, packets, repeats, **book));
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"benchmark\": \"%s\", \"messages\": %lu, \"bytes\": %zu, \"repeats\": %d, \"checksum\": %lu,\n", name,
              packets.messages(), packets.bytes(), repeats, stream.sum);
  std::printf(" \"orders_live\": %lu, \"levels_live\": %lu, \"orders_hashed\": %lu, \"state_hash\": \"%016lx\",\n",
              (*book)->orders_live(), (*book)->levels_live(), (*book)->orders_hashed(), (*book)->StateHash());
  std::printf(" \"book_bytes\": %lu, \"rss_max_kb\": %ld,\n \"outcomes\": {", (*book)->bytes(), usage.ru_maxrss);
  for (size_t i = 0; i < kBookOutcomes; ++i) {
    const absl::string_view outcome = Name(static_cast<BookOutcome>(i));
    std::printf("%s\"%.*s\": %lu", i == 0 ? "" : ", ", static_cast<int>(outcome.size()), outcome.data(),
                (*book)->Outcomes()[i]);
  }
  std::printf("},\n \"times\": [");
  for (const Times& time : times) {
    if (&time != times) std::printf(",\n  ");
    time.Print();
  }
  std::printf("]}\n");
}

void MeasureDay(const Settings& settings) {
  Packets before(2), day(3);
  Packets* into = &before;
  itch::SyntheticDay source(
      {.symbols = static_cast<uint32_t>(settings.symbols), .live_orders = settings.live, .seed = settings.seed},
      [&](std::span<const uint8_t> message) { into->Add(message); });
  source.Open();
  source.Fill(settings.live);
  into = &day;
  day.Reserve(settings.messages * 36);
  source.Run(settings.messages);
  Measure("day", &before, day, 1, settings, {});
}

void MeasureEs(const Settings& settings) {
  const char* folder = std::getenv("FEEDFARM_DATA");
  auto reader = CaptureReader::Open(std::string(folder == nullptr ? "." : folder) + "/es-20231225.itch.gz");
  if (!reader.ok()) return (void)std::fprintf(stderr, "no es-20231225.itch.gz in FEEDFARM_DATA: es is left out\n");
  Packets packets(4);
  for (auto record = (*reader)->Next(); record.ok() && record->has_value(); record = (*reader)->Next()) {
    packets.Add((*record)->payload);
  }
  Measure("es", nullptr, packets, 20, settings, {.orders_max = 1 << 16, .levels_max = 1 << 14, .locates_max = 1 << 10});
}

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const size_t equals = flag.find('=');
    const std::string value(equals == flag.npos ? "" : flag.substr(equals + 1));
    const std::string_view name = flag.substr(0, equals);
    uint64_t* number = name == "--messages"  ? &settings.messages
                       : name == "--live"    ? &settings.live
                       : name == "--symbols" ? &settings.symbols
                       : name == "--rounds"  ? &settings.rounds
                       : name == "--seed"    ? &settings.seed
                                             : nullptr;
    if (name == "--only") {
      settings.only = value;
    } else if (number != nullptr && !value.empty()) {
      *number = std::strtoull(value.c_str(), nullptr, 10);
    } else {
      return std::fprintf(stderr, "unknown: %s\n", argv[i]), 2;
    }
  }
  if (settings.only != "day") MeasureEs(settings);
  if (settings.only != "es") MeasureDay(settings);
  return 0;
}

}  // namespace
}  // namespace feedfarm

int main(int argc, char** argv) { return feedfarm::Main(argc, argv); }
