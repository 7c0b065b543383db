#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vedette/frame/buffer_pool.h"
#include "vedette/frame/object.h"
#include "vedette/frame/picture.h"
#include "vedette/graph/application.h"

namespace vedette::cli {

/// What an application finds in single pictures: the modules on the way from its sources to the first one that finds
/// objects, and the filters behind it, called directly. Modules with a memory (rates, motion gates, trackers) are left
/// out, so that every picture is judged by itself. Not thread-safe.
class ApplicationEyes {
 public:
  /// `source` stands in for the application's sources. Loads the model. Throws Error: what reading the application and
  /// starting its modules throw, kInvalidConfig when nothing in it finds objects.
  ApplicationEyes(const std::string& path, const std::string& source);
  ~ApplicationEyes();
  ApplicationEyes(const ApplicationEyes&) = delete;
  ApplicationEyes& operator=(const ApplicationEyes&) = delete;

  /// Objects with boxes in pixels of `picture`, also when the application scales pictures down. Throws what modules
  /// throw.
  std::vector<Object> look(const std::shared_ptr<const Picture>& picture);
  /// Names of the modules that look, in order.
  std::vector<std::string> modules() const;
  const std::string& application() const { return application_.name; }

 private:
  graph::Application application_;
  std::vector<size_t> way_;  // indices of application_.modules
  std::vector<std::unique_ptr<graph::Module>> started_;
  std::shared_ptr<const StreamInfo> stream_;
  BufferPool pool_;
  uint64_t next_ = 0;
};

}  // namespace vedette::cli
