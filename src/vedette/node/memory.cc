#include "vedette/node/memory.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "vedette/base/error.h"
#include "vedette/base/log.h"

namespace vedette::node {
namespace {

constexpr int kBusyMs = 500;  // a predecessor that is just ending may still have it
constexpr int kLargestPlanBytes = 64 << 20;

/// The file is no database, or not a sound one: as against one that cannot be reached now.
class Unsound : public Error {
 public:
  using Error::Error;
};

[[noreturn]] void fail(sqlite3* database, int result, const std::string& path) {
  const std::string why = database ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::kAddressInUse, path + " is in use by another node",
                  "give each node a state folder of its own");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH: throw Unsound(ErrorCode::kInvalidData, path + ": " + why);
    case SQLITE_FULL: throw Error(ErrorCode::kExhausted, path + ": " + why, "free some disk space");
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH: throw Error(ErrorCode::kPermissionDenied, path + ": " + why);
    default: throw Error(ErrorCode::kInternal, path + ": " + why);
  }
}

class Statement {
 public:
  Statement(sqlite3* database, const char* sql, const std::string& path) : database_(database), path_(path) {
    check(sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int at, const std::string& text) {
    check(sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
  }
  /// True when there is a row.
  bool step() {
    const int result = sqlite3_step(statement_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) fail(database_, result, path_);
    return result == SQLITE_ROW;
  }
  std::string text() {
    const auto* text = sqlite3_column_text(statement_, 0);
    return text ? std::string(reinterpret_cast<const char*>(text),
                              static_cast<size_t>(sqlite3_column_bytes(statement_, 0)))
                : std::string();
  }

 private:
  void check(int result) {
    if (result != SQLITE_OK) fail(database_, result, path_);
  }
  sqlite3* database_;
  const std::string& path_;
  sqlite3_stmt* statement_ = nullptr;
};

void run(sqlite3* database, const char* sql, const std::string& path) {
  const int result = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) fail(database, result, path);
}

std::string make_folder(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) ::chmod(folder.c_str(), 0700);
  if (error) throw_errno(error.value(), "cannot make the state folder " + folder);
  return folder;
}

}  // namespace

Memory::Memory(const std::string& folder, std::string node)
    : path_(make_folder(folder) + "/node.db"), node_(std::move(node)) {
  try {
    open();
    load();
  } catch (const Unsound& e) {
    set_aside(e.what());
    open();
  } catch (...) {
    close();
    throw;
  }
}

Memory::~Memory() { close(); }

void Memory::open() {
  try {
    const int result = sqlite3_open_v2(path_.c_str(), &database_,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
    if (result != SQLITE_OK) fail(database_, result, path_);
    ::chmod(path_.c_str(), 0600);
    sqlite3_busy_timeout(database_, kBusyMs);
    sqlite3_limit(database_, SQLITE_LIMIT_LENGTH, kLargestPlanBytes);
    // The lock is taken by the first transaction that writes and kept until the file is closed.
    run(database_, "PRAGMA locking_mode=EXCLUSIVE", path_);
    run(database_, "PRAGMA synchronous=FULL", path_);
    run(database_, "PRAGMA trusted_schema=OFF", path_);
    run(database_, "BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS memory(key TEXT PRIMARY KEY, value TEXT NOT NULL)",
        path_);
    run(database_, "COMMIT", path_);
    Statement check(database_, "PRAGMA quick_check(1)", path_);
    if (!check.step() || check.text() != "ok") throw Unsound(ErrorCode::kInvalidData, path_ + ": " + check.text());
  } catch (...) {
    close();
    throw;
  }
}

void Memory::close() {
  sqlite3_close_v2(database_);
  database_ = nullptr;
}

void Memory::set_aside(const std::string& why) {
  close();
  const std::string bad = path_ + ".bad";
  if (std::rename(path_.c_str(), bad.c_str()) != 0)
    throw_errno(errno, "the node's memory " + path_ + " is damaged and cannot be moved aside");
  std::error_code ignored;
  std::filesystem::remove(path_ + "-journal", ignored);
  plan_.reset();
  log::error("the node's memory is damaged and starts empty: {} (kept as {})", why, bad);
}

void Memory::load() {
  const auto node = read("node");
  const auto text = read("plan");
  if (!node || !text) return;
  if (*node != node_) {
    log::warn("{} holds the plan of node '{}'; this node is '{}' and does not use it", path_, *node, node_);
    return;
  }
  try {
    plan_ = plan::node_plan_from_json(*text);
  } catch (const Error& e) {
    throw Unsound(ErrorCode::kInvalidData, path_ + ": " + e.what());
  }
}

void Memory::save(const plan::NodePlan& plan) {
  run(database_, "BEGIN IMMEDIATE", path_);
  try {
    write("node", node_);
    write("plan", plan::to_json(plan));
    run(database_, "COMMIT", path_);
  } catch (...) {
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
  plan_ = plan;
}

int Memory::begin_start() {
  int starts = 0;
  if (const auto text = read("starts")) std::from_chars(text->data(), text->data() + text->size(), starts);
  write("starts", std::to_string(++starts));
  return starts;
}

void Memory::settled() { write("starts", "0"); }

void Memory::write(const char* key, const std::string& value) {
  Statement statement(database_, "INSERT OR REPLACE INTO memory(key, value) VALUES(?, ?)", path_);
  statement.bind(1, key);
  statement.bind(2, value);
  statement.step();
}

std::optional<std::string> Memory::read(const char* key) {
  Statement statement(database_, "SELECT value FROM memory WHERE key = ?", path_);
  statement.bind(1, key);
  if (!statement.step()) return std::nullopt;
  return statement.text();
}

}  // namespace vedette::node
