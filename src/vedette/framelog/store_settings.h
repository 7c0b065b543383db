#pragma once

#include "vedette/base/settings.h"
#include "vedette/framelog/store.h"

namespace vedette::framelog {

/// What a user says of a store, the same wherever there is one.
struct StoreSettings {
  double keep_hours = 0;
  double keep_gb = 0;
  int flush_s = 5;

  void fields(Fields& f);
  void apply_to(StoreOptions& options) const;
};

}  // namespace vedette::framelog
