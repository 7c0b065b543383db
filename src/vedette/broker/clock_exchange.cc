#include "vedette/broker/clock_exchange.h"

#include "broker.pb.h"

namespace vedette::broker {

void add_exchange(link::ClockOffset& ahead, Timestamp sent, const v1::ClockSample& answer, Timestamp received) {
  // Only differences count: wall clocks do as well.
  const auto at = [](int64_t ns) { return MonotonicTime{Duration{ns}}; };
  ahead.add(at(sent.time_since_epoch().count()), at(answer.received_ns()), at(answer.answered_ns()),
            at(received.time_since_epoch().count()));
}

}  // namespace vedette::broker
