#include "vedette/base/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace vedette {

void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  constexpr rlim_t kMost = 1 << 20;  // what systems allow unless they were told otherwise
  const rlim_t wanted = std::max(limit.rlim_cur, std::min(limit.rlim_max, kMost));
  const rlimit raised{wanted, limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &raised);  // else it stays as it was
}

}  // namespace vedette
