#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vedette::media {

enum class ColorSpace { kBgr, kGray, kHsv, kLab, kLuv };

enum class Artefacts {
  kKept,      ///< the whole picture
  kMoving,    ///< what moves is kept, the rest is black
  kContours,  ///< only the outlines of what moves, white on black
};

enum class Codec { kJpeg, kH264, kH265 };

std::string_view to_string(ColorSpace space);
std::string_view to_string(Artefacts artefacts);
std::string_view to_string(Codec codec);

/// How much of a frame's quality is given up to make it smaller: one value for each knob of Mez (paper 004 §2.3.1) and
/// for the encoding. The default touches nothing. A small value: copy it, compare it, change it between two frames.
///
/// Every knob has numbered values; a setting made of those has an id:
///
///   knob                      1        2         3         4        5        6      7      8
///   R resolution              as it is 1312×736  960×528   640×352  480×256
///   C colour space            BGR      grey      HSV       LAB      LUV
///   K blur, box kernel        none     5         8         10       15
///   D artefact removal        none     moving    contours
///   F frame differencing      0        0.18      0.36      0.54     0.72
///   E encoding                JPEG 90  JPEG 75   JPEG 50   JPEG 30  H.264    H.264  H.265  H.265
///                                                                   intra    inter  intra  inter
///
///   id = 2500·(E−1) + 500·(R−1) + 100·(C−1) + 20·(K−1) + 5·(D−1) + (F−1)
///
/// Below 2500 these are the ids of the tables that Mez's authors published: 520 is R2,C1,K2,D1,F1. Ids
/// whose D would be 4 do not exist.
struct KnobSetting {
  /// The picture is made to fit into this many pixels; 0: as it is. See stored_size().
  int max_width = 0;
  int max_height = 0;
  ColorSpace color_space = ColorSpace::kBgr;
  int blur_px = 0;  ///< side of the box kernel, in pixels of the stored picture; 0 and 1: none
  Artefacts artefacts = Artefacts::kKept;
  double difference =
      0;  ///< a frame is withheld when it differs from the last one sent by less; 0: never. See Differencing
  Codec codec = Codec::kJpeg;
  int quality = 90;    ///< of JPEG, 1 … 100; of H.264 and H.265 the constant rate factor, 0 (best) … 51
  bool inter = false;  ///< of H.264 and H.265: frames may lean on those before them

  static constexpr int kIds = 20000;  ///< ids are below this
  static constexpr int kVideoQuality = 26;

  /// Throws Error(kUsage) when there is no such id.
  static KnobSetting from_id(int id);
  /// "R2,C1,K1,D1,F1" in any order, separated by commas, knobs left out at value 1; besides the numbered values
  /// R=800x450, C=gray, K=7, D=moving, F=0.05, and E=jpeg:60, E=h264:28 (intra), E=h264-inter:28, E=h265…; or an id.
  /// Also takes the list form ['R2', 'C1', …] of Mez's files. Throws Error(kUsage) naming the part that is wrong and
  /// what is possible.
  static KnobSetting parse(std::string_view text);
  /// What parse() reads: "R2,C1,K1,D1,F1" and ",E6" unless E is 1; knobs with other values as R=800x450.
  std::string to_string() const;
  /// Nothing when a knob has a value without a number.
  std::optional<int> id() const;
  /// Every id there is, ascending: 15,000.
  static std::vector<int> all_ids();
  bool untouched() const { return *this == KnobSetting{}; }

  /// Milliseconds that one 1080p frame takes on one core of the machine that docs/knobs.md names, from the table that
  /// bench/knobs measured there: the costs of the steps added up.
  double estimated_cost_ms() const;
  /// May be used on live frames: it takes less than 10 ms by that table. `vedette bounds profile` measures instead.
  bool live() const { return estimated_cost_ms() < kLiveCostMs; }
  static constexpr double kLiveCostMs = 10;

  friend bool operator==(const KnobSetting&, const KnobSetting&) = default;
};

}  // namespace vedette::media
