#include "vedette/link/message_reader.h"

#include <algorithm>
#include <cstring>

namespace vedette::link {

std::span<const iovec> MessageReader::targets() {
  targets_.clear();
  if (!header_.empty()) targets_.push_back({header_.data() + header_filled_, header_.size() - header_filled_});
  const size_t spans = std::min(body_.size() - body_at_, kMostTargets - 1);
  for (size_t i = body_at_; i < body_at_ + spans; ++i) targets_.push_back({body_[i].data(), body_[i].size()});
  if (body_at_ + spans == body_.size()) targets_.push_back({staging_.data() + staged_, staging_.size() - staged_});
  return targets_;
}

void MessageReader::advance(size_t bytes) {
  if (!header_.empty()) {
    const size_t here = std::min(bytes, header_.size() - header_filled_);
    header_filled_ += here;
    bytes -= here;
    if (header_filled_ < header_.size()) return;
    const std::vector<uint8_t> header = std::exchange(header_, {});
    begin_body(header);
  } else if (state_ == State::kBody) {
    bytes -= fill_body(bytes);
    if (body_at_ < body_.size()) return;
    end_body();
  }
  staged_ += bytes;
  consume();
}

void MessageReader::consume() {
  size_t used = 0;
  for (;;) {
    const std::span<const uint8_t> left(staging_.data() + used, staged_ - used);
    if (state_ == State::kPrefix) {
      if (left.size() < kPrefixBytes) break;
      prefix_ = parse_prefix(left.first<kPrefixBytes>(), limits_);
      used += kPrefixBytes;
      state_ = State::kHeader;
    } else if (state_ == State::kHeader) {
      if (left.size() >= prefix_.header_bytes) {
        used += prefix_.header_bytes;
        begin_body(left.first(prefix_.header_bytes));
      } else if (prefix_.header_bytes > kStagingBytes) {
        header_.resize(prefix_.header_bytes);
        header_filled_ = left.size();
        std::memcpy(header_.data(), left.data(), left.size());
        used += left.size();
        break;
      } else {
        break;
      }
    } else {
      for (size_t at = 0; at < left.size() && body_at_ < body_.size();) {
        const size_t here = std::min(left.size() - at, body_[body_at_].size());
        std::memcpy(body_[body_at_].data(), left.data() + at, here);
        at += fill_body(here);
        used += here;
      }
      if (body_at_ < body_.size()) break;
      end_body();
    }
  }
  staged_ -= used;
  if (used > 0 && staged_ > 0) std::memmove(staging_.data(), staging_.data() + used, staged_);
}

void MessageReader::begin_body(std::span<const uint8_t> header) {
  size_t sum = 0;
  body_.clear();
  body_at_ = 0;
  for (const std::span<uint8_t> part : sink_.on_header(prefix_, header)) {
    sum += part.size();
    if (!part.empty()) body_.push_back(part);
  }
  VEDETTE_ASSERT(sum == prefix_.body_bytes);
  state_ = State::kBody;
  if (body_.empty()) end_body();
}

size_t MessageReader::fill_body(size_t bytes) {
  size_t filled = 0;
  while (filled < bytes && body_at_ < body_.size()) {
    std::span<uint8_t>& part = body_[body_at_];
    const size_t here = std::min(bytes - filled, part.size());
    part = part.subspan(here);
    filled += here;
    if (part.empty()) ++body_at_;
  }
  return filled;
}

void MessageReader::end_body() {
  body_.clear();
  body_at_ = 0;
  state_ = State::kPrefix;
  sink_.on_message();
}

}  // namespace vedette::link
