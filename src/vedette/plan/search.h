#pragma once

#include <set>
#include <vector>

#include "vedette/plan/fleet_model.h"

namespace vedette::plan {

/// Looks for a good placement. Deterministic. First every stream as a chain, greatest priority and load first, as one
/// whole where it fits, else cut in two; then whatever reads all streams; then small changes (one piece; a piece with
/// all behind it; two streams' pieces exchanged) as long as one is better; in small fleets from several beginnings.
/// When there are no more than `exact` placements they are all tried instead.
///
/// Only the least used and the strongest few nodes are candidates, besides those that the stream touches already, so
/// that the time is about proportional to the number of pieces.
class Search {
 public:
  explicit Search(FleetModel& model);
  void run();

 private:
  void start_from_now();
  void greedy();
  void place_stream(int stream);
  void place_chain(int stream, const std::vector<int>& chain);
  void place_single(int piece);
  bool try_all();
  void improve(size_t effort);
  bool improve_stream(int stream, Score& best);
  bool improve_piece(int piece, Score& best);
  bool improve_by_exchange(int stream, Score& best);
  void from_other_beginnings();

  std::vector<int> candidates(int piece, int stream);
  std::vector<int> chain_of(int stream, bool only_unplaced) const;
  int best_node_for(int piece, int home);
  bool better_now(Score& best);
  void forget_trial();
  void mend(bool wrong);
  void put(int piece, int node);
  void restore(const std::vector<int>& assignment);
  void touch(int node);

  FleetModel& model_;
  std::vector<bool> behind_all_;  // pieces behind one of all streams: placed after it
  std::vector<int> free_;         // pieces that have a choice
  std::set<std::pair<double, int>> by_use_, by_room_;
  std::vector<std::pair<double, double>> ranked_;
  bool wrong_ = false;  // whether what is being improved may mend an objective
  bool worked_out_ = false;  // whether the model has seen the trial that is being put back
  size_t limit_ = 0;    // of work
};

}  // namespace vedette::plan
