#include "vedette/cli/event_stream.h"

#include "vedette/base/error.h"

namespace vedette::cli {
namespace {

constexpr size_t kMaxEventBytes = 1u << 20;

}  // namespace

void EventStream::feed(std::string_view bytes, const std::function<void(const ServerEvent&)>& on_event) {
  rest_.append(bytes);
  size_t at = 0;
  for (size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', at)) {
    std::string_view line(rest_.data() + at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = end + 1;
    take_line(line, on_event);
  }
  rest_.erase(0, at);
  if (rest_.size() + data_.size() > kMaxEventBytes)
    throw Error(ErrorCode::kInvalidData, "the controller sent an event that is too large");
}

void EventStream::take_line(std::string_view line, const std::function<void(const ServerEvent&)>& on_event) {
  if (line.empty()) {
    const ServerEvent event{name_.empty() ? "message" : name_, std::move(data_)};
    name_.clear();
    data_.clear();
    if (!event.data.empty()) on_event(event);
    return;
  }
  const size_t colon = line.find(':');
  if (colon == 0) return;  // a comment
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") name_ = value;
  if (field == "data") {
    if (!data_.empty()) data_ += '\n';
    data_ += value;
  }
}

}  // namespace vedette::cli
