#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette::identity {

/// What is known of an identity besides how it looks: "badge" → "1204". Small, ordered as given.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// An identity that is like what was asked for.
struct Match {
  std::string name;
  float similarity = 0;  ///< cosine of its best embedding, −1 … 1
  friend bool operator==(const Match&, const Match&) = default;
};

/// The identities known so far: each a name, metadata and one or more embeddings, and who of them is nearest to a new
/// embedding by cosine. Exact: every embedding is compared, in one pass over a flat matrix (a core looks through some
/// 10,000 embeddings of 512 numbers in a millisecond).
///
/// Embeddings are brought to L2 norm 1 on their way in, queries likewise. Thread-safe: any number of searches at once,
/// changes one at a time; a change is seen by searches that begin after it returned.
///
/// Every call that takes an embedding throws Error(kInvalidData) when it has another length than the gallery's, holds
/// something that is no number, or (for those that are kept) is zero everywhere; every call that keeps something throws
/// Error(kInvalidConfig) for a name that is empty or longer than 256 bytes or metadata of more than 4 KiB, and
/// Error(kExhausted) when the gallery is full. After a throw the gallery is as it was.
class Gallery {
 public:
  struct Options {
    size_t dimension = 512;          ///< numbers in an embedding, at least 1
    size_t max_embeddings = 100'000;  ///< of all identities together: 200 MB at 512 numbers
    size_t max_identities = 50'000;
  };
  struct Identity {
    std::string name;
    size_t embeddings = 0;
    Metadata metadata;
  };

  explicit Gallery(const Options& options);

  size_t dimension() const { return options_.dimension; }
  size_t embeddings() const;                 ///< of all identities
  size_t size() const;                       ///< identities
  bool empty() const { return size() == 0; }
  std::vector<Identity> identities() const;  ///< sorted by name
  std::optional<Identity> find(std::string_view name) const;

  /// One more embedding of an identity, which is new when the name is. Metadata already there stays.
  void add(const std::string& name, std::span<const float> embedding);
  /// All there is of an identity, whether it was known or not. At least one embedding.
  void replace(const std::string& name, std::span<const std::vector<float>> embeddings, Metadata metadata = {});
  /// Forgets an identity. False when there was none of this name.
  bool remove(std::string_view name);
  void clear();

  /// The identity of the most similar embedding; of several that are equal, the first by name. Nothing when the gallery
  /// is empty or the query is zero everywhere.
  std::optional<Match> nearest(std::span<const float> embedding) const;
  /// The `count` most similar identities, each once with its best embedding, best first, then by name.
  std::vector<Match> nearest(std::span<const float> embedding, size_t count) const;

 private:
  struct Entry {
    std::string name;
    size_t embeddings = 0;
    Metadata metadata;
  };
  using Names = std::map<std::string, size_t, std::less<>>;

  std::vector<float> normalised(std::span<const float> embedding) const;
  std::vector<float> normalised_nonzero(std::span<const float> embedding, const std::string& name) const;
  void check_room(size_t more_embeddings, size_t more_identities) const;
  Names::iterator identity_of(const std::string& name);
  void append(size_t identity, std::span<const float> unit);
  void drop_rows(size_t identity);
  void drop_identity(Names::iterator found);
  /// Best similarity of each identity, by number; −2 for one without embeddings.
  std::vector<float> compare(std::span<const float> unit) const;

  const Options options_;
  mutable std::shared_mutex mutex_;
  std::vector<float> matrix_;       ///< embeddings() rows of dimension() numbers, without gaps
  std::vector<size_t> row_owner_;   ///< number of the identity that each row belongs to
  std::vector<Entry> entries_;      ///< by number
  Names numbers_;                   ///< by name
};

/// Dot product of two vectors of one length: the cosine where both have norm 1. Summed in 16 lanes, so that it is quick
/// and the same on every machine.
float dot(std::span<const float> a, std::span<const float> b);

}  // namespace vedette::identity
