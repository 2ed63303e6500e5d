#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace feedfarm {

// A prepared statement, finalized with its object; must not outlive its database. Parameters and columns count from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  ~Statement();

  Statement& Bind(int parameter, uint64_t value);
  Statement& BindText(int parameter, std::string_view value);
  Statement& BindBlob(int parameter, std::string_view value);

  // True: a row can be read with the functions below. False: the end.
  absl::StatusOr<bool> Step();
  // Steps to the end; for statements without rows.
  absl::Status Run();

  uint64_t Integer(int column) const;
  // Bytes of a text or blob; the view lives until the next Step.
  std::string_view Bytes(int column) const;

 private:
  friend class Database;
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  sqlite3* database_;
  sqlite3_stmt* statement_;
};

// One SQLite file: WAL, synchronous=FULL, foreign keys on. A transaction that Commit answered OK survives kill -9 and a
// power cut. One thread at a time. Errors carry SQLite's text and the file's name: DATA_LOSS for a corrupt file or one
// that is no database, UNAVAILABLE for a full disk or I/O error, ABORTED for a lock of another process, else INTERNAL.
class Database {
 public:
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // One or more statements without parameters and rows.
  absl::Status Execute(const std::string& sql);
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // SQLite's user_version.
  absl::StatusOr<uint64_t> Version();

 private:
  explicit Database(sqlite3* database) : database_(database) {}
  sqlite3* database_;
};

}  // namespace feedfarm
