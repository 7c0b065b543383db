// The part of Simulation that is what happens to a fleet.
#include <algorithm>

#include "vedette/sim/simulation.h"

namespace vedette::sim {

void Simulation::happen(uint32_t index) {
  const EventOf& event = world_.file().events[index];
  if (event.every_s > 0) control_.push(now_ + to_nanos(event.every_s * random_.exponential()), kHappen, index);
  Undo undo;
  undo.event = event;
  bool done = false;
  happen_to(event, undo, done);
  if (!done) return;
  invariants_.disturbed(now_);
  if (event.for_s <= 0) return;
  control_.push(now_ + to_nanos(event.for_s), kUndo, static_cast<uint32_t>(undos_.size()));
  undos_.push_back(std::move(undo));
}

void Simulation::happen_to(const EventOf& event, Undo& undo, bool& done) {
  const auto one_of = [&](const auto& list) { return list[random_.below(list.size())]; };
  const auto nodes = [&] {
    std::vector<int> out;
    for (int i = 0; i < static_cast<int>(world_.nodes().size()); ++i)
      if (engine_->alive(i) && matches(event.target, world_.nodes()[static_cast<size_t>(i)].view.name))
        out.push_back(i);
    return out;
  };
  const auto applications = [&](bool running) {
    std::vector<std::string> out;
    for (const auto& [name, wish] : known_) {
      const auto track = tracks_.find(name);
      if ((track != tracks_.end() && track->second.running) == running && matches(event.target, name))
        out.push_back(name);
    }
    return out;
  };
  switch (event.what) {
    case Happening::kKillNode:
    case Happening::kDrainNode: {
      const auto fit = nodes();
      if (fit.empty()) return;
      undo.node = one_of(fit);
      if (event.what == Happening::kKillNode)
        kill(undo.node);
      else
        controller_.drain(undo.node, true);
      break;
    }
    case Happening::kKillController:
      controller_down_until_ = now_ + (event.for_s > 0 ? to_nanos(event.for_s) : end_);
      replan_ = replan_ || pending_.has_value();
      pending_.reset();
      break;
    case Happening::kAddApplication:
    case Happening::kRemoveApplication:
    case Happening::kChangeApplication: {
      const auto fit = applications(event.what != Happening::kAddApplication);
      if (fit.empty()) return;
      undo.application = one_of(fit);
      if (event.what == Happening::kAddApplication)
        put(known_.at(undo.application));
      else if (event.what == Happening::kRemoveApplication)
        remove(undo.application);
      else
        put(world_.changed(known_.at(undo.application)));
      break;
    }
    case Happening::kSlowLink: environment_.slow(event.target, event.other, event.factor); break;
    case Happening::kCrowd:
    case Happening::kCameraOutage:
      if (event.what == Happening::kCrowd && event.for_s > 0) invariants_.begin_crowd();
      for (int i = 0; const auto& camera : world_.cameras()) {
        if (matches(event.target, camera.wish.name)) {
          if (event.what == Happening::kCrowd)
            environment_.crowd(i, event.factor);
          else
            environment_.outage(i, now_ + (event.for_s > 0 ? to_nanos(event.for_s) : end_));
        }
        ++i;
      }
      break;
  }
  done = true;
}

void Simulation::undo(uint32_t index) {
  const Undo undo = undos_[index];
  invariants_.disturbed(now_);
  switch (undo.event.what) {
    case Happening::kKillNode: join(undo.node); break;
    case Happening::kDrainNode: controller_.drain(undo.node, false); break;
    case Happening::kKillController:
      controller_down_until_ = now_;
      control_.push(now_, kControllerBack, 0);
      break;
    case Happening::kAddApplication:
      if (tracks_.at(undo.application).running) remove(undo.application);
      break;
    case Happening::kRemoveApplication:
      if (!tracks_.at(undo.application).running) put(known_.at(undo.application));
      break;
    case Happening::kChangeApplication: break;
    case Happening::kSlowLink: environment_.slow(undo.event.target, undo.event.other, 1); break;
    case Happening::kCrowd:
      invariants_.end_crowd();
      for (int i = 0; const auto& camera : world_.cameras()) {
        if (matches(undo.event.target, camera.wish.name)) environment_.crowd(i, 1);
        ++i;
      }
      break;
    case Happening::kCameraOutage: break;
  }
}

}  // namespace vedette::sim
