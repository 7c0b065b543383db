#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vedette/base/time.h"
#include "vedette/framelog/moment.h"

namespace vedette::framelog {

/// Which frames of which log.
///
///   log://local/CAMERA              a log that is written in this process
///   log:///FOLDER/CAMERA            the files of one, whoever wrote them
///   log://HOST[:PORT]/CAMERA        by a broker
///
///   ?from=MOMENT  (see parse_moment; when it is not given: "start" for a folder, else "now")
///   &to=MOMENT    (goes on for ever when not given; a folder ends)
///   &latency=100ms &accuracy=0.95   what a broker is to keep
///   &key=FILE     the segment keys of a folder
struct LogUrl {
  std::string host;    ///< empty: a folder
  int port = 0;        ///< 0: the broker's usual one
  std::string folder;  ///< of all cameras
  std::string camera;
  Moment from = Newest{};
  std::optional<Moment> to;
  std::optional<Duration> latency;
  double accuracy = 0;  ///< least F1 over that of untouched frames; 0: any
  std::string key_file;

  bool local() const { return host == "local"; }
  /// It goes on with what the camera takes, and starts with it.
  bool live() const { return std::holds_alternative<Newest>(from) && !to; }
};

/// Throws Error(kUsage) in one line.
LogUrl parse_log_url(std::string_view url);

}  // namespace vedette::framelog
