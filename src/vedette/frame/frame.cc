#include "vedette/frame/frame.h"

#include <utility>

namespace vedette {

std::string_view to_string(CaptureClock clock) {
  switch (clock) {
    case CaptureClock::kSenderReport: return "sender_report";
    case CaptureClock::kStreamClock: return "stream_clock";
    case CaptureClock::kArrival: return "arrival";
  }
  return "?";
}

struct Frame::Derived {
  std::mutex mutex;
  std::vector<std::pair<uint64_t, std::shared_ptr<const void>>> forms;
};

std::shared_ptr<Frame::Derived> Frame::make_derived() { return std::make_shared<Derived>(); }

Frame Frame::with_picture(std::shared_ptr<const Picture> pixels) const {
  Frame changed = *this;
  changed.derived_ = make_derived();
  if (changed.width <= 0 || changed.height <= 0) {
    changed.width = pixels->width();
    changed.height = pixels->height();
  }
  changed.picture = std::move(pixels);
  changed.jpeg = nullptr;
  return changed;
}

std::shared_ptr<const void> Frame::derived_erased(uint64_t key,
                                                  const std::function<std::shared_ptr<const void>()>& make) const {
  const std::lock_guard lock(derived_->mutex);
  for (const auto& [known, form] : derived_->forms)
    if (known == key) return form;
  return derived_->forms.emplace_back(key, make()).second;
}

}  // namespace vedette
