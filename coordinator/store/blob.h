#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "coordinator/store/database.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {

// A record out of its blob. DATA_LOSS: these bytes are no such record.
template <class Record>
absl::Status ParseBlob(std::string_view bytes, Record* record) {
  if (record->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("a stored ", record->GetTypeName(), " cannot be read"));
}

// Every record that `sql` selects in its first column.
template <class Record>
absl::StatusOr<std::vector<Record>> ReadBlobs(Database& database, std::string_view sql) {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement, database.Prepare(sql));
  std::vector<Record> records;
  for (;;) {
    FEEDFARM_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return records;
    FEEDFARM_RETURN_IF_ERROR(ParseBlob(statement.Bytes(0), &records.emplace_back()));
  }
}

}  // namespace feedfarm
