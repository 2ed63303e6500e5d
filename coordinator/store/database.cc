#include "coordinator/store/database.h"

#include <glog/logging.h>
#include <sqlite3.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "pipeline/base/status_macros.h"

namespace feedfarm {
namespace {

// Another process' lock is waited for this long: the state folder's lock should have kept it away.
constexpr int kBusyTimeoutMs = 2000;

absl::StatusCode CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return absl::StatusCode::kUnavailable;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kAborted;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status ErrorOf(sqlite3* database, int code, std::string_view what) {
  const char* path = sqlite3_db_filename(database, "main");
  return absl::Status(CodeOf(code), absl::StrCat("database ", path == nullptr ? "" : path, ": ", sqlite3_errmsg(database),
                                                 " (", absl::string_view(what.data(), what.size()), ")"));
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int parameter, uint64_t value) {
  CHECK_EQ(sqlite3_bind_int64(statement_, parameter + 1, static_cast<sqlite3_int64>(value)), SQLITE_OK);
  return *this;
}

Statement& Statement::BindText(int parameter, std::string_view value) {
  CHECK_EQ(sqlite3_bind_text64(statement_, parameter + 1, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8),
           SQLITE_OK);
  return *this;
}

Statement& Statement::BindBlob(int parameter, std::string_view value) {
  // A null pointer would be bound as NULL.
  const char* at = value.empty() ? "" : value.data();
  CHECK_EQ(sqlite3_bind_blob64(statement_, parameter + 1, at, value.size(), SQLITE_TRANSIENT), SQLITE_OK);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ErrorOf(database_, code, sqlite3_sql(statement_));
}

absl::Status Statement::Run() {
  for (;;) {
    FEEDFARM_ASSIGN_OR_RETURN(const bool more, Step());
    if (!more) return absl::OkStatus();
  }
}

uint64_t Statement::Integer(int column) const {
  return static_cast<uint64_t>(sqlite3_column_int64(statement_, column));
}

std::string_view Statement::Bytes(int column) const {
  const void* at = sqlite3_column_blob(statement_, column);
  return {static_cast<const char*>(at), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(raw));
  if (code != SQLITE_OK) {
    return absl::Status(CodeOf(code), absl::StrCat("database ", path, ": ", sqlite3_errstr(code)));
  }
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  FEEDFARM_RETURN_IF_ERROR(
      database->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"));
  return database;
}

Database::~Database() { sqlite3_close_v2(database_); }

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorOf(database_, code, sql);
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return ErrorOf(database_, code, sql);
  return Statement(database_, statement);
}

absl::StatusOr<uint64_t> Database::Version() {
  FEEDFARM_ASSIGN_OR_RETURN(Statement statement, Prepare("PRAGMA user_version"));
  FEEDFARM_RETURN_IF_ERROR(statement.Step().status());
  return statement.Integer(0);
}

}  // namespace feedfarm
