#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace vedette {

/// What kind of outside cause stopped an operation. Each code has one exit status (sysexits.h) and one HTTP status.
enum class ErrorCode {
  kUsage,             ///< the command line or request is malformed
  kInvalidConfig,     ///< an application, model card or settings file is wrong
  kInvalidData,       ///< bytes from outside do not parse: truncated video, wrong tensor shape, …
  kNotFound,          ///< a file, model, stream or host does not exist
  kUnavailable,       ///< it exists but does not answer now; a retry may help
  kTimeout,           ///< a deadline passed
  kPermissionDenied,  ///< no rights
  kExhausted,         ///< disk full, out of memory, a limit reached
  kAddressInUse,      ///< the port is taken
  kInternal,          ///< a library reported something that should not happen
};

/// The one exception for causes outside the program (a programmer's mistake is a VEDETTE_ASSERT).
/// `what()` is one line: what happened and where; `hint()` says what to do about it and may be empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& what, std::string hint = {});

  ErrorCode code() const { return code_; }
  const std::string& hint() const { return hint_; }
  /// "what (hint)" on one line, as the command line and HTTP answers print it.
  std::string line() const;

 private:
  ErrorCode code_;
  std::string hint_;
};

/// Process exit status for a code, after sysexits.h (64 usage, 65 data, 66 no input, 69 unavailable, 70 software, 73
/// cannot create, 74 I/O, 75 temporary failure, 77 no permission, 78 configuration).
int exit_status(ErrorCode code);

/// HTTP status for a code (400, 404, 403, 409, 500, 503, 504, 507).
int http_status(ErrorCode code);

/// Lower-case word for a code, used in JSON answers and as a metric label ("invalid_config").
std::string_view to_string(ErrorCode code);

/// Throws Error with the meaning of `errno_value` after a failed system call on `what` ("cannot write /x/y: No space
/// left…").
[[noreturn]] void throw_errno(int errno_value, const std::string& what);

namespace detail {
[[noreturn]] void assertion_failed(const char* expression, std::source_location where);
}  // namespace detail

}  // namespace vedette

/// An invariant whose breach is our own mistake. Stays on in release builds; aborts with the expression and its place.
#define VEDETTE_ASSERT(expression)     \
  ((expression) ? static_cast<void>(0) \
                : ::vedette::detail::assertion_failed(#expression, std::source_location::current()))
