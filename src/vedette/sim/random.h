#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace vedette::sim {

/// xoshiro256** (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2019), seeded by splitmix64.
/// Its own distributions, so that a seed gives the same numbers with every standard library. `purpose` and `index` part
/// the numbers of one use from those of another: what one camera draws does not depend on how many others there are.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t purpose = 0, uint64_t index = 0) {
    uint64_t x = mix(seed + 0x9e3779b97f4a7c15 * (purpose + 1)) ^ mix(index + 0x632be59bd9b4e019);
    for (auto& word : state_) word = mix(x += 0x9e3779b97f4a7c15);
  }

  uint64_t next() {
    const uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  ///< 0 ≤ x < 1
  double between(double low, double high) { return low + (high - low) * unit(); }
  size_t below(size_t n) { return static_cast<size_t>(unit() * static_cast<double>(n)); }
  bool chance(double p) { return unit() < p; }
  double exponential() { return -std::log(1 - unit()); }  ///< of mean 1

  /// About normal, of mean 0 and variance 1, within ±3: without logarithms.
  double about_normal() { return 2 * (unit() + unit() + unit() - 1.5); }

  double normal() {
    if (spare_ok_) {
      spare_ok_ = false;
      return spare_;
    }
    const double radius = std::sqrt(2 * exponential()), angle = 2 * std::numbers::pi * unit();
    spare_ = radius * std::sin(angle);
    spare_ok_ = true;
    return radius * std::cos(angle);
  }

 private:
  static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }
  static uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }

  std::array<uint64_t, 4> state_{};
  double spare_ = 0;
  bool spare_ok_ = false;
};

/// Log-normal spread of mean 1 with a given coefficient of variation: of service times, which are never negative and
/// have a long end.
class Spread {
 public:
  Spread() = default;
  explicit Spread(double variation) : sigma_(std::sqrt(std::log1p(variation * variation))) {}
  double draw(Random& random) const {
    return sigma_ > 0 ? std::exp(sigma_ * random.normal() - sigma_ * sigma_ / 2) : 1;
  }

 private:
  double sigma_ = 0;
};

}  // namespace vedette::sim
