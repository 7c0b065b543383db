#pragma once

#include "vedette/base/time.h"
#include "vedette/link/clock_offset.h"

namespace vedette::broker {

namespace v1 {
class ClockSample;
}

/// One exchange of a call with a broker: we sent at `sent` and had the answer at `received`, by our wall clock;
/// `answer` has the broker's. Into how far its clock is ahead of ours.
void add_exchange(link::ClockOffset& ahead, Timestamp sent, const v1::ClockSample& answer, Timestamp received);

}  // namespace vedette::broker
