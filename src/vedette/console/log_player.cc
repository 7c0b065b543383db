#include "vedette/console/log_player.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "vedette/base/error.h"
#include "vedette/base/log.h"
#include "vedette/console/long_answer.h"

namespace vedette::console {
namespace {

constexpr Duration kStep = std::chrono::milliseconds(200);
/// Frames passed over at a step, so that a stop is never waited for.
constexpr int kMostPassedOver = 1000;

MonotonicTime now() { return Clock::system().monotonic(); }

framelog::Cursor cursor_of(const framelog::Log& log, const PlayOptions& options) {
  return options.to ? log.range(options.from, *options.to) : log.follow(options.from);
}

}  // namespace

LogPlayer::LogPlayer(std::shared_ptr<const framelog::Log> log, PlayOptions options, std::stop_token stop)
    : log_(std::move(log)),
      options_(options),
      stop_(std::move(stop)),
      cursor_(cursor_of(*log_, options_)),
      pace_(options_.speed),
      pictures_(log_, options_.width_px, options_.jpeg_quality) {
  coming_ = fetch();
}

LogPlayer::~LogPlayer() = default;

std::optional<LogPlayer::Coming> LogPlayer::fetch() {
  auto frame = cursor_.next();
  if (!frame) return std::nullopt;
  const auto due = pace_.due(frame->time(), now());
  return Coming{std::move(*frame), due, pace_.hole()};
}

bool LogPlayer::write_next(net::Sink& sink) try {
  if (!std::exchange(begun_, true)) return write_first_boundary(sink);
  return !stop_.stop_requested() && step(sink);
} catch (const Error& error) {
  log::warn("console: log of {} cannot be played any further: {}", log_->camera(), error.line());
  const std::string line = error.line();
  write_part(sink, "text/plain; charset=utf-8", "", {reinterpret_cast<const uint8_t*>(line.data()), line.size()});
  sink.end();
  return false;
}

bool LogPlayer::step(net::Sink& sink) {
  if (!coming_) coming_ = std::exchange(behind_, std::nullopt);
  if (!coming_) coming_ = fetch();
  if (!coming_) return wait_at_end(sink);
  const auto due = std::max(coming_->due, not_before_);
  if (const Duration early = due - now(); early > Duration{0}) {
    std::this_thread::sleep_for(std::min(early, kStep));
    return early <= kStep || sink.is_open();
  }
  pass_over_late();
  return show(sink);
}

bool LogPlayer::wait_at_end(net::Sink& sink) {
  if (cursor_.done() || (options_.to && *options_.to <= Clock::system().now())) {
    sink.end();
    return false;
  }
  pace_.restart();
  if (auto frame = cursor_.next(now() + kStep)) {
    const auto due = pace_.due(frame->time(), now());
    coming_ = Coming{std::move(*frame), due, pace_.hole()};
    return true;
  }
  return sink.is_open();
}

void LogPlayer::pass_over_late() {
  hole_ = coming_->hole;
  for (int i = 0; i < kMostPassedOver; ++i) {
    if (!behind_) behind_ = fetch();
    if (!behind_) return;
    if (std::max(behind_->due, not_before_) > now()) return;
    coming_ = std::exchange(behind_, std::nullopt);
    hole_ = std::max(hole_, coming_->hole);
  }
}

bool LogPlayer::show(net::Sink& sink) {
  const Coming shown = *std::exchange(coming_, std::nullopt);
  not_before_ = now() + from_seconds(1 / options_.most_per_second);
  std::optional<Bytes> jpeg;
  try {
    jpeg = pictures_.picture_of(shown.frame);
  } catch (const Error& error) {
    log::debug("console: no picture of {} frame {}: {}", log_->camera(), shown.frame.sequence(), error.line());
  }
  if (!jpeg) return sink.is_open();
  const auto info = shown.frame.info();
  std::string headers = fmt::format("X-Vedette-Time: {}\r\nX-Vedette-Sequence: {}\r\nX-Vedette-Size: {}x{}\r\n",
                                    to_rfc3339(info.time), info.sequence, info.width, info.height);
  if (hole_ > Duration{0}) fmt::format_to(std::back_inserter(headers), "X-Vedette-Hole: {:.1f}\r\n", to_seconds(hole_));
  if (!behind_ && !options_.to) headers += "X-Vedette-Live: 1\r\n";
  return write_part(sink, "image/jpeg", headers, *jpeg);
}

}  // namespace vedette::console
