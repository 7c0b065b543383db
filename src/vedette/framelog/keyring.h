#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace vedette::framelog {

using SecretKey = std::array<uint8_t, 32>;

/// The AES-256 keys of a store: the first one seals, all of them open. To change the key, put the new one in front and
/// leave the old one until the last segment it sealed is gone or was sealed again (Archive::reseal). Empty: segments
/// are written plain.
class Keyring {
 public:
  /// One key a line, 64 hexadecimal digits or base64 of 32 bytes; empty lines and lines that begin with # are passed
  /// over. Throws Error: kNotFound, kPermissionDenied (others than the owner may read the file), kInvalidConfig (a line
  /// is no key; says which).
  static Keyring from_file(const std::string& path);
  /// As from_file(), the keys apart by commas or line ends. Throws Error(kNotFound) when the variable is not set.
  static Keyring from_environment(const std::string& variable);
  /// The file if `path` is not empty, else the variable if it is set, else no keys.
  static Keyring from(const std::string& path, const std::string& variable);
  static Keyring of(std::vector<SecretKey> keys);

  bool empty() const { return keys_.empty(); }
  const SecretKey& sealing() const { return keys_.front(); }
  /// Null when no key has this id.
  const SecretKey* find(uint64_t id) const;

  /// What a segment says about its key: the first 8 bytes of SHA-256("vedette segment key" ‖ key). Never 0.
  static uint64_t id_of(const SecretKey& key);

 private:
  static Keyring parse(const std::string& text, const std::string& where);
  std::vector<SecretKey> keys_;
};

/// Makes a key file, readable by its owner only: 64 hexadecimal digits. Throws Error (kInvalidConfig when it exists).
void make_segment_key_file(const std::string& path);

}  // namespace vedette::framelog
