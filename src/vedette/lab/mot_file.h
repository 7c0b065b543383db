#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::lab {

/// One row of a MOTChallenge text file: `frame,id,left,top,width,height[,confidence[,…]]`, lengths in pixels.
struct MotRow {
  int64_t frame = 0;      ///< from 1
  int64_t id = -1;        ///< −1: a detection without a track
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  double confidence = 1;  ///< of a detection: its score. Of a truth row: 0 marks a box that evaluation must not look at
  size_t line = 0;  ///< where it stood, for messages; 0 when it comes from no file
};

/// Limits of what is read; a file beyond them is refused.
inline constexpr size_t kMotLargestFileBytes = 512u << 20;
inline constexpr size_t kMotLongestLineBytes = 1024;
inline constexpr size_t kMotMostRows = 10'000'000;
inline constexpr int64_t kMotLastFrame = 100'000'000;
inline constexpr double kMotLargestCoordinate = 1e7;

/// Reads MOT text. Fields are separated by commas (blanks around them are passed over), at least six, at most ten, each
/// a finite decimal number; frame and id must be whole; sizes must not be negative. Fields after the confidence (world
/// coordinates or class and visibility) must be numbers and are not kept. Empty lines, CR before LF and a byte-order
/// mark are passed over. Throws Error(kInvalidData) with "origin:line" for the first line that breaks these rules.
std::vector<MotRow> parse_mot(std::string_view text, const std::string& origin);

/// Reads a MOT file. Throws Error(kNotFound | kPermissionDenied | kInvalidData | kExhausted).
std::vector<MotRow> load_mot(const std::string& path);

/// The rows of a truth file that count. The MOT protocol ignores truth rows of confidence 0: they are taken out before
/// matching, so missing them costs nothing and a result box on them is a false positive like any other. py-motmetrics
/// (`loadtxt(min_confidence=1)`) and TrackEval (MOT15) do the same.
std::vector<MotRow> without_ignored(std::vector<MotRow> truth);

/// Writes rows as MOT text, ten fields each, lengths and confidence with up to six decimals.
std::string format_mot(const std::vector<MotRow>& rows);

}  // namespace vedette::lab
