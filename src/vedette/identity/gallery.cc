#include "vedette/identity/gallery.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>

#include "vedette/base/error.h"

namespace vedette::identity {
namespace {

constexpr size_t kLongestName = 256;
constexpr size_t kMostMetadataBytes = 4096;
constexpr float kNothing = -2;  // below every cosine

void check_name(const std::string& name) {
  if (name.empty()) throw Error(ErrorCode::kInvalidConfig, "an identity must have a name");
  if (name.size() > kLongestName)
    throw Error(ErrorCode::kInvalidConfig,
                fmt::format("the identity '{}…' has a name of {} bytes", name.substr(0, 32), name.size()),
                fmt::format("at most {}", kLongestName));
}

void check_metadata(const std::string& name, const Metadata& metadata) {
  size_t bytes = 0;
  for (const auto& [key, value] : metadata) bytes += key.size() + value.size();
  if (bytes > kMostMetadataBytes)
    throw Error(ErrorCode::kInvalidConfig, fmt::format("the identity '{}' has {} bytes of metadata", name, bytes),
                fmt::format("at most {}", kMostMetadataBytes));
}

}  // namespace

float dot(std::span<const float> a, std::span<const float> b) {
  VEDETTE_ASSERT(a.size() == b.size());
  constexpr size_t kLanes = 16;
  std::array<float, kLanes> sums{};
  const size_t whole = a.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (size_t i = whole; i < a.size(); ++i) sums[i - whole] += a[i] * b[i];
  for (size_t half = kLanes / 2; half > 0; half /= 2)
    for (size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

Gallery::Gallery(const Options& options) : options_(options) { VEDETTE_ASSERT(options_.dimension > 0); }

size_t Gallery::embeddings() const {
  const std::shared_lock lock(mutex_);
  return row_owner_.size();
}

size_t Gallery::size() const {
  const std::shared_lock lock(mutex_);
  return entries_.size();
}

std::vector<Gallery::Identity> Gallery::identities() const {
  const std::shared_lock lock(mutex_);
  std::vector<Identity> all;
  all.reserve(entries_.size());
  for (const auto& [name, number] : numbers_) {
    const Entry& entry = entries_[number];
    all.push_back({entry.name, entry.embeddings, entry.metadata});
  }
  return all;
}

std::optional<Gallery::Identity> Gallery::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return std::nullopt;
  const Entry& entry = entries_[found->second];
  return Identity{entry.name, entry.embeddings, entry.metadata};
}

void Gallery::add(const std::string& name, std::span<const float> embedding) {
  check_name(name);
  const auto unit = normalised_nonzero(embedding, name);
  const std::unique_lock lock(mutex_);
  check_room(1, numbers_.contains(name) ? 0 : 1);
  append(identity_of(name)->second, unit);
}

void Gallery::replace(const std::string& name, std::span<const std::vector<float>> embeddings, Metadata metadata) {
  check_name(name);
  check_metadata(name, metadata);
  if (embeddings.empty())
    throw Error(ErrorCode::kInvalidData, "the identity '" + name + "' has no embedding", "give at least one");
  std::vector<std::vector<float>> units;
  units.reserve(embeddings.size());
  for (const auto& embedding : embeddings) units.push_back(normalised_nonzero(embedding, name));

  const std::unique_lock lock(mutex_);
  const auto known = numbers_.find(name);
  const size_t freed = known == numbers_.end() ? 0 : entries_[known->second].embeddings;
  check_room(units.size() > freed ? units.size() - freed : 0, known == numbers_.end() ? 1 : 0);
  const size_t number = identity_of(name)->second;
  drop_rows(number);
  entries_[number].metadata = std::move(metadata);
  for (const auto& unit : units) append(number, unit);
}

bool Gallery::remove(std::string_view name) {
  const std::unique_lock lock(mutex_);
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return false;
  drop_rows(found->second);
  drop_identity(found);
  return true;
}

void Gallery::clear() {
  const std::unique_lock lock(mutex_);
  matrix_.clear();
  row_owner_.clear();
  entries_.clear();
  numbers_.clear();
}

std::optional<Match> Gallery::nearest(std::span<const float> embedding) const {
  auto best = nearest(embedding, 1);
  if (best.empty()) return std::nullopt;
  return std::move(best.front());
}

std::vector<Match> Gallery::nearest(std::span<const float> embedding, size_t count) const {
  const auto unit = normalised(embedding);
  if (unit.empty()) return {};
  const std::shared_lock lock(mutex_);
  const auto best = compare(unit);
  std::vector<size_t> order(entries_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
      [&](size_t a, size_t b) { return best[a] != best[b] ? best[a] > best[b] : entries_[a].name < entries_[b].name; });
  std::vector<Match> matches;
  matches.reserve(count);
  for (size_t i = 0; i < count; ++i) matches.push_back({entries_[order[i]].name, best[order[i]]});
  return matches;
}

std::vector<float> Gallery::compare(std::span<const float> unit) const {
  std::vector<float> best(entries_.size(), kNothing);
  const float* row = matrix_.data();
  for (const size_t owner : row_owner_) {
    // Rounding can carry the product of a vector with itself past 1.
    const float similarity = std::clamp(dot(unit, {row, options_.dimension}), -1.0F, 1.0F);
    best[owner] = std::max(best[owner], similarity);
    row += options_.dimension;
  }
  return best;
}

/// Empty for a vector that is zero everywhere.
std::vector<float> Gallery::normalised(std::span<const float> embedding) const {
  if (embedding.size() != options_.dimension)
    throw Error(ErrorCode::kInvalidData,
                fmt::format("the embedding has {} numbers, but those of the gallery have {}", embedding.size(),
                            options_.dimension),
                "embed with the model that the gallery was made with");
  double squares = 0;
  for (const float x : embedding) squares += static_cast<double>(x) * x;
  if (!std::isfinite(squares)) throw Error(ErrorCode::kInvalidData, "the embedding holds something that is no number");
  if (!(squares > 0)) return {};
  const double scale = 1 / std::sqrt(squares);
  std::vector<float> unit(embedding.size());
  std::transform(embedding.begin(), embedding.end(), unit.begin(),
                 [scale](float x) { return static_cast<float>(x * scale); });
  return unit;
}

std::vector<float> Gallery::normalised_nonzero(std::span<const float> embedding, const std::string& name) const {
  auto unit = normalised(embedding);
  if (unit.empty())
    throw Error(ErrorCode::kInvalidData, "an embedding of the identity '" + name + "' is zero everywhere");
  return unit;
}

void Gallery::check_room(size_t more_embeddings, size_t more_identities) const {
  if (row_owner_.size() + more_embeddings > options_.max_embeddings)
    throw Error(ErrorCode::kExhausted, fmt::format("the gallery is full: {} embeddings", options_.max_embeddings),
                "remove identities, or keep fewer embeddings of each");
  if (entries_.size() + more_identities > options_.max_identities)
    throw Error(ErrorCode::kExhausted, fmt::format("the gallery is full: {} identities", options_.max_identities),
                "remove identities");
}

Gallery::Names::iterator Gallery::identity_of(const std::string& name) {
  const auto [found, is_new] = numbers_.emplace(name, entries_.size());
  if (is_new) entries_.push_back({name, 0, {}});
  return found;
}

void Gallery::append(size_t identity, std::span<const float> unit) {
  matrix_.insert(matrix_.end(), unit.begin(), unit.end());
  row_owner_.push_back(identity);
  ++entries_[identity].embeddings;
}

/// Takes an identity's rows out; the others close up in their order.
void Gallery::drop_rows(size_t identity) {
  size_t kept = 0;
  for (size_t row = 0; row < row_owner_.size(); ++row) {
    if (row_owner_[row] == identity) continue;
    if (kept != row) {
      row_owner_[kept] = row_owner_[row];
      std::copy_n(matrix_.data() + row * options_.dimension, options_.dimension,
                  matrix_.data() + kept * options_.dimension);
    }
    ++kept;
  }
  row_owner_.resize(kept);
  matrix_.resize(kept * options_.dimension);
  entries_[identity].embeddings = 0;
}

/// The last identity takes over the number of the one that goes.
void Gallery::drop_identity(Names::iterator found) {
  const size_t number = found->second, last = entries_.size() - 1;
  numbers_.erase(found);
  if (number != last) {
    for (size_t& owner : row_owner_)
      if (owner == last) owner = number;
    numbers_.find(entries_[last].name)->second = number;
    entries_[number] = std::move(entries_[last]);
  }
  entries_.pop_back();
}

}  // namespace vedette::identity
