#include "vedette/framelog/store_settings.h"

namespace vedette::framelog {

void StoreSettings::fields(Fields& f) {
  f.number("keep_hours", keep_hours, "older frames are removed from the disk; 0: never", {0, 1e6});
  f.number("keep_gb", keep_gb, "the oldest frames go when the folder of a camera is larger, in GiB; 0: never",
           {0, 1e6});
  f.whole("flush_s", flush_s, "at the latest after so many seconds a frame is on the disk", {1, 3600});
}

void StoreSettings::apply_to(StoreOptions& options) const {
  if (keep_hours > 0) options.archive.max_age = from_seconds(keep_hours * 3600);
  if (keep_gb > 0) options.archive.max_bytes = static_cast<uint64_t>(keep_gb * (1u << 30));
  options.flush_interval = std::chrono::seconds(flush_s);
}

}  // namespace vedette::framelog
