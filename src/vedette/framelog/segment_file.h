#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/framelog/keyring.h"
#include "vedette/framelog/segment.h"

namespace vedette::framelog {

/// What a file holds, first and last inclusive.
struct SegmentRange {
  uint64_t first_sequence = 0, last_sequence = 0;
  int64_t first_time_us = 0, last_time_us = 0;

  bool covers(const SegmentRange& other) const {
    return first_sequence <= other.first_sequence && other.last_sequence <= last_sequence;
  }
};

/// The form of a segment on disk. All numbers are little endian.
///
///   header   256 bytes, last 4: CRC32C of the rest
///   data     the records' bytes as they lie in memory, in chunks of 1 MiB, each followed by its tag when sealed
///   index    one IndexEntry and the CRC32C of its bytes a record (44 bytes), followed by its tag when sealed
///   footer   16 bytes: magic, CRC32C of everything before the footer, CRC32C of the 12 bytes before this
///
/// Sealed: AES-256-GCM (NIST SP 800-38D) with a key of the file's own, HMAC-SHA-256(key, "vedette segment" ‖ salt) with
/// a random salt of 16 bytes; the nonce is the chunk's number, the index is the last chunk, and the header is the
/// additional data of every one. The header says how many chunks, records and bytes there are, so that nothing can be
/// cut off, put in, moved within a file or between files.
struct SegmentHeader {
  static constexpr size_t kBytes = 256;
  static constexpr size_t kFooterBytes = 16;
  static constexpr size_t kEntryBytes = 44;
  static constexpr size_t kTagBytes = 16;
  static constexpr size_t kChunkBytes = size_t{1} << 20;
  static constexpr size_t kMaxCameraBytes = 127;
  /// Larger ones are taken for corrupt: no log has larger segments.
  static constexpr uint64_t kMaxDataBytes = uint64_t{1} << 30;
  static constexpr uint64_t kMaxSequence = uint64_t{1} << 62;
  static constexpr int64_t kMaxTimeUs = 7'258'118'400'000'000;  // 2200: there is room for sums of nanoseconds

  std::string camera{};
  uint64_t key_id = 0;  ///< 0: plain
  std::array<uint8_t, 16> salt{};
  SegmentRange range{};
  uint32_t records = 0;
  uint64_t data_bytes = 0;

  bool sealed() const { return key_id != 0; }
  uint64_t chunks() const { return (data_bytes + kChunkBytes - 1) / kChunkBytes; }
  uint64_t index_bytes() const { return uint64_t{records} * kEntryBytes + (sealed() ? kTagBytes : 0); }
  uint64_t index_offset() const { return kBytes + data_bytes + (sealed() ? chunks() * kTagBytes : 0); }
  /// What it takes in memory: room for the last record's padding, which is not on disk, and for the index.
  uint64_t memory_bytes() const { return data_bytes + Segment::kAlign + uint64_t{records} * sizeof(IndexEntry); }
  uint64_t file_bytes() const { return index_offset() + index_bytes() + kFooterBytes; }
};

/// Why a file is no good segment.
class SegmentFault : public Error {
 public:
  enum class Kind { kTorn, kTampered, kUnknownKey };
  SegmentFault(Kind kind, const std::string& what, std::string hint = {})
      : Error(kind == Kind::kUnknownKey ? ErrorCode::kPermissionDenied : ErrorCode::kInvalidData, what,
              std::move(hint)),
        kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

/// Records [begin, end) of a segment, to be written as a file. The segment must outlive it.
class SegmentImage {
 public:
  SegmentImage(const Segment& segment, uint32_t begin, uint32_t end, const std::string& camera, const Keyring& keys);
  const SegmentHeader& header() const { return header_; }
  /// Hands the file to `sink` piece by piece, front to back.
  void write(const std::function<void(std::span<const std::byte>)>& sink) const;

 private:
  const Segment& segment_;
  uint32_t begin_;
  SegmentHeader header_;
  const SecretKey* key_;
};

/// Reads `into.size()` bytes of a file from an offset; throws Error when they are not there.
using ReadAt = std::function<void(uint64_t offset, std::span<std::byte> into)>;

/// Throws SegmentFault; never trusts a length it has not checked against `file_bytes`.
SegmentHeader read_header(const ReadAt& read, uint64_t file_bytes);
/// Header and index, the bytes unread: what can be known cheaply. Throws as read_header(), Error(kExhausted) without
/// memory.
SegmentHeader check_structure(const ReadAt& read, uint64_t file_bytes, const Keyring& keys);
/// The whole file, every byte of it checked. Throws as check_structure().
std::shared_ptr<Segment> load_segment(const ReadAt& read, uint64_t file_bytes, const Keyring& keys);

}  // namespace vedette::framelog
