#include "vedette/framelog/segment_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "vedette/framelog/crc32c.h"
#include "vedette/framelog/segment_cipher.h"

namespace vedette::framelog {
namespace {

using Kind = SegmentFault::Kind;
using HeaderBytes = std::array<std::byte, SegmentHeader::kBytes>;
using FooterBytes = std::array<std::byte, SegmentHeader::kFooterBytes>;

constexpr std::array<char, 8> kMagic = {'V', 'E', 'D', 'S', 'E', 'G', '1', '\n'};
constexpr std::array<char, 8> kEndMagic = {'V', 'E', 'D', 'S', 'E', 'G', 'E', '\n'};
constexpr uint32_t kVersion = 1;

// Where a header's fields begin.
enum HeaderField : size_t {
  kAtMagic = 0,
  kAtVersion = 8,
  kAtRecords = 12,
  kAtKey = 16,
  kAtSalt = 24,
  kAtRange = 40,
  kAtDataBytes = 72,
  kAtChunkBytes = 80,
  kAtCameraBytes = 84,
  kAtCamera = 85,
  kAtCrc = 252,
};
static_assert(sizeof(SegmentRange) == 32 && kAtCamera + SegmentHeader::kMaxCameraBytes <= kAtCrc);

template <typename T, size_t N>
void put(std::array<std::byte, N>& bytes, size_t at, const T& value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}
template <typename T, size_t N>
T get(const std::array<std::byte, N>& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

HeaderBytes encode(const SegmentHeader& header) {
  HeaderBytes bytes{};
  put(bytes, kAtMagic, kMagic);
  put(bytes, kAtVersion, kVersion);
  put(bytes, kAtRecords, header.records);
  put(bytes, kAtKey, header.key_id);
  put(bytes, kAtSalt, header.salt);
  put(bytes, kAtRange, header.range);
  put(bytes, kAtDataBytes, header.data_bytes);
  put(bytes, kAtChunkBytes, static_cast<uint32_t>(SegmentHeader::kChunkBytes));
  put(bytes, kAtCameraBytes, static_cast<uint8_t>(header.camera.size()));
  std::memcpy(bytes.data() + kAtCamera, header.camera.data(), header.camera.size());
  put(bytes, kAtCrc, crc32c(std::span(bytes).first(kAtCrc)));
  return bytes;
}

SegmentHeader decode(const HeaderBytes& bytes, uint64_t file_bytes) {
  const auto refuse = [](const std::string& what) { throw SegmentFault(Kind::kTorn, what); };
  if (get<std::array<char, 8>>(bytes, kAtMagic) != kMagic) refuse("it does not begin as a segment does");
  if (get<uint32_t>(bytes, kAtCrc) != crc32c(std::span(bytes).first(kAtCrc))) refuse("its header is damaged");
  if (const auto version = get<uint32_t>(bytes, kAtVersion); version != kVersion) {
    refuse(fmt::format("it is of version {}; this program reads version {}", version, kVersion));
  }
  SegmentHeader header;
  header.records = get<uint32_t>(bytes, kAtRecords);
  header.key_id = get<uint64_t>(bytes, kAtKey);
  header.salt = get<std::array<uint8_t, 16>>(bytes, kAtSalt);
  header.range = get<SegmentRange>(bytes, kAtRange);
  header.data_bytes = get<uint64_t>(bytes, kAtDataBytes);
  const size_t camera_bytes = std::to_integer<size_t>(bytes[kAtCameraBytes]);
  const SegmentRange& range = header.range;
  // Every record begins on a boundary of its own, which bounds the index by the data.
  if (camera_bytes > SegmentHeader::kMaxCameraBytes || header.records == 0 || header.data_bytes == 0 ||
      header.data_bytes > SegmentHeader::kMaxDataBytes ||
      header.records > (header.data_bytes - 1) / Segment::kAlign + 1 ||
      get<uint32_t>(bytes, kAtChunkBytes) != SegmentHeader::kChunkBytes ||
      range.last_sequence > SegmentHeader::kMaxSequence || range.last_sequence < range.first_sequence ||
      range.first_time_us < -SegmentHeader::kMaxTimeUs || range.last_time_us > SegmentHeader::kMaxTimeUs ||
      range.last_time_us < range.first_time_us) {
    refuse("its header makes no sense");
  }
  if (header.memory_bytes() > SegmentHeader::kMaxDataBytes + 4096) refuse("it is larger than any segment");
  header.camera.assign(reinterpret_cast<const char*>(bytes.data()) + kAtCamera, camera_bytes);
  if (header.file_bytes() != file_bytes) {
    refuse(fmt::format("it has {} bytes where its header says {}", file_bytes, header.file_bytes()));
  }
  return header;
}

/// Reads a file front to back, keeping the checksum of everything seen.
class Reader {
 public:
  Reader(const ReadAt& read, uint64_t file_bytes) : read_(read), file_bytes_(file_bytes) {
    if (file_bytes < header_bytes_.size()) {
      throw SegmentFault(Kind::kTorn, fmt::format("it has {} bytes; a header alone has 256", file_bytes));
    }
    next(header_bytes_);
    header_ = decode(header_bytes_, file_bytes);
  }

  void next(std::span<std::byte> into) {
    read_(at_, into);
    at_ += into.size();
    crc_ = crc32c(into, crc_);
  }
  /// Goes on elsewhere: the checksum is then no longer the file's.
  void seek(uint64_t offset) { at_ = offset; }

  const SegmentHeader& header() const { return header_; }

  std::optional<SegmentCipher> cipher(const Keyring& keys) const {
    if (!header_.sealed()) return std::nullopt;
    const SecretKey* key = keys.find(header_.key_id);
    if (key == nullptr) {
      throw SegmentFault(Kind::kUnknownKey,
                         fmt::format("it is sealed with key {:016x}, which is not among those given", header_.key_id),
                         "give that key as well");
    }
    return std::optional<SegmentCipher>(std::in_place, *key, header_.salt, std::span(header_bytes_),
                                        SegmentCipher::Direction::kOpen);
  }

  void chunk(uint64_t number, std::span<std::byte> into, std::optional<SegmentCipher>& cipher) {
    next(into);
    if (!cipher) return;
    SegmentCipher::Tag tag{};
    next(tag);
    if (!cipher->open(number, into, into, tag)) {
      throw SegmentFault(Kind::kTampered,
                         fmt::format("chunk {} of {} is not what was sealed", number + 1, header_.chunks() + 1));
    }
  }

  std::vector<std::byte> index(std::optional<SegmentCipher>& cipher) {
    std::vector<std::byte> lines(size_t{header_.records} * SegmentHeader::kEntryBytes);
    chunk(header_.chunks(), lines, cipher);
    return lines;
  }

  void footer(bool whole) {
    const uint32_t crc = crc_;
    FooterBytes bytes{};
    read_(file_bytes_ - bytes.size(), bytes);
    if (get<std::array<char, 8>>(bytes, 0) != kEndMagic ||
        get<uint32_t>(bytes, 12) != crc32c(std::span(bytes).first(12))) {
      throw SegmentFault(Kind::kTorn, "its end is missing");
    }
    if (whole && get<uint32_t>(bytes, 8) != crc) throw SegmentFault(Kind::kTorn, "its checksum does not fit");
  }

 private:
  const ReadAt& read_;
  uint64_t file_bytes_;
  HeaderBytes header_bytes_{};
  SegmentHeader header_;
  uint64_t at_ = 0;
  uint32_t crc_ = 0;
};

struct IndexLine {
  IndexEntry entry;
  uint32_t crc;
};

/// The lines of an index, each of which makes sense where it stands.
std::vector<IndexLine> parse_index(const std::vector<std::byte>& bytes, const SegmentHeader& header) {
  std::vector<IndexLine> lines(header.records);
  uint64_t offset = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    IndexLine& line = lines[i];
    const std::byte* from = bytes.data() + i * SegmentHeader::kEntryBytes;
    std::memcpy(&line.entry, from, sizeof(line.entry));
    std::memcpy(&line.crc, from + sizeof(line.entry), sizeof(line.crc));
    const IndexEntry& entry = line.entry;
    const bool grows =
        i == 0 || (entry.time_us > lines[i - 1].entry.time_us && entry.sequence > lines[i - 1].entry.sequence);
    if (!grows || entry.offset != offset || entry.size == 0 || entry.size >= kMaxFrameBytes ||
        offset + entry.size > header.data_bytes || entry.codec > static_cast<uint8_t>(kLastCodec)) {
      throw SegmentFault(Kind::kTampered, fmt::format("line {} of its index makes no sense", i + 1));
    }
    offset = (offset + entry.size + Segment::kAlign - 1) / Segment::kAlign * Segment::kAlign;
  }
  const IndexEntry& first = lines.front().entry;
  const IndexEntry& last = lines.back().entry;
  if (uint64_t{last.offset} + last.size != header.data_bytes || first.sequence != header.range.first_sequence ||
      last.sequence != header.range.last_sequence || first.time_us != header.range.first_time_us ||
      last.time_us != header.range.last_time_us) {
    throw SegmentFault(Kind::kTampered, "its index and its header disagree");
  }
  return lines;
}

[[noreturn]] void throw_no_memory(uint64_t file_bytes) {
  throw Error(ErrorCode::kExhausted, fmt::format("there is no memory to read its {} bytes", file_bytes));
}

}  // namespace

SegmentImage::SegmentImage(const Segment& segment, uint32_t begin, uint32_t end, const std::string& camera,
                           const Keyring& keys)
    : segment_(segment), begin_(begin), key_(keys.empty() ? nullptr : &keys.sealing()) {
  VEDETTE_ASSERT(begin < end && end <= segment.count() && camera.size() <= SegmentHeader::kMaxCameraBytes);
  const IndexEntry& first = segment.entry(begin);
  const IndexEntry& last = segment.entry(end - 1);
  header_.camera = camera;
  header_.range = {first.sequence, last.sequence, first.time_us, last.time_us};
  header_.records = end - begin;
  header_.data_bytes = uint64_t{last.offset} + last.size - first.offset;
  if (key_ != nullptr) {
    header_.key_id = Keyring::id_of(*key_);
    random_bytes(header_.salt);
  }
}

void SegmentImage::write(const std::function<void(std::span<const std::byte>)>& sink) const {
  uint32_t crc = 0;
  const auto put_out = [&](std::span<const std::byte> bytes) {
    crc = crc32c(bytes, crc);
    sink(bytes);
  };
  const HeaderBytes header = encode(header_);
  put_out(header);
  std::optional<SegmentCipher> cipher;
  std::vector<std::byte> sealed;
  if (key_ != nullptr) cipher.emplace(*key_, header_.salt, std::span(header), SegmentCipher::Direction::kSeal);
  const auto chunk = [&](uint64_t number, std::span<const std::byte> plain) {
    if (!cipher) return put_out(plain);
    sealed.resize(plain.size());
    const auto tag = cipher->seal(number, plain, sealed);
    put_out(sealed);
    put_out(tag);
  };
  const uint32_t base = segment_.entry(begin_).offset;
  const std::span<const std::byte> data(segment_.memory().data() + base, header_.data_bytes);
  for (uint64_t i = 0; i < header_.chunks(); ++i) {
    const size_t at = i * SegmentHeader::kChunkBytes;
    chunk(i, data.subspan(at, std::min(SegmentHeader::kChunkBytes, data.size() - at)));
  }
  std::vector<std::byte> index(size_t{header_.records} * SegmentHeader::kEntryBytes);
  for (uint32_t i = 0; i < header_.records; ++i) {
    IndexEntry entry = segment_.entry(begin_ + i);
    entry.offset -= base;
    const uint32_t record_crc = crc32c(segment_.bytes(begin_ + i));
    std::byte* to = index.data() + i * SegmentHeader::kEntryBytes;
    std::memcpy(to, &entry, sizeof(entry));
    std::memcpy(to + sizeof(entry), &record_crc, sizeof(record_crc));
  }
  chunk(header_.chunks(), index);
  FooterBytes footer{};
  put(footer, 0, kEndMagic);
  put(footer, 8, crc);
  put(footer, 12, crc32c(std::span(footer).first(12)));
  sink(footer);
}

SegmentHeader read_header(const ReadAt& read, uint64_t file_bytes) { return Reader(read, file_bytes).header(); }

SegmentHeader check_structure(const ReadAt& read, uint64_t file_bytes, const Keyring& keys) try {
  Reader reader(read, file_bytes);
  reader.footer(false);
  auto cipher = reader.cipher(keys);
  reader.seek(reader.header().index_offset());
  parse_index(reader.index(cipher), reader.header());
  return reader.header();
} catch (const std::bad_alloc&) {
  throw_no_memory(file_bytes);
}

std::shared_ptr<Segment> load_segment(const ReadAt& read, uint64_t file_bytes, const Keyring& keys) try {
  Reader reader(read, file_bytes);
  const SegmentHeader& header = reader.header();
  auto cipher = reader.cipher(keys);
  auto memory = std::make_unique<SegmentMemory>(header.memory_bytes(), false, false);
  const std::span<std::byte> data(memory->data(), header.data_bytes);
  for (uint64_t i = 0; i < header.chunks(); ++i) {
    const size_t at = i * SegmentHeader::kChunkBytes;
    reader.chunk(i, data.subspan(at, std::min(SegmentHeader::kChunkBytes, data.size() - at)), cipher);
  }
  const auto lines = parse_index(reader.index(cipher), header);
  reader.footer(true);
  auto segment = std::make_shared<Segment>(std::move(memory), nullptr);
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto& [entry, crc] = lines[i];
    if (crc32c(data.subspan(entry.offset, entry.size)) != crc) {
      throw SegmentFault(Kind::kTorn, fmt::format("record {} of {} is damaged", i + 1, lines.size()));
    }
    segment->publish(entry, entry.size);
  }
  segment->seal();
  return segment;
} catch (const std::bad_alloc&) {
  throw_no_memory(file_bytes);
}

}  // namespace vedette::framelog
