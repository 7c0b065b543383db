#include "vedette/media/knob_setting.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/frame/picture.h"

namespace vedette::media {
namespace {

struct Size {
  int width, height;
};
constexpr std::array<Size, 5> kResolutions{{{0, 0}, {1312, 736}, {960, 528}, {640, 352}, {480, 256}}};
constexpr std::array<ColorSpace, 5> kSpaces{ColorSpace::kBgr, ColorSpace::kGray, ColorSpace::kHsv, ColorSpace::kLab,
                                            ColorSpace::kLuv};
constexpr std::array<int, 5> kBlurs{0, 5, 8, 10, 15};
constexpr std::array<Artefacts, 3> kArtefacts{Artefacts::kKept, Artefacts::kMoving, Artefacts::kContours};
constexpr std::array<double, 5> kDifferences{0, 0.18, 0.36, 0.54, 0.72};

struct Encoding {
  Codec codec;
  int quality;
  bool inter;
  friend bool operator==(const Encoding&, const Encoding&) = default;
};
constexpr std::array<Encoding, 8> kEncodings{{{Codec::kJpeg, 90, false},
                                              {Codec::kJpeg, 75, false},
                                              {Codec::kJpeg, 50, false},
                                              {Codec::kJpeg, 30, false},
                                              {Codec::kH264, KnobSetting::kVideoQuality, false},
                                              {Codec::kH264, KnobSetting::kVideoQuality, true},
                                              {Codec::kH265, KnobSetting::kVideoQuality, false},
                                              {Codec::kH265, KnobSetting::kVideoQuality, true}}};

/// What one number of each knob weighs in an id.
constexpr int kEncodingStep = 2500, kResolutionStep = 500, kSpaceStep = 100, kBlurStep = 20, kArtefactStep = 5;

[[noreturn]] void fail(std::string_view part, const std::string& why, const std::string& hint) {
  throw Error(ErrorCode::kUsage, fmt::format("knob '{}': {}", part, why), hint);
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename T>
T number_in(std::string_view part, std::string_view text, T least, T most, const std::string& what) {
  const auto value = number<T>(text);
  if (!value || !(*value >= least && *value <= most))
    fail(part, "not " + what, fmt::format("{} from {} to {}", what, least, most));
  return *value;
}

/// Place of a value among the numbered ones.
template <typename Values, typename T>
std::optional<int> place_of(const Values& values, const T& value) {
  const auto found = std::find(values.begin(), values.end(), value);
  if (found == values.end()) return std::nullopt;
  return static_cast<int>(found - values.begin());
}

std::optional<int> place_of_resolution(const KnobSetting& s) {
  for (size_t i = 0; i < kResolutions.size(); ++i)
    if (kResolutions[i].width == s.max_width && kResolutions[i].height == s.max_height) return static_cast<int>(i);
  return std::nullopt;
}

Encoding encoding_of(const KnobSetting& s) { return {s.codec, s.quality, s.inter}; }

void set_encoding(KnobSetting& s, const Encoding& e) {
  s.codec = e.codec;
  s.quality = e.quality;
  s.inter = e.inter;
}

/// The numbered value of a knob: "R2".
void set_numbered(KnobSetting& s, std::string_view part, int place) {
  const auto check = [&](size_t count) {
    if (place < 1 || place > static_cast<int>(count))
      fail(part, "there is no such value", fmt::format("{}1 to {}{}", part[0], part[0], count));
    return static_cast<size_t>(place - 1);
  };
  switch (part[0]) {
    case 'R': {
      const Size size = kResolutions[check(kResolutions.size())];
      s.max_width = size.width;
      s.max_height = size.height;
      return;
    }
    case 'C': s.color_space = kSpaces[check(kSpaces.size())]; return;
    case 'K': s.blur_px = kBlurs[check(kBlurs.size())]; return;
    case 'D': s.artefacts = kArtefacts[check(kArtefacts.size())]; return;
    case 'F': s.difference = kDifferences[check(kDifferences.size())]; return;
    default: set_encoding(s, kEncodings[check(kEncodings.size())]); return;
  }
}

template <typename E, size_t N>
E by_name(std::string_view part, std::string_view name, const std::array<E, N>& values) {
  std::vector<std::string> names;
  for (const E value : values) {
    if (to_string(value) == name) return value;
    names.emplace_back(to_string(value));
  }
  fail(part, "there is no such value", did_you_mean(name, names));
}

void set_resolution(KnobSetting& s, std::string_view part, std::string_view value) {
  const size_t x = value.find('x');
  if (x == std::string_view::npos) fail(part, "not WIDTHxHEIGHT", "as R=800x450");
  s.max_width = number_in<int>(part, value.substr(0, x), 16, Picture::kLargestSide, "a width");
  s.max_height = number_in<int>(part, value.substr(x + 1), 16, Picture::kLargestSide, "a height");
}

void set_encoding(KnobSetting& s, std::string_view part, std::string_view value) {
  const size_t colon = value.find(':');
  std::string_view name = value.substr(0, colon);
  constexpr std::string_view kInter = "-inter";
  s.inter = name.ends_with(kInter);
  if (s.inter) name.remove_suffix(kInter.size());
  s.codec = by_name(part, name, std::array{Codec::kJpeg, Codec::kH264, Codec::kH265});
  if (s.codec == Codec::kJpeg && s.inter) fail(part, "JPEG has no inter frames", "h264-inter, h265-inter");
  s.quality = s.codec == Codec::kJpeg ? KnobSetting{}.quality : KnobSetting::kVideoQuality;
  if (colon == std::string_view::npos) return;
  s.quality = s.codec == Codec::kJpeg ? number_in<int>(part, value.substr(colon + 1), 1, 100, "a JPEG quality")
                                      : number_in<int>(part, value.substr(colon + 1), 0, 51, "a constant rate factor");
}

/// The named or free value of a knob: "R=800x450".
void set_named(KnobSetting& s, std::string_view part, std::string_view value) {
  switch (part[0]) {
    case 'R': return set_resolution(s, part, value);
    case 'C': s.color_space = by_name(part, value, kSpaces); return;
    case 'K': s.blur_px = number_in<int>(part, value, 0, 255, "a kernel side"); return;
    case 'D': s.artefacts = by_name(part, value, kArtefacts); return;
    case 'F': s.difference = number_in<double>(part, value, 0, 1, "a threshold"); return;
    default: return set_encoding(s, part, value);
  }
}

/// Parts between commas, blanks and pluses; brackets and quotes count as blanks.
std::vector<std::string_view> parts_of(std::string_view text) {
  constexpr std::string_view kBetween = " \t,+[]'\"";
  std::vector<std::string_view> parts;
  for (size_t at = 0; (at = text.find_first_not_of(kBetween, at)) != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end;
  }
  return parts;
}

}  // namespace

std::string_view to_string(ColorSpace space) {
  switch (space) {
    case ColorSpace::kBgr: return "bgr";
    case ColorSpace::kGray: return "gray";
    case ColorSpace::kHsv: return "hsv";
    case ColorSpace::kLab: return "lab";
    case ColorSpace::kLuv: return "luv";
  }
  return "?";
}

std::string_view to_string(Artefacts artefacts) {
  switch (artefacts) {
    case Artefacts::kKept: return "kept";
    case Artefacts::kMoving: return "moving";
    case Artefacts::kContours: return "contours";
  }
  return "?";
}

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::kJpeg: return "jpeg";
    case Codec::kH264: return "h264";
    case Codec::kH265: return "h265";
  }
  return "?";
}

KnobSetting KnobSetting::from_id(int id) {
  const int artefacts = id % kBlurStep / kArtefactStep;
  if (id < 0 || id >= kIds || artefacts >= static_cast<int>(kArtefacts.size())) {
    throw Error(ErrorCode::kUsage, fmt::format("there is no knob combination {}", id),
                fmt::format("ids are below {}; those whose remainder by 20 is 15 or more are not used", kIds));
  }
  KnobSetting s;
  set_encoding(s, kEncodings[static_cast<size_t>(id / kEncodingStep)]);
  const Size size = kResolutions[static_cast<size_t>(id % kEncodingStep / kResolutionStep)];
  s.max_width = size.width;
  s.max_height = size.height;
  s.color_space = kSpaces[static_cast<size_t>(id % kResolutionStep / kSpaceStep)];
  s.blur_px = kBlurs[static_cast<size_t>(id % kSpaceStep / kBlurStep)];
  s.artefacts = kArtefacts[static_cast<size_t>(artefacts)];
  s.difference = kDifferences[static_cast<size_t>(id % kArtefactStep)];
  return s;
}

std::optional<int> KnobSetting::id() const {
  const auto r = place_of_resolution(*this), c = place_of(kSpaces, color_space), k = place_of(kBlurs, blur_px),
             d = place_of(kArtefacts, artefacts), f = place_of(kDifferences, difference),
             e = place_of(kEncodings, encoding_of(*this));
  if (!r || !c || !k || !d || !f || !e) return std::nullopt;
  return *e * kEncodingStep + *r * kResolutionStep + *c * kSpaceStep + *k * kBlurStep + *d * kArtefactStep + *f;
}

std::vector<int> KnobSetting::all_ids() {
  std::vector<int> ids;
  for (int id = 0; id < kIds; ++id)
    if (id % kBlurStep / kArtefactStep < static_cast<int>(kArtefacts.size())) ids.push_back(id);
  return ids;
}

KnobSetting KnobSetting::parse(std::string_view text) {
  const auto parts = parts_of(text);
  if (parts.empty()) throw Error(ErrorCode::kUsage, "no knobs are given", "as R2,C1,K1,D1,F1, or an id as 500");
  if (parts.size() == 1) {
    if (const auto id = number<int>(parts[0])) return from_id(*id);
  }
  KnobSetting s;
  std::string seen;
  for (const std::string_view part : parts) {
    constexpr std::string_view kKnobs = "RCKDFE";
    if (kKnobs.find(part[0]) == std::string_view::npos)
      fail(part, "there is no such knob", "R, C, K, D, F or E, as R2 or R=800x450");
    if (seen.find(part[0]) != std::string::npos) fail(part, "the knob is given twice", "each of R, C, K, D, F, E once");
    seen += part[0];
    if (part.size() > 1 && part[1] == '=') {
      set_named(s, part, part.substr(2));
    } else if (const auto place = number<int>(part.substr(1))) {
      set_numbered(s, part, *place);
    } else {
      fail(part, "no value", "a number as R2, or a value as R=800x450");
    }
  }
  return s;
}

std::string KnobSetting::to_string() const {
  const auto part = [](char knob, const std::optional<int>& place, const std::string& value) {
    return place ? fmt::format("{}{}", knob, *place + 1) : fmt::format("{}={}", knob, value);
  };
  std::string text = part('R', place_of_resolution(*this), fmt::format("{}x{}", max_width, max_height));
  text += "," + part('C', place_of(kSpaces, color_space), "");
  text += "," + part('K', place_of(kBlurs, blur_px), fmt::format("{}", blur_px));
  text += "," + part('D', place_of(kArtefacts, artefacts), "");
  text += "," + part('F', place_of(kDifferences, difference), fmt::format("{}", difference));
  const auto encoding = place_of(kEncodings, encoding_of(*this));
  if (encoding != 0) {
    text += "," + part('E', encoding,
                       fmt::format("{}{}:{}", vedette::media::to_string(codec), inter ? "-inter" : "", quality));
  }
  return text;
}

}  // namespace vedette::media
