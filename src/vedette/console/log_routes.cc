#include "vedette/console/log_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/console/log_pictures.h"
#include "vedette/console/log_player.h"
#include "vedette/console/long_answer.h"
#include "vedette/console/pictures.h"
#include "vedette/framelog/moment.h"

namespace vedette::console {
namespace {

using framelog::Moment;
using nlohmann::json;

constexpr size_t kMostSpans = 500;
constexpr size_t kMostEvents = 2000;
constexpr std::chrono::seconds kReadingWait{5};

Timestamp now() { return Clock::system().now(); }

std::string text_of(const json& value) { return value.dump(-1, ' ', true, json::error_handler_t::replace) + "\n"; }

json time_or_null(const std::optional<Timestamp>& time) { return time ? json(to_rfc3339(*time)) : json(nullptr); }

Moment moment(const net::Parameters& parameters, const std::string& name, const char* fallback) {
  return framelog::parse_moment(parameters.text(name, fallback));
}

json to_json(const framelog::Shelf::Item& item) {
  const auto stats = item.log->stats();
  const auto times = times_kept(item);
  json one = {{"camera", item.camera},
              {"application", item.application},
              {"oldest", times ? json(to_rfc3339(times->first)) : json(nullptr)},
              {"newest", times ? json(to_rfc3339(times->second)) : json(nullptr)},
              {"frames", frames_kept(item)},
              {"memory_bytes", stats.memory_bytes},
              {"on_disk", item.store != nullptr},
              {"disk_bytes", 0},
              {"lost_frames", 0},
              {"bad_files", 0},
              {"trouble", nullptr}};
  if (item.store) {
    const auto store = item.store->stats();
    one["disk_bytes"] = store.file_bytes;
    one["lost_frames"] = store.lost_frames;
    one["bad_files"] = store.bad_files;
    if (store.trouble) one["trouble"] = *store.trouble;
  }
  return one;
}

/// Holds a permit while it lives.
template <typename Permits>
class Permit {
 public:
  static std::shared_ptr<Permit> take(Permits& permits, Duration wait) {
    return permits.try_acquire_for(wait) ? std::make_shared<Permit>(permits) : nullptr;
  }
  explicit Permit(Permits& permits) : permits_(permits) {}
  ~Permit() { permits_.release(); }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

 private:
  Permits& permits_;
};

template <typename Permits>
std::shared_ptr<Permit<Permits>> may_read(Permits& reading) {
  if (auto permit = Permit<Permits>::take(reading, kReadingWait)) return permit;
  throw Error(ErrorCode::kUnavailable, "others are waiting for kept frames already", "the disk is slow; try again");
}

/// A player, and the right to be one.
template <typename Permits>
class Playing {
 public:
  Playing(std::shared_ptr<Permit<Permits>> permit, std::shared_ptr<const framelog::Log> log, const PlayOptions& options,
          std::stop_token stop)
      : permit_(std::move(permit)), player_(std::move(log), options, std::move(stop)) {}
  bool write_next(net::Sink& sink) { return player_.write_next(sink); }

 private:
  const std::shared_ptr<Permit<Permits>> permit_;
  LogPlayer player_;
};

}  // namespace

LogAnswers::LogAnswers(const framelog::Shelf& shelf, const LiveContext& context) : shelf_(shelf), context_(context) {}

void LogAnswers::add_to(net::Routes& routes) {
  const auto view = [&](const char* path, void (LogAnswers::*answer)(const net::Request&, net::Response&)) {
    routes.add("GET", path, net::Role::kViewer, [this, answer](const net::Request& request, net::Response& response) {
      (this->*answer)(request, response);
    });
  };
  routes.add("GET", "/api/logs", net::Role::kViewer,
             [this](const net::Request& request, net::Response& response) { answer_list(request, response); });
  view("/api/logs/{camera*}/frame.jpg", &LogAnswers::answer_frame);
  view("/api/logs/{camera*}/play", &LogAnswers::answer_play);
  routes.add("GET", "/api/logs/{camera*}/events", net::Role::kViewer,
             [this](const net::Request& request, net::Response& response) { answer_events(request, response); });
  view("/api/logs/{camera*}", &LogAnswers::answer_one);  // the last: it matches what the others do
}

bool LogAnswers::shows(const Item& item, const net::Request& request) const {
  if (request.principal.tenant.empty()) return true;
  return !item.application.empty() && context_.board.shows(item.application + "/", request.principal.tenant);
}

std::vector<LogAnswers::Item> LogAnswers::shown_to(const net::Request& request) const {
  auto items = shelf_.items();
  std::erase_if(items, [&](const Item& item) { return !shows(item, request); });
  return items;
}

LogAnswers::Item LogAnswers::find(const net::Request& request) const {
  const std::string& camera = request.capture("camera");
  if (auto item = shelf_.find(camera); item && shows(*item, request)) return *item;
  std::vector<std::string> names;
  for (const Item& item : shown_to(request)) names.push_back(item.camera);
  throw Error(ErrorCode::kNotFound, fmt::format("no camera '{}' is logged here", camera.substr(0, 128)),
              names.empty() ? "none is: add a 'log' module to an application" : did_you_mean(camera, names));
}

void LogAnswers::answer_list(const net::Request& request, net::Response& response) const {
  net::Parameters(request, {});
  json logs = json::array();
  for (const Item& item : shown_to(request)) logs.push_back(to_json(item));
  net::answer_json(response, text_of({{"time", to_rfc3339(now())}, {"logs", std::move(logs)}}));
}

void LogAnswers::answer_one(const net::Request& request, net::Response& response) {
  net::Parameters(request, {});
  const Item item = find(request);
  json one = to_json(item);
  one["time"] = to_rfc3339(now());
  const auto permit = item.store ? may_read(reading_) : nullptr;
  json spans = json::array();
  for (const LogSpan& span : spans_.find(item, kMostSpans)) {
    spans.push_back({{"begin", to_rfc3339(framelog::from_micros(span.begin_us))},
                     {"end", to_rfc3339(framelog::from_micros(span.end_us))},
                     {"frames", span.frames}});
  }
  one["spans"] = std::move(spans);
  net::answer_json(response, text_of(one));
}

void LogAnswers::answer_frame(const net::Request& request, net::Response& response) {
  const net::Parameters parameters(request, {"at", "width"});
  const int width_px = shared_width(static_cast<int>(parameters.whole("width", 0, 16, 16384)));
  const Moment at = moment(parameters, "at", "now");
  const Item item = find(request);
  const auto times = times_kept(item);
  const Timestamp time = std::holds_alternative<framelog::Newest>(at) || !times ? Timestamp::max()
                         : std::holds_alternative<framelog::Oldest>(at)         ? times->first
                                                                                : framelog::time_of(at, now());
  const auto in_memory = item.log->stats().oldest;
  auto permit = in_memory && time >= *in_memory ? nullptr : may_read(reading_);
  const auto frame = times ? item.log->at_or_before(time) : std::nullopt;
  if (!frame) {
    throw Error(ErrorCode::kNotFound,
                times ? fmt::format("nothing is kept of '{}' at {} or before", item.camera, to_rfc3339(time))
                      : fmt::format("nothing is kept of '{}' yet", item.camera),
                times ? "its oldest frame is of " + to_rfc3339(times->first) : "");
  }
  // All frames since the key frame are decoded first.
  if (!permit && !frame->info().key_frame) permit = may_read(reading_);
  const auto jpeg = LogPictures(item.log, width_px, context_.jpeg_quality).picture_of(*frame);
  const auto info = frame->info();
  if (!jpeg) {
    throw Error(ErrorCode::kInvalidData, fmt::format("frame {} of '{}' is no key frame, and those before it are gone",
                                                     info.sequence, item.camera));
  }
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Vedette-Time", to_rfc3339(info.time));
  response.set_header("X-Vedette-Sequence", std::to_string(info.sequence));
  response.set_header("X-Vedette-Size", fmt::format("{}x{}", info.width, info.height));
  response.set_content(std::string(reinterpret_cast<const char*>(jpeg->data()), jpeg->size()), "image/jpeg");
}

void LogAnswers::answer_play(const net::Request& request, net::Response& response) {
  const net::Parameters parameters(request, {"from", "to", "speed", "width", "fps"});
  PlayOptions options;
  options.width_px = shared_width(static_cast<int>(parameters.whole("width", 0, 16, 16384)));
  options.speed = parameters.number("speed", 1, 0.1, 64);
  options.most_per_second = parameters.number("fps", options.most_per_second, 0.1, 240);
  options.jpeg_quality = context_.jpeg_quality;
  const Moment from = moment(parameters, "from", "now");
  const Timestamp present = now();
  if (parameters.has("to")) options.to = framelog::time_of(moment(parameters, "to", "now"), present);
  options.from = framelog::time_of(from, present);
  const Item item = find(request);
  if (options.to && *options.to < options.from) {
    throw Error(ErrorCode::kUsage,
                fmt::format("'to', {}, is before 'from', {}", to_rfc3339(*options.to), to_rfc3339(options.from)),
                "give the earlier time as 'from'");
  }
  // Live begins with the picture that is there, not with the next one.
  if (const auto times = times_kept(item); times && options.from >= times->second && !options.to)
    options.from = times->second;
  auto playing = Permit<Permits>::take(playing_, Duration{0});
  if (!playing) {
    throw Error(ErrorCode::kExhausted, fmt::format("{} viewers play logs, which is the limit", kMostPlaying),
                "close one of them");
  }
  const auto permit = may_read(reading_);
  answer_stream(response, kMultipart,
                std::make_shared<Playing<Permits>>(std::move(playing), item.log, options, context_.stop));
}

void LogAnswers::answer_events(const net::Request& request, net::Response& response) const {
  const net::Parameters parameters(request, {"from", "to"});
  const Timestamp present = now();
  const Timestamp from = framelog::time_of(moment(parameters, "from", "start"), present);
  const Timestamp to =
      parameters.has("to") ? framelog::time_of(moment(parameters, "to", "now"), present) : Timestamp::max();
  if (to < from) throw Error(ErrorCode::kUsage, "'to' is before 'from'", "give the earlier time as 'from'");
  const Item item = find(request);
  live::EventPage page = context_.hub.events_after(0, kMostEvents);
  const std::optional<Timestamp> forgotten =
      page.lost > 0 && !page.events.empty() ? std::optional(page.events.front().event.time) : std::nullopt;
  const ViewFilter shows = filter_of(context_, request);
  std::erase_if(page.events, [&](const live::EventRecord& record) {
    const size_t slash = record.view.find('/');
    return record.view.substr(slash == std::string::npos ? 0 : slash + 1) != item.camera || record.event.time < from ||
           record.event.time >= to;
  });
  json answer = json::parse(events_json(page, context_.hub.epoch(), shows));
  answer["forgotten_before"] = time_or_null(forgotten);
  net::answer_json(response, text_of(answer));
}

}  // namespace vedette::console
