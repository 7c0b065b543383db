#include "vedette/media/backoff.h"

#include <algorithm>
#include <cmath>

namespace vedette::media {

void BackoffOptions::fields(Fields& f) {
  f.number("initial_seconds", initial_seconds, "wait before the first retry", {0.01, 3600});
  f.number("max_seconds", max_seconds, "longest wait; waits double up to it", {0.01, 3600});
  f.number("jitter", jitter, "share of each wait that is random", {0, 1});
  f.number("healthy_seconds", healthy_seconds, "a connection that lasted so long resets the waits", {0, 86400});
}

Backoff::Backoff(BackoffOptions options, uint64_t seed) : options_(options), random_(seed) {}

void Backoff::connected(MonotonicTime now) {
  up_ = true;
  up_since_ = now;
  failures_ = 0;
}

Duration Backoff::failed(MonotonicTime now) {
  if (up_ && to_seconds(now - up_since_) >= options_.healthy_seconds) step_ = 0;
  up_ = false;
  ++failures_;
  const double longest = std::min(options_.max_seconds, options_.initial_seconds * std::exp2(std::min(step_, 40)));
  if (longest < options_.max_seconds) ++step_;
  return from_seconds(longest * (1 - options_.jitter * next_random()));
}

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
double Backoff::next_random() {
  uint64_t z = (random_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

}  // namespace vedette::media
