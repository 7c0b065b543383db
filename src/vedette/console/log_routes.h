#pragma once

#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "vedette/console/live_answers.h"
#include "vedette/console/log_spans.h"
#include "vedette/framelog/shelf.h"
#include "vedette/net/router.h"

namespace vedette::console {

/// What is kept of cameras, for viewers:
///
///   GET /api/logs                       {"time","logs":[…]}: camera, oldest, newest, frames, bytes, trouble
///   GET /api/logs/CAMERA                the same of one, and its `spans`: times that have frames; what lies between
///   two
///                                       is a hole of more than two seconds. At most 500, the shortest holes left out
///   GET /api/logs/CAMERA/frame.jpg      ?at=MOMENT &width=N     the newest frame at this time or before it, with
///                                       X-Vedette-Time, X-Vedette-Sequence and X-Vedette-Size
///   GET /api/logs/CAMERA/play           ?from=MOMENT &to=MOMENT &speed=N &width=N &fps=N     see LogPlayer
///   GET /api/logs/CAMERA/events         ?from=MOMENT &to=MOMENT     of the views of that stream that the hub remembers
///
/// MOMENT: framelog::parse_moment(). `at` and `from` are "now" by themselves. A tenant is shown the cameras that its
/// applications log. Reading files takes as long as the disk takes, and a picture of a video up to 250 decoded frames:
/// a few at a time, the others are refused as "unavailable" after a while, so that neither takes all of a server's
/// threads.
class LogAnswers {
 public:
  /// Both outlive it.
  LogAnswers(const framelog::Shelf& shelf, const LiveContext& context);

  void add_to(net::Routes& routes);
  /// Those that whoever asks may see, by camera.
  std::vector<framelog::Shelf::Item> shown_to(const net::Request& request) const;

 private:
  static constexpr std::ptrdiff_t kMostReading = 6;
  static constexpr std::ptrdiff_t kMostPlaying = 16;
  using Permits = std::counting_semaphore<64>;
  using Item = framelog::Shelf::Item;

  bool shows(const Item& item, const net::Request& request) const;
  Item find(const net::Request& request) const;
  void answer_list(const net::Request& request, net::Response& response) const;
  void answer_one(const net::Request& request, net::Response& response);
  void answer_frame(const net::Request& request, net::Response& response);
  void answer_play(const net::Request& request, net::Response& response);
  void answer_events(const net::Request& request, net::Response& response) const;

  const framelog::Shelf& shelf_;
  const LiveContext& context_;
  SpanFinder spans_;
  Permits reading_{kMostReading};
  Permits playing_{kMostPlaying};
};

}  // namespace vedette::console
