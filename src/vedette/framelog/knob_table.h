#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::framelog {

/// One setting of all knobs, and what sending a frame under it means.
struct Combination {
  uint32_t id = 0;  ///< fixed for a table; what a decision names and a camera applies
  std::string name;
  double bytes_mean = 0;
  double bytes_p95 = 0;  ///< 1.1 × the mean where the table does not say
  double f1 = 0;         ///< normalised: 1 is the F1 of the untouched frames
  double cost_ms = 0;    ///< of applying the knobs and encoding; 0: unknown
  double infer_ms = 0;   ///< of the model on such a frame; 0: unknown. Smaller pictures infer faster
  double kept = 1;       ///< share of the frames that frame differencing lets through, (0, 1]
  bool live = true;      ///< false: too slow for live frames (more than 10 ms of knobs); no policy takes it
  uint32_t family = 0;   ///< combinations whose sizes drift together when the scene changes

  /// What a frame puts on the link on average, whether it is let through or not.
  double load_bytes() const { return bytes_mean * kept; }
};

/// What each combination of knobs costs in bytes and time and gives in accuracy (paper 004 §2.4), as `vedette bounds
/// profile` measured it. Rows are sorted by mean bytes, then by falling F1. Immutable; never empty once loaded.
class KnobTable {
 public:
  static constexpr size_t kMaxRows = 4096;

  KnobTable() = default;
  /// Sorts `rows` and fills bytes_p95 in. Throws Error (kInvalidData, `where` in its text) when there are no rows or
  /// too many, an id appears twice, or a number is not finite, bytes or F1 are not positive, or `kept` is not in (0,
  /// 1].
  explicit KnobTable(std::vector<Combination> rows, const std::string& where = "knob table");

  /// Reads a file: JSON when it begins with '[' or '{', else CSV. Throws Error: kNotFound, kInvalidData with the line.
  static KnobTable load(const std::filesystem::path& path);
  /// CSV with a header line that names at least id, bytes_mean, f1; also known: name, bytes_p95, cost_ms, infer_ms,
  /// kept, family, live; others are ignored. Without a header: the tables of Mez (id, mean bytes, F1, …, …, frames kept
  /// of 99), whose F1 is normalised to combination 500, the untouched frames (else to the best), and whose family is id
  /// / 10: all knobs but frame differencing.
  static KnobTable parse_csv(std::string_view text, const std::string& where);
  /// A JSON array of objects with the fields of the CSV, or an object that has it as "combinations".
  static KnobTable parse_json(std::string_view text, const std::string& where);

  std::span<const Combination> rows() const { return rows_; }
  bool empty() const { return rows_.empty(); }
  static constexpr size_t npos =  // NOLINT(readability-identifier-naming): as std::string has it
      std::numeric_limits<size_t>::max();
  /// Row index of an id, or npos.
  size_t index_of(uint32_t id) const;
  /// Row of the highest F1; among equals the smallest.
  size_t best() const { return best_; }

  /// Live rows that no other live row beats: none has at most their load and time and at least their F1 (ties: the
  /// smaller stays). By rising bytes. F1 need not be monotone in the table; along the frontier of equal times it is.
  std::span<const size_t> frontier() const { return frontier_; }

 private:
  std::vector<Combination> rows_;
  std::vector<size_t> frontier_;
  size_t best_ = 0;
};

}  // namespace vedette::framelog
