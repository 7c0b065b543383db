#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vedette::framelog {

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, going on from `crc` (0 at first). With the SSE4.2
/// instruction where the processor has it.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t crc = 0);

/// The same without that instruction.
uint32_t crc32c_portable(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace vedette::framelog
