#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

/// What a benchmark of bounds promises, with the limit that it is held to.
namespace bench_bounds {

struct Promise {
  enum Sense { kAtLeast, kAtMost };
  std::string what;
  double value = 0;
  double limit = 0;
  Sense sense = kAtMost;

  bool kept() const { return sense == kAtLeast ? value >= limit : value <= limit; }
};

/// Prints them; whether all are kept.
inline bool print(const std::vector<Promise>& promises) {
  bool all = true;
  std::printf("\n");
  for (const auto& promise : promises) {
    all = all && promise.kept();
    std::printf("promise  %-62s %8.2f  %s %5.2f  %s\n", promise.what.c_str(), promise.value,
                promise.sense == Promise::kAtLeast ? "≥" : "≤", promise.limit, promise.kept() ? "kept" : "BROKEN");
  }
  return all;
}

inline nlohmann::ordered_json json_of(const std::vector<Promise>& promises) {
  nlohmann::ordered_json json;
  for (const auto& promise : promises)
    json[promise.what] = {{"value", promise.value},
                          {promise.sense == Promise::kAtLeast ? "at_least" : "at_most", promise.limit},
                          {"kept", promise.kept()}};
  return json;
}

}  // namespace bench_bounds
