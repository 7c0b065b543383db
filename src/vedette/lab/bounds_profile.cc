#include "vedette/lab/bounds_profile.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "vedette/base/error.h"
#include "vedette/base/time.h"
#include "vedette/lab/detection_metrics.h"

namespace vedette::lab {
namespace {

constexpr int64_t kOnlyCategory = 1;
/// Of what untouched frames show, without a truth.
constexpr double kScoreWithoutTruth = 0.5;
/// What was seen in so many pictures is remembered; they are forgotten all at once.
constexpr size_t kMostSeen = 20'000;

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto at = static_cast<size_t>(std::lround(q * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at), values.end());
  return values[at];
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

std::string key_of(const Bytes& bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // Halves besides the whole: two different pictures of one size must not be taken for each other.
  const std::hash<std::string_view> hash;
  return std::to_string(bytes.size()) + ':' + std::to_string(hash(text)) + ':' +
         std::to_string(hash(text.substr(text.size() / 2)));
}

std::vector<Object> mapped_back(std::vector<Object> objects, const media::Encoded& encoded) {
  for (Object& object : objects) object.box = media::map_back(object.box, encoded.stored, encoded.original);
  return objects;
}

}  // namespace

BoundsProfile::Seen BoundsProfile::look(const std::shared_ptr<const Picture>& picture) const {
  const MonotonicTime begin = Clock::system().monotonic();
  Seen seen{detect_(picture), 0};
  seen.infer_ms = to_milliseconds(Clock::system().monotonic() - begin);
  return seen;
}

void BoundsProfile::add_found(DetectionData& data, int64_t frame, const std::vector<Object>& objects) const {
  for (const Object& object : objects) {
    const int64_t category = one_category_ ? kOnlyCategory : object.class_id;
    if (!std::binary_search(data.categories.begin(), data.categories.end(), category)) {
      ++data.dropped;
      continue;
    }
    const Box& b = object.box;
    data.found.push_back({frame, category, b.x, b.y, b.width, b.height, object.score});
  }
}

BoundsProfile::BoundsProfile(std::vector<ProfileFrame> frames, const std::vector<MotRow>& truth, Detect detect,
                             Options options)
    : frames_(std::move(frames)), detect_(std::move(detect)), options_(options), one_category_(!truth.empty()) {
  if (frames_.empty()) throw Error(ErrorCode::kInvalidData, "the clip has no frames to profile");
  std::vector<std::vector<Object>> untouched;
  std::vector<double> infer_ms;
  for (const ProfileFrame& frame : frames_) {
    truth_.images.push_back(frame.number);
    Seen seen = look(frame.picture);
    infer_ms.push_back(seen.infer_ms);
    untouched.push_back(std::move(seen.objects));
  }
  baseline_.infer_ms = quantile(infer_ms, 0.5);
  baseline_.score = options_.score;
  if (one_category_) {
    truth_.categories = {kOnlyCategory};
    for (const MotRow& row : without_ignored(truth))
      if (std::binary_search(truth_.images.begin(), truth_.images.end(), row.frame))
        truth_.truth.push_back(
            {row.frame, kOnlyCategory, row.left, row.top, row.width, row.height, row.width * row.height, false});
  } else {
    if (baseline_.score < 0) baseline_.score = kScoreWithoutTruth;
    std::set<int64_t> categories;
    for (size_t i = 0; i < frames_.size(); ++i) {
      for (const Object& object : untouched[i]) {
        if (object.score < baseline_.score) continue;
        const Box& b = object.box;
        truth_.truth.push_back({frames_[i].number, object.class_id, b.x, b.y, b.width, b.height, b.area(), false});
        categories.insert(object.class_id);
      }
    }
    truth_.categories.assign(categories.begin(), categories.end());
  }
  if (truth_.truth.empty()) {
    throw Error(ErrorCode::kInvalidData,
                one_category_ ? "the truth has no box in the frames that are looked at"
                              : "the application finds nothing in the untouched frames that are looked at",
                "take more frames (--frames, --every), a lower --score, or another clip");
  }
  baseline_.truth_boxes = truth_.truth.size();
  DetectionData data = truth_;
  for (size_t i = 0; i < frames_.size(); ++i) add_found(data, frames_[i].number, untouched[i]);
  const F1Metrics metrics = f1_metrics(data, options_.least_iou, std::max(0.0, baseline_.score));
  if (baseline_.score < 0) baseline_.score = metrics.best.threshold;
  baseline_.f1 = options_.score < 0 && one_category_ ? metrics.best.f1 : metrics.at_score.f1;
  if (baseline_.f1 <= 0) {
    throw Error(ErrorCode::kInvalidData, "the application finds nothing of the truth in the untouched frames",
                "is it the truth of this clip? The clip's first frame is frame 1 of the truth");
  }
}

const BoundsProfile::Seen& BoundsProfile::look_once(const media::Encoded& encoded, media::KnobDecoder& decoder,
                                                    Seen& other) {
  // An inter frame's bytes alone do not say what it shows.
  if (encoded.codec != media::Codec::kJpeg) {
    const auto picture = decoder.decode(encoded);
    if (!picture) throw Error(ErrorCode::kInternal, "an encoded frame does not come back from its decoder");
    other = look(picture);
    return other;
  }
  std::string key = key_of(*encoded.bytes);
  if (const auto known = seen_.find(key); known != seen_.end()) return known->second;
  if (seen_.size() >= kMostSeen) seen_.clear();
  return seen_.emplace(std::move(key), look(decoder.decode(encoded))).first->second;
}

BoundsRow BoundsProfile::measure(int id) {
  media::KnobChain chain(media::KnobSetting::from_id(id));
  media::KnobDecoder decoder;
  DetectionData data = truth_;
  std::vector<double> bytes, cost_ms, infer_ms;
  std::vector<Object> last;
  Seen other;
  for (const ProfileFrame& frame : frames_) {
    const Duration begin = thread_cpu_time();
    const MonotonicTime began = Clock::system().monotonic();
    const auto encoded = chain.apply(*frame.picture);
    // Of this thread, so that a busy machine does not count; but libx265 encodes on a thread of its own.
    const double cost = to_milliseconds(
        chain.setting().codec == media::Codec::kH265 ? Clock::system().monotonic() - began : thread_cpu_time() - begin);
    if (encoded) {
      cost_ms.push_back(cost);
      bytes.push_back(static_cast<double>(encoded->bytes->size()));
      const Seen& seen = look_once(*encoded, decoder, other);
      infer_ms.push_back(seen.infer_ms);
      last = mapped_back(seen.objects, *encoded);
    }
    add_found(data, frame.number, last);
  }
  const F1Metrics metrics = f1_metrics(data, options_.least_iou, baseline_.score);
  BoundsRow row;
  row.id = id;
  row.bytes_mean = mean(bytes);
  row.bytes_p95 = quantile(bytes, 0.95);
  row.f1 = metrics.at_score.f1 / baseline_.f1;
  row.cost_ms = quantile(cost_ms, 0.5);
  row.infer_ms = quantile(infer_ms, 0.5);
  row.frames_kept = bytes.size();
  row.kept = static_cast<double>(bytes.size()) / static_cast<double>(frames_.size());
  row.live = row.cost_ms < media::KnobSetting::kLiveCostMs;
  return row;
}

}  // namespace vedette::lab
