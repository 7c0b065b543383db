#include "vedette/console/openapi.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace vedette::console {
namespace {

using nlohmann::json;

json parameter(const char* name, const char* type, const char* doc, const char* in = "query") {
  return {{"name", name},
          {"in", in},
          {"required", std::string_view(in) == "path"},
          {"description", doc},
          {"schema", {{"type", type}}}};
}

json get(const char* summary, const char* media_type, json parameters = json::array(),
         json more_answers = json::object()) {
  json answers = {{"200", {{"description", "done"}, {"content", {{media_type, json::object()}}}}}};
  const json error = {{"description", "one clear line"},
                      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
  for (const auto& [status, ignored] : more_answers.items()) answers[status] = error;
  if (!parameters.empty()) answers["400"] = error;
  answers["403"] = error;
  answers["503"] = error;
  return {{"get", {{"summary", summary}, {"parameters", std::move(parameters)}, {"responses", std::move(answers)}}}};
}

json post(const char* summary) {
  json one = get(summary, "application/json", json::array(), {{"400", true}, {"401", true}});
  return {{"post", one["get"]}};
}

/// A route of another part of the program, from its pattern and summary.
void describe(json& paths, const net::Routes::Route& route) {
  std::string path;
  json parameters = json::array();
  for (size_t at = 0; at < route.pattern.size();) {
    const size_t open = std::min(route.pattern.find('{', at), route.pattern.size());
    path.append(route.pattern, at, open - at);
    if (open == route.pattern.size()) break;
    const size_t close = route.pattern.find('}', open);
    std::string name = route.pattern.substr(open + 1, close - open - 1);
    if (name.ends_with('*')) name.pop_back();
    path += "{" + name + "}";
    parameters.push_back(parameter(name.c_str(), "string", "", "path"));
    at = close + 1;
  }
  std::string method = route.method;
  std::transform(method.begin(), method.end(), method.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (paths.contains(path) && paths[path].contains(method)) return;
  json one = get(route.summary.c_str(), "application/json", std::move(parameters), {{"404", true}})["get"];
  one["x-vedette-role"] = to_string(route.needed);
  if (route.needed != net::Role::kNone) one["responses"]["401"] = one["responses"]["403"];
  paths[path][method] = std::move(one);
}

}  // namespace

std::string openapi_json(const std::string& version, const net::Routes& routes) {
  const json not_found = {{"404", true}};
  const json width = parameter("width", "integer", "largest width in pixels, rounded up to one of a few");
  const json fps = parameter("fps", "number", "largest number of pictures a second, of each stream");
  const json boxes = parameter("boxes", "integer", "1: draw boxes, labels, traces and zones on the server");
  const json streams = parameter("streams", "string", "comma-separated or repeated stream names; all when absent");
  const json name = parameter("name", "string", "a stream, or application/stream", "path");
  const json camera = parameter("camera", "string", "whose frames are kept: see /api/logs", "path");
  const char* moment = "now, start, -90s, -5m, -2h, -1d, or a time as in RFC 3339";
  const json text = {{"type", "string"}};
  json document = {
      {"openapi", "3.1.0"},
      {"info", {{"title", "Vedette console"}, {"version", version}, {"license", {{"name", "Apache-2.0"}}}}},
      {"paths",
       {{"/api/status", get("Applications, streams and modules; rates of the last ten seconds", "application/json")},
        {"/api/streams", get("Views with their zones", "application/json")},
        {"/api/events", get("Events, oldest first", "application/json",
                            json::array({parameter("after", "integer", "only events after this id; absent: the newest"),
                                         parameter("limit", "integer", "at most so many, up to 2000")}))},
        {"/api/zones", get("Counts of zones and crossings over time", "application/json",
                           json::array({parameter("seconds", "integer", "how far back")}))},
        {"/api/live",
         get("Server-sent events: hello, status, streams, observation, event, zones, lost", "text/event-stream",
             json::array({parameter("observations", "integer", "0: none"), streams,
                          parameter("Last-Event-ID", "string", "resume events after this one", "header")}))},
        {"/live", get("JPEG parts of many streams on one connection", "multipart/x-mixed-replace",
                      json::array({streams, width, fps}))},
        {"/live/{name}.mjpeg", get("One stream as motion JPEG", "multipart/x-mixed-replace",
                                   json::array({name, boxes, width, fps}), not_found)},
        {"/live/{name}.jpg", get("The newest picture", "image/jpeg", json::array({name, boxes, width}), not_found)},
        {"/api/logs", get("Cameras whose frames are kept: since when, how many, where", "application/json")},
        {"/api/logs/{camera}", get("The same of one camera, and the spans of time that have frames", "application/json",
                                   json::array({camera}), not_found)},
        {"/api/logs/{camera}/frame.jpg",
         get("The newest frame at a time or before it", "image/jpeg",
             json::array({camera, parameter("at", "string", moment), width}), not_found)},
        {"/api/logs/{camera}/play",
         get("Kept frames as JPEG parts at their pace, and then what comes", "multipart/x-mixed-replace",
             json::array({camera, parameter("from", "string", moment), parameter("to", "string", moment),
                          parameter("speed", "number", "times as fast as it was"), width, fps}),
             not_found)},
        {"/api/logs/{camera}/events",
         get("Events of the camera's stream in a time, as far as they are remembered", "application/json",
             json::array({camera, parameter("from", "string", moment), parameter("to", "string", moment)}), not_found)},
        {"/api/whoami", get("Name, role and tenant of who asks", "application/json")},
        {"/api/login", post("Takes {\"token\"}, and keeps it in a cookie")},
        {"/api/logout", post("Takes the cookie away")},
        {"/metrics", get("Prometheus text", "text/plain")},
        {"/health/live", get("Whether the process answers", "application/json")},
        {"/health/ready", get("Whether all applications run and no stream has failed; 503 with reasons otherwise",
                              "application/json")}}},
      {"components",
       {{"schemas",
         {{"Error",
           {{"type", "object"},
            {"properties",
             {{"error",
               {{"type", "object"}, {"properties", {{"code", text}, {"message", text}, {"hint", text}}}}}}}}}}}}}};
  for (const auto& route : routes.all())
    if (!route.summary.empty()) describe(document["paths"], route);
  document["components"]["securitySchemes"] = {
      {"token", {{"type", "http"}, {"scheme", "bearer"}}},
      {"cookie", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "vedette_token"}}}};
  return document.dump();
}

}  // namespace vedette::console
