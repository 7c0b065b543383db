#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace vedette::lab {

/// What one knob combination did to an application's frames.
struct BoundsRow {
  int id = 0;             ///< media::KnobSetting::id()
  double bytes_mean = 0;  ///< of the frames that were sent
  double bytes_p95 = 0;
  double f1 = 0;          ///< divided by that of the untouched frames
  double cost_ms = 0;     ///< CPU time of the knobs and the encoding for a frame that is sent, median
  double infer_ms = 0;    ///< of the model on a stored picture, median
  size_t frames_kept = 0; ///< sent, not withheld by differencing
  double kept = 1;        ///< their share
  bool live = false;      ///< cost_ms below media::KnobSetting::kLiveCostMs
};

/// The rows of a characterisation, by id, in a CSV file that grows while it is being made:
///
///   id,name,bytes_mean,bytes_p95,f1,cost_ms,infer_ms,frames_kept,kept,live
///   1100,R3+C2+K1+D1+F1,24817,26004,0.9713,3.21,14.80,60,1.0000,yes
///
/// The first line of the file is the header. A name is KnobSetting::to_string() with pluses, so that no field holds a
/// comma; live is yes or no.
class BoundsTable {
 public:
  /// Reads `path`, or begins empty when there is no such file. Throws Error(kInvalidData) with path:line for a file
  /// that is no such table, Error(kPermissionDenied).
  static BoundsTable open(const std::string& path);
  static BoundsTable parse(std::string_view text, const std::string& origin);

  const std::map<int, BoundsRow>& rows() const { return rows_; }
  bool contains(int id) const { return rows_.contains(id); }
  void add(const BoundsRow& row) { rows_[row.id] = row; }

  std::string text() const;
  /// Replaces the file as a whole: written beside it, flushed to the disk, renamed. Whoever reads it sees the old or
  /// the new one. Throws Error(kNotFound | kPermissionDenied | kExhausted).
  void save(const std::string& path) const;

 private:
  std::map<int, BoundsRow> rows_;
};

/// Writes a file as save() does.
void replace_file(const std::string& path, std::string_view text);

}  // namespace vedette::lab
