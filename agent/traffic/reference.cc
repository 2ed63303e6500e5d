#include "agent/traffic/reference.h"

#include <array>
#include <string>

#include "absl/strings/str_format.h"
#include "pipeline/feed/stream_hash.h"

namespace feedfarm {
namespace {

constexpr size_t kEmptyType = 256;

std::string TypeText(size_t type) {
  if (type == kEmptyType) return "empty";
  if (type > ' ' && type <= '~') return std::string(1, static_cast<char>(type));
  return absl::StrFormat("0x%02x", type);
}

}  // namespace

void FillReference(const StreamContent& content, v1::SourceResult& result) {
  const MessageStore& store = *content.store;
  StreamHash hash;
  std::array<uint64_t, kEmptyType + 1> types{};
  for (const StreamSegment& segment : store.segments()) {
    const uint64_t end = store.segment_end(segment);
    for (uint64_t index = segment.first_index; index < end; ++index) {
      const std::span<const uint8_t> message = store.message(index);
      ++types[message.empty() ? kEmptyType : message[0]];
      hash.Add(segment.generation, segment.first_sequence + (index - segment.first_index), message);
    }
  }
  result.set_messages(store.messages());
  for (size_t type = 0; type < types.size(); ++type) {
    if (types[type] == 0) continue;
    v1::TypeCount* count = result.add_types();
    count->set_type(TypeText(type));
    count->set_messages(types[type]);
  }
  result.set_reference_hash(hash.ToString());
  result.set_session_restarts(content.session_restarts);
  result.set_session_changes(content.session_changes);
  result.set_truncated_records(content.truncated_records);
  result.set_foreign_records(content.foreign_records);
  result.set_capture_missing_messages(content.missing_messages);
  result.set_capture_repeated_messages(content.repeated_messages);
}

}  // namespace feedfarm
