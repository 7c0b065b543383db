#pragma once

#include <map>
#include <optional>
#include <string>

#include "vedette/plan/report.h"
#include "vedette/plan/sharing.h"

namespace vedette::plan {

/// What one observation costs in a stage, on a core of speed 1 (one core of the machine whose figures the guesses in
/// guess.cc are: a desktop core of about 2020).
struct StageCost {
  double seconds = 0;        ///< in process(), on one core of speed 1
  double bytes_out = 0;      ///< of what it emits, on the wire without the picture
  double memory_bytes = 0;
  double emitted = 1;        ///< observations emitted for each one received (motion gates have less than 1)
  bool measured = false;     ///< false: a guess by type
};

struct LinkCost {
  double bytes_per_second = 125e6;
  double rtt_seconds = 0.001;
  bool measured = false;
};

/// What a type of module, with these settings, is expected to cost before any of it has run.
StageCost guess(const std::string& type, const std::string& settings);
/// The frame rate to which a stage holds its output ("rate" modules); 0: it does not.
double rate_limit(const std::string& type, const std::string& settings);
/// The model that settings name; empty when they name none.
std::string model_of(const std::string& settings);

/// What is known of modules, nodes and links: guesses at first (by type and model), running means of what nodes report
/// after that. Keyed by type and settings, so that what was learned of a detector serves the next application that
/// wants it, on any node. Pure. What is nonsense (negative, NaN, an hour for a frame) is not learned. Remembers at most
/// some thousands of stages and streams; beyond that it forgets those which nothing uses now.
class Profiles {
 public:
  void learn(const NodeReport& report, const Shared& shared);
  StageCost stage(const Stage& stage) const;
  /// Between two nodes; a node to itself costs nothing: no time, at an infinite rate.
  LinkCost link(const std::string& from, const std::string& to) const;
  /// Bytes of one picture of the stream on the wire.
  double picture_bytes(const Stream& stream) const;
  /// Frames a second that the stream gives: what its owner says or what it was seen to give, whichever is more; 15 when
  /// nothing is known.
  double fps(const Stream& stream) const;

  std::string to_json() const;
  /// Throws Error(kInvalidData) with what is wrong and where. Limits: 64 MiB.
  static Profiles from_json(const std::string& text);

 private:
  void learn_stage(const StageReport& report, const Stage& stage, double speed);
  void forget(const Shared& shared);

  std::map<std::string, StageCost> stages_;       // by type and settings
  std::map<std::string, LinkCost> links_;         // by "from→to"
  std::map<std::string, double> picture_bytes_;   // by stream
  std::map<std::string, double> fps_;
};

}  // namespace vedette::plan
