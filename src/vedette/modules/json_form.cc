#include "vedette/modules/json_form.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "vedette/live/text_form.h"

namespace vedette::modules {
namespace {

/// A number with so many decimals at most, without zeros at its end; 0 for what JSON cannot hold.
void append_number(std::string& out, double value, int decimals) {
  if (!std::isfinite(value)) value = 0;
  const size_t begin = out.size();
  fmt::format_to(std::back_inserter(out), "{:.{}f}", value, decimals);
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  if (std::string_view(out).substr(begin) == "-0") out.erase(begin, 1);
}

void append_box(std::string& out, const Box& box) {
  out += ",\"box\":[";
  for (const float side : {box.x, box.y, box.width, box.height}) {
    append_number(out, side, 2);
    out += ',';
  }
  out.back() = ']';
}

void append_attributes(std::string& out, const Object& object) {
  out += ",\"attributes\":{";
  for (const auto& [name, value] : object.attributes) {
    live::append_json_string(out, name);
    out += ':';
    live::append_json_string(out, value);
    out += ',';
  }
  out.back() = '}';
}

void append_embedding(std::string& out, const std::vector<float>& embedding) {
  out += ",\"embedding\":[";
  for (const float x : embedding) {
    append_number(out, x, 6);
    out += ',';
  }
  out.back() = ']';
}

void append_place(std::string& out, const Observation& observation) {
  out += ",\"stream\":";
  live::append_json_string(out, observation.stream().name);
  fmt::format_to(std::back_inserter(out), ",\"sequence\":{}", observation.frame().sequence);
}

}  // namespace

void append_event_json(std::string& out, const Observation& observation, const Event& event,
                       const std::string& application) {
  out += "{\"type\":\"event\"";
  if (!application.empty()) {
    out += ",\"application\":";
    live::append_json_string(out, application);
  }
  append_place(out, observation);
  fmt::format_to(std::back_inserter(out), ",\"event\":\"{}\",\"time\":\"{}\",\"zone\":", to_string(event.kind),
                 to_rfc3339(event.time));
  live::append_json_string(out, event.zone);
  out += ",\"label\":";
  live::append_json_string(out, event.label);
  if (event.track_id) fmt::format_to(std::back_inserter(out), ",\"track_id\":{}", *event.track_id);
  if (event.kind != EventKind::kCount) append_box(out, event.box);
  if (event.kind == EventKind::kCount) fmt::format_to(std::back_inserter(out), ",\"count\":{}", event.count);
  if (event.kind == EventKind::kCross) fmt::format_to(std::back_inserter(out), ",\"direction\":{}", event.count);
  if (event.kind == EventKind::kDwell || event.kind == EventKind::kLeave) {
    out += ",\"dwell_s\":";
    append_number(out, event.dwell_seconds, 3);
  }
  out += '}';
}

void append_observation_json(std::string& out, const Observation& observation, bool embeddings) {
  const Frame& frame = observation.frame();
  out += "{\"type\":\"observation\"";
  append_place(out, observation);
  fmt::format_to(std::back_inserter(out), ",\"capture_time\":\"{}\",\"position_s\":", to_rfc3339(frame.capture_time));
  append_number(out, to_seconds(frame.position), 6);
  fmt::format_to(std::back_inserter(out), ",\"width\":{},\"height\":{},\"objects\":[", frame.width, frame.height);
  bool first = true;
  for (const Object& object : observation.objects()) {
    out += first ? "{\"id\":" : ",{\"id\":";
    first = false;
    if (object.track_id) {
      fmt::format_to(std::back_inserter(out), "{}", *object.track_id);
    } else {
      out += "null";
    }
    out += ",\"label\":";
    live::append_json_string(out, object.label());
    out += ",\"score\":";
    append_number(out, object.score, 4);
    append_box(out, object.box);
    if (!object.attributes.empty()) append_attributes(out, object);
    if (embeddings && object.embedding && !object.embedding->empty()) append_embedding(out, *object.embedding);
    out += '}';
  }
  out += "]}";
}

}  // namespace vedette::modules
