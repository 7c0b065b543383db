// A segment file of a frame log: any bytes are refused with one line, or give records that lie where they should. The
// first byte chooses: the file as it is, with a header made to fit, or opened with a key.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/framelog/crc32c.h"
#include "vedette/framelog/segment_file.h"

namespace {

using vedette::framelog::Keyring, vedette::framelog::SecretKey, vedette::framelog::SegmentHeader;

/// Checksums and sizes as a clever forger would set them, so that more than the first check is reached.
void mend(std::vector<std::byte>& file) {
  const auto put_crc = [&](size_t at, size_t begin, size_t end) {
    const uint32_t crc = vedette::framelog::crc32c(std::span(file).subspan(begin, end - begin));
    std::memcpy(file.data() + at, &crc, sizeof(crc));
  };
  if (file.size() < SegmentHeader::kBytes + SegmentHeader::kFooterBytes) return;
  std::memcpy(file.data(), "VEDSEG1\n\x01\0\0\0", 12);
  const auto chunk_bytes = static_cast<uint32_t>(SegmentHeader::kChunkBytes);
  std::memcpy(file.data() + 80, &chunk_bytes, sizeof(chunk_bytes));
  // Plain, with as many bytes as there are.
  uint32_t records = 0;
  std::memcpy(&records, file.data() + 12, sizeof(records));
  const uint64_t around = SegmentHeader::kBytes + SegmentHeader::kFooterBytes;
  records %= static_cast<uint32_t>((file.size() - around) / SegmentHeader::kEntryBytes + 1);
  const uint64_t data_bytes = file.size() - around - records * SegmentHeader::kEntryBytes;
  std::memcpy(file.data() + 12, &records, sizeof(records));
  std::memset(file.data() + 16, 0, 8);
  std::memcpy(file.data() + 72, &data_bytes, sizeof(data_bytes));
  put_crc(252, 0, 252);
  const size_t footer = file.size() - SegmentHeader::kFooterBytes;
  std::memcpy(file.data() + footer, "VEDSEGE\n", 8);
  put_crc(footer + 8, 0, footer);
  put_crc(footer + 12, footer, footer + 12);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> file(bytes + 1, bytes + size);
  if ((data[0] & 1) != 0) mend(file);
  const Keyring keys = (data[0] & 2) != 0 ? Keyring::of({SecretKey{}}) : Keyring();
  const vedette::framelog::ReadAt read = [&](uint64_t offset, std::span<std::byte> into) {
    if (offset > file.size() || into.size() > file.size() - offset) {
      throw vedette::Error(vedette::ErrorCode::kInvalidData, "too short");
    }
    std::copy_n(file.begin() + static_cast<ptrdiff_t>(offset), into.size(), into.begin());
  };
  try {
    check_structure(read, file.size(), keys);
  } catch (const vedette::Error& e) {
    if (e.line().empty()) std::abort();
  }
  try {
    const auto segment = load_segment(read, file.size(), keys);
    unsigned sum = 0;
    for (uint32_t i = 0; i < segment->count(); ++i) {
      for (const std::byte byte : segment->bytes(i)) sum += std::to_integer<unsigned>(byte);
      if (i > 0 && segment->entry(i).time_us <= segment->entry(i - 1).time_us) std::abort();
    }
    if (segment->count() == 0 || sum == 1u << 31) std::abort();
  } catch (const vedette::Error& e) {
    if (e.line().empty()) std::abort();
  }
  return 0;
}
