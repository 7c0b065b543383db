#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "vedette/base/error.h"
#include "vedette/fleet/store.h"

namespace vedette::fleet {
namespace {

constexpr int kSchemaVersion = 1;
constexpr int kApplicationId = 0x56445443;  // "VDTC"
constexpr int kBusyMs = 200;                // a controller that is just ending lets go soon

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct EndStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, std::string name, std::string url)
      : path_(std::move(path)), leader_{.self = true, .name = std::move(name), .url = std::move(url), .term = 1} {
    // Applications name cameras with their passwords: nobody else reads them. SQLite gives its log the same rights.
    if (path_ != ":memory:") {
      const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      if (file < 0) throw_errno(errno, "cannot open " + path_);
      ::close(file);
    }
    sqlite3* raw = nullptr;
    const int result = sqlite3_open_v2(path_.c_str(), &raw,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
    db_.reset(raw);
    if (result != SQLITE_OK) fail("open", result);
    sqlite3_busy_timeout(db_.get(), kBusyMs);
    // Exclusive: the file is this controller's from the first read on, and the lock dies with the process.
    run("PRAGMA locking_mode=EXCLUSIVE");
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("BEGIN EXCLUSIVE");
    check_schema();
    run("COMMIT");
    if (text_of("PRAGMA quick_check(1)") != "ok") fail("read", SQLITE_CORRUPT);
  }

  std::vector<Entry> read(const std::string& prefix) override {
    const std::lock_guard lock(mutex_);
    const Statement statement =
        prepare("SELECT key, value, version FROM entry WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key");
    bind(statement, 1, prefix);
    std::vector<Entry> entries;
    while (step(statement))
      entries.push_back(
          {text(statement, 0), text(statement, 1), static_cast<uint64_t>(sqlite3_column_int64(statement.get(), 2))});
    return entries;
  }

  bool commit(std::span<const Write> writes) override {
    const std::lock_guard lock(mutex_);
    run("BEGIN IMMEDIATE");
    try {
      const bool done = apply(writes);
      run(done ? "COMMIT" : "ROLLBACK");
      return done;
    } catch (...) {
      sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
      throw;
    }
  }

  Leader leader() const override { return leader_; }
  std::string_view kind() const override { return "sqlite"; }

 private:
  bool apply(std::span<const Write> writes) {
    for (const Write& write : writes) {
      if (write.expected && version_of(write.key) != *write.expected) return false;
      if (write.value) {
        const Statement put = prepare(
            "INSERT INTO entry(key, value, version) VALUES(?1, ?2, 1) "
            "ON CONFLICT(key) DO UPDATE SET value = excluded.value, version = version + 1");
        bind(put, 1, write.key);
        bind(put, 2, *write.value);
        step(put);
      } else {
        const Statement remove = prepare("DELETE FROM entry WHERE key = ?1");
        bind(remove, 1, write.key);
        step(remove);
      }
    }
    return true;
  }

  uint64_t version_of(const std::string& key) {
    const Statement statement = prepare("SELECT version FROM entry WHERE key = ?1");
    bind(statement, 1, key);
    return step(statement) ? static_cast<uint64_t>(sqlite3_column_int64(statement.get(), 0)) : 0;
  }

  void check_schema() {
    const int version = number_of("PRAGMA user_version"), id = number_of("PRAGMA application_id");
    const bool empty = number_of("SELECT count(*) FROM sqlite_master") == 0;
    if (version > kSchemaVersion)
      throw Error(ErrorCode::kInvalidData,
                  fmt::format("{} is of version {}, this program knows up to {}", path_, version, kSchemaVersion),
                  "use the newer program, or another file");
    if (version == kSchemaVersion && id == kApplicationId) return;
    if (!empty)
      throw Error(ErrorCode::kInvalidData, fmt::format("{} is a database, but not a controller's", path_),
                  "name another file");
    run("CREATE TABLE entry(key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID");
    run(fmt::format("PRAGMA user_version={}", kSchemaVersion).c_str());
    run(fmt::format("PRAGMA application_id={}", kApplicationId).c_str());
  }

  void run(const char* sql) {
    const int result = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) fail("use", result);
  }
  Statement prepare(const char* sql) {
    sqlite3_stmt* raw = nullptr;
    const int result = sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr);
    Statement statement(raw);
    if (result != SQLITE_OK) fail("use", result);
    return statement;
  }
  void bind(const Statement& statement, int index, const std::string& value) {
    const int result =
        sqlite3_bind_text(statement.get(), index, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    if (result != SQLITE_OK) fail("use", result);
  }
  bool step(const Statement& statement) {
    const int result = sqlite3_step(statement.get());
    if (result != SQLITE_ROW && result != SQLITE_DONE) fail("use", result);
    return result == SQLITE_ROW;
  }
  static std::string text(const Statement& statement, int column) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), column));
    return bytes ? std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement.get(), column))) : "";
  }
  int number_of(const char* sql) {
    const Statement statement = prepare(sql);
    return step(statement) ? sqlite3_column_int(statement.get(), 0) : 0;
  }
  std::string text_of(const char* sql) {
    const Statement statement = prepare(sql);
    return step(statement) ? text(statement, 0) : "";
  }

  [[noreturn]] void fail(const char* what, int result) {
    const int code = result & 0xff;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
      throw Error(ErrorCode::kInvalidData, fmt::format("{} is corrupt or no database", path_),
                  "move it away and start again: nodes go on, and `vedette apply` brings the applications back");
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
      throw Error(ErrorCode::kAddressInUse, fmt::format("{} is in use by another controller", path_),
                  "end that one first, or name another file");
    const std::string reason = db_ ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(result);
    const ErrorCode kind = code == SQLITE_FULL                              ? ErrorCode::kExhausted
                           : code == SQLITE_READONLY || code == SQLITE_PERM ? ErrorCode::kPermissionDenied
                           : code == SQLITE_CANTOPEN                        ? ErrorCode::kNotFound
                                                                            : ErrorCode::kInternal;
    throw Error(kind, fmt::format("cannot {} {}: {}", what, path_, reason),
                code == SQLITE_CANTOPEN ? "its folder must exist and be writable" : "");
  }

  const std::string path_;
  const Leader leader_;
  std::mutex mutex_;
  Database db_;
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const std::string& path, const std::string& name, const std::string& url) {
  return std::make_unique<SqliteStore>(path, name, url);
}

}  // namespace vedette::fleet
