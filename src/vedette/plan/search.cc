#include "vedette/plan/search.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>

namespace vedette::plan {
namespace {

constexpr int kFewNodes = 8;     // so many are all candidates
constexpr int kEach = 4;         // of the least used, and of the strongest
constexpr size_t kSmall = 3000;  // pieces × nodes up to which it pays to begin more than once
constexpr int kNowhere = FleetModel::kNowhere;

bool good(const Score& score) { return score.missed == 0 && score.excess < 1e-6 && score.overfull < 1e-6; }

}  // namespace

Search::Search(FleetModel& model) : model_(model) {
  const Flow& flow = model_.flow();
  const auto& stages = model_.problem().shared->stages;
  behind_all_.assign(flow.pieces.size(), false);
  for (size_t i = 0; i < flow.points.size(); ++i) {
    const auto& point = flow.points[i];
    if (point.stage == Flow::kNone) continue;
    bool behind = stages[static_cast<size_t>(point.stage)].scope == Scope::kGlobal;
    for (const int input : flow.inputs[static_cast<int>(i)])
      behind |= behind_all_[static_cast<size_t>(flow.points[static_cast<size_t>(input)].piece)];
    if (behind) behind_all_[static_cast<size_t>(point.piece)] = true;
  }
  for (int piece = 0; piece < model_.pieces(); ++piece)
    if (model_.allowed(piece).size() > 1) free_.push_back(piece);
  ranked_.resize(static_cast<size_t>(model_.nodes()));
  for (int node = 0; node < model_.nodes(); ++node) {
    auto& rank = ranked_[static_cast<size_t>(node)];
    rank = {model_.used(node), 0};
    by_use_.emplace(rank.first, node);
    by_room_.emplace(rank.second, node);
    touch(node);
  }
}

void Search::touch(int node) {
  auto& [use, room] = ranked_[static_cast<size_t>(node)];
  by_use_.erase({use, node});
  by_room_.erase({room, node});
  use = model_.used(node);
  room = -model_.speed(node) * (model_.problem().full - use);
  by_use_.emplace(use, node);
  by_room_.emplace(room, node);
}

void Search::put(int piece, int node) {
  const int was = model_.at(piece);
  if (was == node) return;
  model_.put(piece, node);
}

void Search::restore(const std::vector<int>& assignment) {
  for (int piece = 0; piece < model_.pieces(); ++piece) put(piece, assignment[static_cast<size_t>(piece)]);
}

std::vector<int> Search::chain_of(int stream, bool only_unplaced) const {
  std::vector<int> chain;
  for (const int point : model_.stream_points()[stream]) {
    const int piece = model_.flow().points[static_cast<size_t>(point)].piece;
    if (model_.flow().pieces[static_cast<size_t>(piece)].stream == Flow::kNone) continue;
    if (only_unplaced && (model_.at(piece) != kNowhere || behind_all_[static_cast<size_t>(piece)])) continue;
    if (!model_.allowed(piece).empty()) chain.push_back(piece);
  }
  return chain;
}

std::vector<int> Search::candidates(int piece, int stream) {
  const auto& allowed = model_.allowed(piece);
  if (allowed.size() <= kFewNodes) return allowed;
  std::vector<int> out;
  const auto add = [&](int node) {
    if (node != kNowhere && model_.may_host(piece, node) && std::find(out.begin(), out.end(), node) == out.end())
      out.push_back(node);
  };
  add(model_.before(piece));
  if (stream != Flow::kNone) {
    for (const int other : chain_of(stream, false)) {
      add(model_.at(other));
      if (model_.allowed(other).size() == 1) add(model_.allowed(other).front());
      if (out.size() >= 2 * kFewNodes) break;
    }
  }
  for (const auto* ranking : {&by_use_, &by_room_}) {
    int taken = 0;
    for (auto it = ranking->begin(); it != ranking->end() && taken < kEach; ++it) {
      if (!model_.may_host(piece, it->second)) continue;
      add(it->second);
      ++taken;
    }
  }
  return out;
}

/// `home` if the piece may be there, else where its inputs are, else the least used node that may have it.
int Search::best_node_for(int piece, int home) {
  if (model_.may_host(piece, home)) return home;
  const Flow& flow = model_.flow();
  for (const int point : flow.piece_points[piece])
    for (const int input : flow.inputs[point])
      if (const int node = model_.at(flow.points[static_cast<size_t>(input)].piece);
          node != kNowhere && model_.may_host(piece, node))
        return node;
  const auto& allowed = model_.allowed(piece);
  if (allowed.size() == 1) return allowed.front();
  return *std::min_element(allowed.begin(), allowed.end(),
                           [&](int a, int b) { return model_.used(a) < model_.used(b); });
}

void Search::place_chain(int stream, const std::vector<int>& chain) {
  std::vector<int> best(chain.size(), kNowhere);
  std::vector<int> trial(chain.size(), kNowhere);
  Score best_score;
  bool any = false;
  const auto consider = [&] {
    const Score score = model_.score_of(stream);
    if (any && !score.better_than(best_score)) return;
    any = true;
    best_score = score;
    for (size_t i = 0; i < chain.size(); ++i) best[i] = model_.at(chain[i]);
  };
  const double overfull = model_.score_of(stream).overfull;
  // Homes for the whole, by what is heaviest in it.
  const int heaviest =
      *std::max_element(chain.begin(), chain.end(), [&](int a, int b) { return model_.demand(a) < model_.demand(b); });
  std::vector<int> homes = candidates(heaviest, stream);
  if (heaviest != chain.front())
    for (const int node : candidates(chain.front(), stream))
      if (std::find(homes.begin(), homes.end(), node) == homes.end()) homes.push_back(node);
  for (const int home : homes) {
    for (const int piece : chain) put(piece, best_node_for(piece, home));
    consider();
  }
  if (best_score.missed > 0 || best_score.overfull > overfull + 1e-9) {
    for (size_t cut = 1; cut < chain.size(); ++cut) {
      for (const int first : homes) {
        for (const int second : homes) {
          if (first == second) continue;
          for (size_t i = 0; i < chain.size(); ++i) put(chain[i], best_node_for(chain[i], i < cut ? first : second));
          consider();
        }
      }
    }
  }
  for (size_t i = 0; i < chain.size(); ++i) put(chain[i], best[i]);
  model_.score_of(stream);
}

void Search::place_stream(int stream) {
  const auto chain = chain_of(stream, true);
  if (chain.empty()) return;
  place_chain(stream, chain);
  for (const int piece : chain) touch(model_.at(piece));
}

void Search::place_single(int piece) {
  const Flow& flow = model_.flow();
  const auto points = flow.piece_points[piece];
  const int stream = flow.pieces[static_cast<size_t>(piece)].stream;
  std::vector<int> nodes = candidates(piece, stream);
  // Where most of its inputs are.
  std::map<int, int> inputs;
  for (const int point : points)
    for (const int input : flow.inputs[point])
      if (const int node = model_.at(flow.points[static_cast<size_t>(input)].piece);
          node != kNowhere && model_.may_host(piece, node))
        ++inputs[node];
  std::vector<std::pair<int, int>> most;
  for (const auto& [node, count] : inputs) most.emplace_back(-count, node);
  std::sort(most.begin(), most.end());
  for (size_t i = 0; i < most.size() && i < kEach; ++i)
    if (std::find(nodes.begin(), nodes.end(), most[i].second) == nodes.end()) nodes.push_back(most[i].second);
  int best = kNowhere;
  Score best_score;
  for (const int node : nodes) {
    put(piece, node);
    const Score score =
        points.empty() ? model_.score() : model_.score_of(flow.points[static_cast<size_t>(points.front())].stream);
    if (best != kNowhere && !score.better_than(best_score)) continue;
    best = node;
    best_score = score;
  }
  put(piece, best);
  touch(best);
}

void Search::greedy() {
  const auto& wishes = model_.problem().applications;
  std::vector<int> priority(static_cast<size_t>(model_.streams()), 0);
  std::map<std::string_view, int> of_application;
  for (const auto& wish : wishes) of_application[wish.name] = wish.priority;
  std::vector<double> demand(priority.size(), 0);
  std::vector<int> order(priority.size());
  std::iota(order.begin(), order.end(), 0);
  for (const int stream : order) {
    const auto at = static_cast<size_t>(stream);
    for (const auto& user : model_.problem().shared->streams[at].users)
      priority[at] = std::max(priority[at], of_application[user]);
    for (const int piece : chain_of(stream, true)) demand[at] += model_.demand(piece);
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const auto x = static_cast<size_t>(a), y = static_cast<size_t>(b);
    return priority[x] != priority[y] ? priority[x] > priority[y] : demand[x] > demand[y];
  });
  for (const int stream : order) place_stream(stream);
  for (int piece = 0; piece < model_.pieces(); ++piece)  // what is of all streams, and what is behind it
    if (model_.at(piece) == kNowhere && !model_.allowed(piece).empty()) place_single(piece);
}

void Search::start_from_now() {
  for (int piece = 0; piece < model_.pieces(); ++piece) {
    const int node = model_.before(piece);
    if (node != kNowhere && model_.may_host(piece, node)) put(piece, node);
  }
  for (int node = 0; node < model_.nodes(); ++node) touch(node);
}

/// Whether what was just put is better than the best so far, which it then becomes. Where no objective can be mended
/// the change must at least save something, which is known without working out any latency. Otherwise the caller puts
/// it back.
bool Search::better_now(Score& best) {
  if (!wrong_ && !model_.rough().better_than({best.missed, model_.rough().excess, best.overfull, best.cost}))
    return false;
  const Score score = model_.score();
  worked_out_ = true;
  if (!score.better_than(best)) return false;
  best = score;
  worked_out_ = false;
  return true;
}

/// After a change was put back.
void Search::forget_trial() {
  if (wrong_) return;  // the next trial works it out along with its own
  if (std::exchange(worked_out_, false))
    model_.score();
  else
    model_.undone();
}

/// Every placement there is. False when there are too many.
bool Search::try_all() {
  double count = 1;
  for (const int piece : free_) count *= static_cast<double>(model_.allowed(piece).size());
  if (count > static_cast<double>(model_.problem().exact)) return false;
  std::vector<int> best = model_.assignment();
  Score best_score = model_.score();
  std::vector<size_t> digit(free_.size(), 0);
  for (const int piece : free_) put(piece, model_.allowed(piece).front());
  while (true) {
    if (const Score score = model_.score(); score.better_than(best_score)) {
      best_score = score;
      best = model_.assignment();
    }
    size_t i = 0;
    for (; i < free_.size(); ++i) {
      const auto& allowed = model_.allowed(free_[i]);
      digit[i] = (digit[i] + 1) % allowed.size();
      put(free_[i], allowed[digit[i]]);
      if (digit[i] != 0) break;
    }
    if (i == free_.size()) break;
  }
  restore(best);
  return true;
}

bool Search::improve_piece(int piece, Score& best) {
  const int stream = model_.flow().pieces[static_cast<size_t>(piece)].stream;
  const int was = model_.at(piece);
  for (const int node : candidates(piece, stream)) {
    if (node == was) continue;
    put(piece, node);
    if (better_now(best)) {
      touch(was);
      touch(node);
      return true;
    }
    put(piece, was);
    forget_trial();
  }
  return false;
}

bool Search::improve_stream(int stream, Score& best) {
  const auto chain = chain_of(stream, false);
  const auto settle = [&](const std::vector<int>& before) {
    for (size_t i = 0; i < chain.size(); ++i) {
      touch(before[i]);
      touch(model_.at(chain[i]));
    }
  };
  bool better = false;
  for (size_t i = 0; i < chain.size() && model_.work() < limit_; ++i) {
    if (model_.allowed(chain[i]).size() > 1) better |= improve_piece(chain[i], best);
    if (i + 1 == chain.size()) break;
    // This one with all behind it.
    std::vector<int> before;
    for (const int piece : chain) before.push_back(model_.at(piece));
    for (const int node : candidates(chain[i], stream)) {
      bool changes = false;
      for (size_t j = i; j < chain.size(); ++j) {
        if (!model_.may_host(chain[j], node)) continue;
        changes |= model_.at(chain[j]) != node;
        put(chain[j], node);
      }
      if (changes) {
        if (better_now(best)) {
          better = true;
          settle(before);
          break;
        }
      }
      for (size_t j = i; j < chain.size(); ++j) put(chain[j], before[j]);
      forget_trial();
    }
  }
  return better;
}

/// One piece of this stream for one of another, on another node.
bool Search::improve_by_exchange(int stream, Score& best) {
  for (const int mine : chain_of(stream, false)) {
    if (model_.allowed(mine).size() < 2) continue;
    for (const int other : free_) {
      if (model_.work() >= limit_) return false;
      const int here = model_.at(mine), there = model_.at(other);
      if (here == there || here == kNowhere || there == kNowhere || !model_.may_host(mine, there) ||
          !model_.may_host(other, here))
        continue;
      put(mine, there);
      put(other, here);
      if (better_now(best)) {
        touch(here);
        touch(there);
        return true;
      }
      put(mine, here);
      put(other, there);
      forget_trial();
    }
  }
  return false;
}

void Search::mend(bool wrong) {
  if (wrong_ && !wrong) model_.score();
  wrong_ = wrong;
}

void Search::improve(size_t effort) {
  limit_ = model_.work() + effort;
  Score best = model_.score();
  wrong_ = worked_out_ = false;
  const bool small = free_.size() * static_cast<size_t>(model_.nodes()) <= kSmall;
  for (bool better = true; better && model_.work() < limit_;) {
    better = false;
    // What is wrong comes first: streams that miss, and those on nodes that are too full or that such streams pass.
    std::vector<bool> busy(static_cast<size_t>(model_.nodes()), false);
    for (int node = 0; node < model_.nodes(); ++node) busy[static_cast<size_t>(node)] = model_.overfull(node);
    for (int stream = 0; stream < model_.streams(); ++stream)
      if (model_.missing(stream))
        for (const int piece : chain_of(stream, false))
          if (model_.at(piece) != kNowhere) busy[static_cast<size_t>(model_.at(piece))] = true;
    std::vector<int> order, rest;
    for (int stream = 0; stream < model_.streams(); ++stream) {
      bool wrong = model_.missing(stream);
      for (const int piece : chain_of(stream, false))
        wrong |= model_.at(piece) != kNowhere && busy[static_cast<size_t>(model_.at(piece))];
      (wrong ? order : rest).push_back(stream);
    }
    const size_t wrong = order.size();
    order.insert(order.end(), rest.begin(), rest.end());
    for (size_t i = 0; i < order.size() && model_.work() < limit_; ++i) {
      mend(i < wrong);
      better |= improve_stream(order[i], best);
      if (small && (i < wrong || best.missed > 0)) better |= improve_by_exchange(order[i], best);
    }
    mend(best.missed > 0 || best.overfull > 0);
    for (const int piece : free_) {
      if (model_.work() >= limit_) break;
      if (model_.flow().pieces[static_cast<size_t>(piece)].stream == Flow::kNone && model_.at(piece) != kNowhere)
        better |= improve_piece(piece, best);
    }
  }
}

void Search::from_other_beginnings() {
  const size_t share = model_.problem().effort / 20;
  std::vector<int> best = model_.assignment();
  Score best_score = model_.score();
  const auto keep_better = [&] {
    improve(share);
    if (const Score score = model_.score(); score.better_than(best_score)) {
      best_score = score;
      best = model_.assignment();
    }
  };
  const size_t limit = model_.work() + model_.problem().effort;
  for (int home = 0; home < std::min(model_.nodes(), kFewNodes); ++home) {
    for (const int piece : free_)
      if (model_.may_host(piece, home)) put(piece, home);
    keep_better();
  }
  for (const int piece : free_) put(piece, kNowhere);
  greedy();
  keep_better();
  // Kicks from the best so far, while it is not good: the same numbers every time (a 64-bit linear congruence, Knuth).
  uint64_t number = 42;
  const auto below = [&](size_t n) {
    number = number * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(number >> 33) % n;
  };
  for (int round = 0; round < 24 && model_.work() < limit && !good(best_score); ++round) {
    restore(best);
    for (size_t i = 0; i < 2 + free_.size() / 6; ++i) {
      const int piece = free_[below(free_.size())];
      const auto& allowed = model_.allowed(piece);
      put(piece, allowed[below(allowed.size())]);
    }
    keep_better();
  }
  restore(best);
  model_.score();
}

void Search::run() {
  start_from_now();
  greedy();
  if (free_.empty() || try_all()) return;
  improve(model_.problem().effort);
  const bool settled = model_.problem().now && good(model_.score());  // what runs well is left alone
  if (!settled && free_.size() * static_cast<size_t>(model_.nodes()) <= kSmall) from_other_beginnings();
}

}  // namespace vedette::plan
