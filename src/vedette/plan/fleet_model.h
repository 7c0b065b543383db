#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "vedette/plan/flow.h"
#include "vedette/plan/placement.h"

namespace vedette::plan {

/// How good a placement is. Compared from the top down; less is better.
struct Score {
  double missed = 0;    ///< objectives not kept, weighted so that no number of lesser ones outweighs a greater one
  double excess = 0;    ///< by how much they are not kept
  double overfull = 0;  ///< cores (as shares of a node) and memory beyond what may be planned for
  double cost = 0;      ///< cores in use, seconds of transmission a second, and the trouble of moves

  bool better_than(const Score& other) const;  ///< by more than rounding
};

/// What a placement would give: a queueing model that is kept up to date while pieces are put here and there.
///
/// A node with c cores (other programs' load taken off) serves all its modules from one queue, as its worker pool does:
/// M/G/c, of which the mean wait is, after Allen and Cunneen with Sakasegawa's form of Erlang's C ("An approximation
/// formula L_q ≈ α·ρ^β/(1−ρ)", Ann. Inst. Stat. Math. 29, 1977),
///
///   W = (E[S²] / 2 E[S]) · ρ^(√(2(c+1)) − 1) / (c (1 − ρ)),  from ρ = 0.97 on with the slope it has there.
///
/// A module with state of a stream, or of all, is one server: it cannot do more than 1/S, and waits as M/D/1 for
/// itself. A link is M/D/1 with the bytes of all that crosses it; a crossing takes bytes/bandwidth, half a round trip,
/// and the work of writing and reading it (JPEG of the picture, when anything behind reads that), which also loads both
/// nodes. Waits are taken as exponential and independent, so that their means and variances add up along a way through
/// the graph; its 95th percentile is 1.1 × its work and transmission + its mean wait + 2 standard deviations of that
/// (for one wait alone that is 3 means, where −ln 0.05 is exact). The frame rate is what the narrowest place on the way
/// lets through; a node over 100 % serves everybody in proportion. Good enough to tell a better placement from a worse
/// one, which is its only use.
class FleetModel {
 public:
  static constexpr int kNowhere = -1;

  explicit FleetModel(const PlacementProblem& problem);

  int nodes() const { return static_cast<int>(nodes_.size()); }
  int pieces() const { return static_cast<int>(flow_.pieces.size()); }
  int streams() const { return static_cast<int>(streams_); }
  const Flow& flow() const { return flow_; }
  const PlacementProblem& problem() const { return problem_; }

  const std::vector<int>& allowed(int piece) const { return classes_[class_of(piece)].nodes; }
  bool may_host(int piece, int node) const { return classes_[class_of(piece)].may[static_cast<size_t>(node)]; }
  const std::string& why_nowhere(int piece) const { return classes_[class_of(piece)].why; }
  int before(int piece) const { return now_[static_cast<size_t>(piece)]; }  ///< where it runs already, or kNowhere
  int at(int piece) const { return at_[static_cast<size_t>(piece)]; }
  void put(int piece, int node);
  const std::vector<int>& assignment() const { return at_; }

  Score score();              ///< of everything
  Score rough() const;        ///< load and cost as they are, objectives as of the last score()
  void undone();              ///< what was put since the last score() has been put back
  Score score_of(int stream);  ///< objectives of this stream's parts only, but all of the load and cost
  double used(int node) const {
    return nodes_[static_cast<size_t>(node)].load / nodes_[static_cast<size_t>(node)].cores;
  }
  double speed(int node) const { return nodes_[static_cast<size_t>(node)].speed; }
  bool overfull(int node) const { return nodes_[static_cast<size_t>(node)].overfull > 0; }
  bool missing(int stream) const;  ///< whether any part of it breaks an objective, as of the last score()
  double demand(int piece) const;  ///< cores at speed 1
  double seconds(int piece) const;  ///< of one observation, at speed 1
  double transmission(int point, int from, int to) const;  ///< seconds that its output takes between two nodes
  double plain_cost() const { return cores_ + crossing_; }
  std::vector<Prediction> predictions();
  size_t work() const { return work_; }  ///< points worked out since the beginning

  const Lists& stream_points() const { return stream_points_; }
  const std::vector<int>& on_node(int node) const { return nodes_[static_cast<size_t>(node)].pieces; }

 private:
  struct Node {
    double cores = 1, speed = 1, memory = 0;
    double load = 0, first = 0, second = 0;  // cores in use; sums of rate·S and rate·S²
    double memory_used = 0, overfull = 0;
    double wait = 0, factor = 1;  // as of the last time it was not stale
    bool stale = true, dirty = false;
    std::vector<int> pieces;
  };
  struct Link {
    double bandwidth = 0, rtt = 0, bytes = 0;
  };
  struct PinClass {
    std::vector<int> nodes;
    std::vector<bool> may;
    std::string why;
  };
  struct PointLoad {
    double in = 0, out = 0;    // observations a second
    double nominal = 0;        // as if every gate were open
    double seconds = 0;
    double bytes = 0;          // of its output without a picture
    double work = 0, wait = 0, variance = 0;  // of the slowest way here
    double factor = 1;
    bool placed = true;

    double p95() const;
  };
  struct Part {  // one stream of one application
    int application = 0;
    size_t first_end = 0, ends = 0;  // in ends_
    bool missed = false;
    double excess = 0, p95 = 0, fps = 0;
  };
  struct Wanted {
    Objective objective;
    double weight = 1, excess_weight = 1;
    int missed = 0;
    double excess = 0;
  };

  size_t class_of(int piece) const { return static_cast<size_t>(class_[static_cast<size_t>(piece)]); }
  void read_nodes();
  void read_pins();
  void read_loads();
  void read_applications();
  void read_now();
  int make_class(const Pin& pin);
  void carry(int point, double sign);
  void load(Node& node, int index, double cores);
  void account(Node& node);
  void work_out(Node& node) const;
  Link& link(int from, int to) const;
  double bytes_of(int point, bool pixels, bool crops) const;
  void work_out_stream(int stream);
  void judge(Part& part) const;
  void count_parts(int stream, int sign);
  void renew(int stream);
  void refresh();

  const PlacementProblem problem_;
  Flow flow_;
  size_t streams_ = 0;
  std::vector<Node> nodes_;
  std::vector<PinClass> classes_;
  std::vector<int> class_, now_, at_, place_in_node_;
  std::vector<PointLoad> points_;
  std::vector<double> picture_, piece_rate_, piece_memory_, shared_memory_, move_cost_;
  std::vector<Part> parts_;
  std::vector<int> ends_;
  std::vector<Wanted> wanted_;
  Lists stream_points_, stream_parts_;
  mutable std::unordered_map<uint64_t, Link> links_;
  std::unordered_map<uint64_t, int> replicas_;  // pieces of a stage on a node
  std::vector<int> dirty_, dirty_streams_;
  std::vector<size_t> seen_;
  size_t stamp_ = 0, work_ = 0;
  double missed_ = 0, excess_ = 0, overfull_ = 0, cores_ = 0, crossing_ = 0, moves_ = 0;
};

}  // namespace vedette::plan
