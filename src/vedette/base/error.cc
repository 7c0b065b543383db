#include "vedette/base/error.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace vedette {
namespace {

struct CodeRow {
  std::string_view word;
  int exit_status;
  int http_status;
};

constexpr std::array<CodeRow, 10> kCodes{{
    {"usage", 64, 400},
    {"invalid_config", 78, 400},
    {"invalid_data", 65, 400},
    {"not_found", 66, 404},
    {"unavailable", 69, 503},
    {"timeout", 75, 504},
    {"permission_denied", 77, 403},
    {"exhausted", 74, 507},
    {"address_in_use", 69, 409},
    {"internal", 70, 500},
}};

const CodeRow& row(ErrorCode code) { return kCodes.at(static_cast<size_t>(code)); }

ErrorCode code_of_errno(int value) {
  switch (value) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOTDIR: return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return ErrorCode::kExhausted;
    case EADDRINUSE: return ErrorCode::kAddressInUse;
    case ETIMEDOUT: return ErrorCode::kTimeout;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH: return ErrorCode::kUnavailable;
    default: return ErrorCode::kInternal;
  }
}

}  // namespace

Error::Error(ErrorCode code, const std::string& what, std::string hint)
    : std::runtime_error(what), code_(code), hint_(std::move(hint)) {}

std::string Error::line() const { return hint_.empty() ? what() : std::string(what()) + " (" + hint_ + ")"; }

int exit_status(ErrorCode code) { return row(code).exit_status; }
int http_status(ErrorCode code) { return row(code).http_status; }
std::string_view to_string(ErrorCode code) { return row(code).word; }

void throw_errno(int errno_value, const std::string& what) {
  throw Error(code_of_errno(errno_value), what + ": " + std::generic_category().message(errno_value));
}

namespace detail {
void assertion_failed(const char* expression, std::source_location where) {
  std::fprintf(stderr, "vedette: assertion failed: %s at %s:%u\n", expression, where.file_name(), where.line());
  std::abort();
}
}  // namespace detail

}  // namespace vedette
