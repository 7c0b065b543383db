#include "vedette/link/receive_order.h"

#include <algorithm>

namespace vedette::link {

ReceiveOrder::Attach ReceiveOrder::attach(uint64_t instance, size_t capacity) {
  Attach answer;
  if (known_ && instance == instance_) {
    answer.resumes = started_;
  } else {
    answer.restarted = known_ && !ended_;
    started_ = false;
    ended_ = false;
    next_ = 0;
  }
  known_ = true;
  instance_ = instance;
  attached_ = true;
  capacity_ = std::max<size_t>(1, capacity);
  allowed_ = told_allowed_ = places_;
  came_ = 0;
  told_next_ = next_;
  tell_ = false;
  answer.next = next_;
  answer.allowed = allowed_;
  return answer;
}

ReceiveOrder::Arrival ReceiveOrder::arrive(uint64_t number, uint64_t gaps) {
  Arrival arrival;
  if (!started_) {
    arrival.explained = std::min(gaps, number);
    started_ = true;
    return arrival;
  }
  const uint64_t missing = number - next_;
  arrival.explained = std::min(gaps, missing);
  arrival.lost = missing - arrival.explained;
  return arrival;
}

ReceiveOrder::Arrival ReceiveOrder::observation(uint64_t number, uint64_t gaps) {
  if (!attached_ || came_ >= allowed_ || ended_ || number == UINT64_MAX) return {Verdict::kViolation};
  ++came_;
  if (started_ && number < next_) {
    ++allowed_;  // it takes no place
    tell_ = true;
    return {Verdict::kRepeat};
  }
  const Arrival arrival = arrive(number, gaps);
  --places_;
  next_ = number + 1;
  return arrival;
}

ReceiveOrder::Arrival ReceiveOrder::mark(uint64_t number, uint64_t gaps, bool end) {
  if (!attached_ || number == UINT64_MAX) return {Verdict::kViolation};
  tell_ = true;
  const uint64_t after = end ? number + 1 : number;
  if (started_ && after <= next_) return {Verdict::kRepeat};
  const Arrival arrival = arrive(number, gaps);
  next_ = after;
  if (end) ended_ = true;
  return arrival;
}

void ReceiveOrder::grant(size_t places) {
  places_ += places;
  allowed_ += places;
}

std::optional<ReceiveOrder::Credit> ReceiveOrder::due(bool at_once) {
  if (!attached_) return std::nullopt;
  const uint64_t more = allowed_ - told_allowed_, arrived = next_ - told_next_;
  const bool out_of_credit = more > 0 && told_allowed_ <= came_;
  const bool enough = more >= std::max<size_t>(1, window_ / 2) || arrived >= std::max<size_t>(1, capacity_ / 2);
  if (!tell_ && !out_of_credit && !enough && !(at_once && (more > 0 || arrived > 0))) return std::nullopt;
  tell_ = false;
  told_allowed_ = allowed_;
  told_next_ = next_;
  return Credit{next_, allowed_};
}

}  // namespace vedette::link
