#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "vedette/framelog/keyring.h"

struct evp_cipher_ctx_st;

namespace vedette::framelog {

/// AES-256-GCM over the chunks of one segment file (SegmentHeader says how). Not thread-safe.
class SegmentCipher {
 public:
  using Tag = std::array<std::byte, 16>;
  enum class Direction { kSeal, kOpen };

  /// `associated` (the header) must outlive it.
  SegmentCipher(const SecretKey& key, const std::array<uint8_t, 16>& salt, std::span<const std::byte> associated,
                Direction direction);
  ~SegmentCipher();
  SegmentCipher(const SegmentCipher&) = delete;
  SegmentCipher& operator=(const SegmentCipher&) = delete;

  /// `out` is as long as `in`, and may be the same.
  Tag seal(uint64_t chunk, std::span<const std::byte> in, std::span<std::byte> out);
  /// False when they were tampered with: `out` is then worthless. May work in place.
  bool open(uint64_t chunk, std::span<const std::byte> in, std::span<std::byte> out, const Tag& tag);

 private:
  void begin(uint64_t chunk, std::span<const std::byte> in, std::span<std::byte> out);
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
  std::span<const std::byte> associated_;
  bool sealing_;
};

/// Fills with random bytes from OpenSSL. Throws Error(kInternal).
void random_bytes(std::span<uint8_t> into);

}  // namespace vedette::framelog
