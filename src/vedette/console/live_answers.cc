#include "vedette/console/live_answers.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "vedette/base/log.h"
#include "vedette/base/nearest.h"
#include "vedette/console/live_json.h"
#include "vedette/console/long_answer.h"
#include "vedette/console/pictures.h"
#include "vedette/live/text_form.h"

namespace vedette::console {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kHeartbeat{10};
/// Messages of a busy server are gathered for so long and written at once.
constexpr milliseconds kGather{20};
/// How often a viewer that nothing is sent to is looked after.
constexpr milliseconds kIdleCheck{1000};

MonotonicTime now() { return Clock::system().monotonic(); }

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                       c == '_' || c == '.' || c == '/';
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// By id, or by a stream's name alone (the first application's, in alphabetical order).
const live::View* find_in(const std::vector<live::View>& views, const std::string& name) {
  const live::View* first = nullptr;
  for (const live::View& view : views) {
    if (view.id == name) return &view;
    if (view.stream == name && !first) first = &view;
  }
  return first;
}

std::vector<live::View> shown_views(const live::Hub& hub, const ViewFilter& shows) {
  std::vector<live::View> views = hub.views();
  std::erase_if(views, [&](const live::View& view) { return !shows(view.id); });
  return views;
}

live::View find_view(const live::Hub& hub, const ViewFilter& shows, const std::string& name) {
  const auto views = shown_views(hub, shows);
  if (const live::View* view = find_in(views, name)) return *view;
  std::vector<std::string> names;
  for (const auto& view : views) {
    names.push_back(view.id);
    names.push_back(view.stream);
  }
  const std::string what = fmt::format("no stream is called '{}'", name.substr(0, 128));
  throw Error(ErrorCode::kNotFound, what,
              names.empty() ? "none has delivered a picture yet" : did_you_mean(name, names));
}

/// Ids as the watch wants them: a stream's name alone becomes the id of its first view; an unknown one stays, for it
/// may come.
std::vector<std::string> view_ids(const live::Hub& hub, const ViewFilter& shows, std::vector<std::string> names) {
  const auto views = shown_views(hub, shows);
  for (std::string& name : names) {
    if (const live::View* view = find_in(views, name)) name = view->id;
  }
  return names;
}

/// The view that an observation's text (live/text_form.h) begins with; "" when it begins with something else.
std::string view_of(const std::string& observation) {
  static constexpr std::string_view kBegin = "{\"view\":";
  if (!observation.starts_with(kBegin)) return "";
  size_t end = kBegin.size() + 1;
  while (end < observation.size() && observation[end] != '"') end += observation[end] == '\\' ? 2 : 1;
  const auto text = nlohmann::json::parse(observation.substr(kBegin.size(), end + 1 - kBegin.size()), nullptr, false);
  return text.is_string() ? text.get<std::string>() : "";
}

/// The event id in "epoch:id"; 0, the beginning, when it belongs to an earlier process.
std::optional<uint64_t> resume_point(const live::Hub& hub, const net::Request& request) {
  const std::string& text = request.header("Last-Event-ID");
  if (text.empty()) return std::nullopt;
  const size_t colon = text.find(':');
  uint64_t id = 0;
  if (colon == std::string::npos || text.substr(0, colon) != hub.epoch()) return 0;
  const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() ? id : 0;
}

void append_message(std::string& out, std::string_view type, std::string_view data) {
  fmt::format_to(std::back_inserter(out), "event: {}\ndata: {}\n\n", type, data);
}

/// One server-sent-events viewer.
class EventStream {
 public:
  EventStream(const LiveContext& context, const net::Request& request, live::TextWatch::Options options)
      : context_(context),
        tenant_(request.principal.tenant),
        shows_(filter_of(context, request)),
        observations_(options.observations),
        watch_(context.hub.watch_text(std::move(options))) {}

  bool write_next(net::Sink& sink) {
    std::string out;
    if (std::exchange(first_, false)) {
      std::string hello = "{\"version\":";
      live::append_json_string(hello, context_.version);
      append_message(out, "hello", fmt::format("{},\"epoch\":\"{}\"}}", hello, context_.hub.epoch()));
      append_message(out, "streams", streams_json(context_.hub, shows_));
      counts_due_ = true;
    } else {
      const Duration timeout = std::max<Duration>(next_second_ - now(), Duration{0});
      append(out, watch_->next(context_.stop, timeout));
    }
    if (now() >= next_second_) {
      next_second_ = now() + seconds(1);
      append_message(out, "status", *context_.board.json(tenant_));
      if (std::exchange(counts_due_, false)) {
        append_message(out, "zones", zones_history_json(context_.hub.zone_history(Duration{0}), true, shows_));
      }
    }
    if (out.empty() && now() - written_ >= kHeartbeat) out = ": still here\n\n";
    if (context_.stop.stop_requested()) return false;
    if (out.empty()) return sink.is_open();
    written_ = now();
    if (!sink.write(out)) return false;
    if (observations_) std::this_thread::sleep_for(kGather);
    return true;
  }

 private:
  void append(std::string& out, const live::TextWatch::Batch& batch) {
    counts_due_ = counts_due_ || batch.counts_changed;
    if (batch.views_changed) append_message(out, "streams", streams_json(context_.hub, shows_));
    if (batch.lost_observations > 0 || batch.events.lost > 0) {
      append_message(out, "lost",
                     fmt::format("{{\"observations\":{},\"events\":{}}}", batch.lost_observations, batch.events.lost));
    }
    for (const auto& text : batch.observations)
      if (tenant_.empty() || shows_(view_of(*text))) append_message(out, "observation", *text);
    for (const auto& record : batch.events.events) {
      if (!shows_(record.view)) continue;
      fmt::format_to(std::back_inserter(out), "id: {}:{}\n", context_.hub.epoch(), record.id);
      append_message(out, "event", event_json(record));
    }
  }

  const LiveContext& context_;
  const std::string tenant_;
  const ViewFilter shows_;
  const bool observations_;
  std::unique_ptr<live::TextWatch> watch_;
  bool first_ = true;
  bool counts_due_ = false;
  MonotonicTime next_second_{};
  MonotonicTime written_{};
};

struct PictureOptions {
  int width_px = 0;
  double fps = 0;
  bool boxes = false;
};

PictureOptions picture_options(const net::Parameters& parameters) {
  PictureOptions options;
  options.width_px = shared_width(static_cast<int>(parameters.whole("width", 0, 16, 16384)));
  options.fps = parameters.number("fps", 0, 0.1, 240);
  options.boxes = parameters.flag("boxes", false);
  return options;
}

/// One viewer of pictures: of several streams with what was found in each, or of one in plain form.
class PictureStream {
 public:
  PictureStream(const LiveContext& context, ViewFilter shows, PictureOptions options, std::vector<std::string> views,
                bool plain)
      : context_(context),
        shows_(std::move(shows)),
        options_(options),
        plain_(plain),
        watch_(context.hub.watch_pictures({std::move(views), options.fps})) {}

  bool write_next(net::Sink& sink) {
    if (std::exchange(first_, false)) return write_first_boundary(sink);
    const auto sight = watch_->next(context_.stop, kIdleCheck);
    if (context_.stop.stop_requested()) return false;
    if (!sight || !shows_(sight->view)) return sink.is_open();
    const auto jpeg = encode(*sight);
    if (!jpeg) return true;
    return write_part(sink, "image/jpeg", headers(*sight), *jpeg);
  }

 private:
  std::shared_ptr<const Bytes> encode(const live::PictureWatch::Sight& sight) try {
    if (options_.boxes) {
      return drawn_jpeg(sight.observation, overlays_[sight.view], options_.width_px, context_.jpeg_quality);
    }
    return picture_jpeg(sight.observation.frame(), options_.width_px, context_.jpeg_quality);
  } catch (const Error& error) {
    log::debug("console: no picture of {} frame {}: {}", sight.view, sight.observation.frame().sequence, error.line());
    return nullptr;
  }

  std::string headers(const live::PictureWatch::Sight& sight) const {
    if (plain_) return {};
    const Frame& frame = sight.observation.frame();
    std::string lines = fmt::format(
        "X-Vedette-Stream: {}\r\nX-Vedette-Sequence: {}\r\nX-Vedette-Time: {}\r\nX-Vedette-Size: {}x{}\r\n"
        "X-Vedette-Objects: {}\r\n",
        percent_encoded(sight.view), frame.sequence, to_rfc3339(frame.capture_time), frame.width, frame.height,
        live::objects_json(sight.observation.objects()));
    if (sight.zones_changed)
      fmt::format_to(std::back_inserter(lines), "X-Vedette-Zones: {}\r\n", live::zones_json(sight.observation.zones()));
    return lines;
  }

  const LiveContext& context_;
  const ViewFilter shows_;
  const PictureOptions options_;
  const bool plain_;
  std::unique_ptr<live::PictureWatch> watch_;
  std::map<std::string, media::Overlay> overlays_;
  bool first_ = true;
};

}  // namespace

ViewFilter filter_of(const LiveContext& context, const net::Request& request) {
  return [&board = context.board, tenant = request.principal.tenant](std::string_view view) {
    return board.shows(view, tenant);
  };
}

void answer_event_stream(const LiveContext& context, const net::Request& request, net::Response& response) {
  const net::Parameters parameters(request, {"observations", "streams"});
  live::TextWatch::Options options;
  options.observations = parameters.flag("observations", true);
  options.views = view_ids(context.hub, filter_of(context, request), parameters.list("streams"));
  options.after_event = resume_point(context.hub, request);
  answer_stream(response, "text/event-stream", std::make_shared<EventStream>(context, request, std::move(options)));
}

void answer_pictures(const LiveContext& context, const net::Request& request, net::Response& response) {
  const net::Parameters parameters(request, {"streams", "width", "fps"});
  auto views = view_ids(context.hub, filter_of(context, request), parameters.list("streams"));
  answer_stream(response, kMultipart,
                std::make_shared<PictureStream>(context, filter_of(context, request), picture_options(parameters),
                                                std::move(views), false));
}

void answer_mjpeg(const LiveContext& context, const net::Request& request, net::Response& response,
                  const std::string& name) {
  const net::Parameters parameters(request, {"boxes", "width", "fps"});
  const live::View view = find_view(context.hub, filter_of(context, request), name);
  answer_stream(response, kMultipart,
                std::make_shared<PictureStream>(context, filter_of(context, request), picture_options(parameters),
                                                std::vector{view.id}, true));
}

void answer_snapshot(const LiveContext& context, const net::Request& request, net::Response& response,
                     const std::string& name) {
  const net::Parameters parameters(request, {"boxes", "width"});
  const live::View view = find_view(context.hub, filter_of(context, request), name);
  const PictureOptions options = picture_options(parameters);
  media::Overlay overlay;
  const auto jpeg = options.boxes ? drawn_jpeg(*view.latest, overlay, options.width_px, context.jpeg_quality)
                                  : picture_jpeg(view.latest->frame(), options.width_px, context.jpeg_quality);
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Vedette-Sequence", std::to_string(view.latest->frame().sequence));
  response.set_content(std::string(reinterpret_cast<const char*>(jpeg->data()), jpeg->size()), "image/jpeg");
}

}  // namespace vedette::console
