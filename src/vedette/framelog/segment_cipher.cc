#include "vedette/framelog/segment_cipher.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstring>
#include <string_view>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

void check(int result) {
  if (result != 1) throw Error(ErrorCode::kInternal, "OpenSSL refuses AES-256-GCM");
}

const uint8_t* raw(std::span<const std::byte> bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

}  // namespace

void random_bytes(std::span<uint8_t> into) {
  if (RAND_bytes(into.data(), static_cast<int>(into.size())) != 1) {
    throw Error(ErrorCode::kInternal, "OpenSSL has no random bytes");
  }
}

void SegmentCipher::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

SegmentCipher::SegmentCipher(const SecretKey& key, const std::array<uint8_t, 16>& salt,
                             std::span<const std::byte> associated, Direction direction)
    : context_(EVP_CIPHER_CTX_new()), associated_(associated), sealing_(direction == Direction::kSeal) {
  constexpr std::string_view kLabel = "vedette segment";
  std::array<uint8_t, kLabel.size() + 16> text{};
  std::memcpy(text.data(), kLabel.data(), kLabel.size());
  std::memcpy(text.data() + kLabel.size(), salt.data(), salt.size());
  SecretKey own{};
  unsigned size = 0;
  if (!context_ || HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), text.data(), text.size(), own.data(),
                        &size) == nullptr) {
    throw Error(ErrorCode::kInternal, "OpenSSL refuses HMAC-SHA-256");
  }
  check(EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, own.data(), nullptr, sealing_ ? 1 : 0));
}

SegmentCipher::~SegmentCipher() = default;

void SegmentCipher::begin(uint64_t chunk, std::span<const std::byte> in, std::span<std::byte> out) {
  std::array<uint8_t, 12> nonce{};
  std::memcpy(nonce.data(), &chunk, sizeof(chunk));
  check(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, nonce.data(), sealing_ ? 1 : 0));
  int size = 0;
  check(EVP_CipherUpdate(context_.get(), nullptr, &size, raw(associated_), static_cast<int>(associated_.size())));
  if (in.empty()) return;
  check(EVP_CipherUpdate(context_.get(), reinterpret_cast<uint8_t*>(out.data()), &size, raw(in),
                         static_cast<int>(in.size())));
}

SegmentCipher::Tag SegmentCipher::seal(uint64_t chunk, std::span<const std::byte> in, std::span<std::byte> out) {
  begin(chunk, in, out);
  std::array<uint8_t, 16> none{};
  int size = 0;
  check(EVP_CipherFinal_ex(context_.get(), none.data(), &size));
  Tag tag{};
  check(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag.size()), tag.data()));
  return tag;
}

bool SegmentCipher::open(uint64_t chunk, std::span<const std::byte> in, std::span<std::byte> out, const Tag& tag) {
  begin(chunk, in, out);
  Tag expected = tag;
  check(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(expected.size()), expected.data()));
  std::array<uint8_t, 16> none{};
  int size = 0;
  return EVP_CipherFinal_ex(context_.get(), none.data(), &size) == 1;
}

}  // namespace vedette::framelog
