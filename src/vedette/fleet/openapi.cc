// The OpenAPI page of api.cc's routes. Shapes are written as "name:type" lists: s text, n number, i whole number,
// b true/false, q quantiles, m map of text, c map of counts, S list of text, and anything else is another shape's name,
// with
// [] for a list of it.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "vedette/base/error.h"
#include "vedette/fleet/api.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;

const std::map<std::string, std::string>& shapes() {
  static const std::map<std::string, std::string> kShapes{
      {"controller", "name:s epoch:s version:s leader:b leader_name:s leader_url:s store:s lease_seconds:n problem:s"},
      {"fleet", "controller:controller nodes:i applications:i streams:i replicas:i revision:i"},
      {"node",
       "name:s state:s version:s protocol:i labels:m console:s cores:n cpu:n machine_cpu:n memory_bytes:n "
       "memory_used_bytes:n speed:n plan_version:i wanted_version:i plan_state:s plan_error:s last_seen:n lease_left:n "
       "streams:i replicas:i applications:S link_addresses:S"},
      {"objective", "latency_p95_ms:n min_fps:n"},
      {"app",
       "name:s tenant:s version:i state:s priority:i objective:objective met:b why:s level:i level_text:s latency:q "
       "fps:n "
       "delivered:i gaps:i dropped:c streams:S nodes:S shared_with:S created:n changed:n"},
      {"version", "version:i time:n who:s text:s"},
      {"graph_source", "name:s key:s node:s state:s fps:n"},
      {"graph_module",
       "name:s type:s key:s inputs:S sink:b nodes:S users:S fps:n queue_depth:i queue_capacity:i wait:q execution:q "
       "errors:i last_error:s dropped:c"},
      {"graph_edge", "from:s to:s from_node:s to_node:s fps:n link:b bytes_per_second:n latency:q"},
      {"graph", "sources:graph_source[] modules:graph_module[] edges:graph_edge[]"},
      {"prediction", "latency_p95_ms:n fps:n met:b"},
      {"app_details",
       "name:s tenant:s version:i state:s priority:i objective:objective met:b why:s level:i level_text:s latency:q "
       "fps:n "
       "delivered:i gaps:i dropped:c streams:S nodes:S shared_with:S created:n changed:n yaml:s versions:version[] "
       "graph:graph prediction:prediction"},
      {"change", "what:s kind:s name:s from:s to:s"},
      {"refusal", "message:s best:prediction"},
      {"applied", "application:s version:i changes:change[] effect:S prediction:prediction refused:refusal dry_run:b"},
      {"user", "application:s module:s"},
      {"replica",
       "key:s name:s type:s node:s streams:S users:user[] fps:n queue_depth:i queue_capacity:i processed:i errors:i "
       "last_error:s dropped:c wait:q execution:q"},
      {"stream",
       "key:s name:s url:s node:s state:s fps:n frames:i width:i height:i reconnects:i last_error:s dropped:c users:S"},
      {"link",
       "from:s to:s state:s address:s rtt_seconds:n clock_offset_seconds:n bytes_per_second:n bytes_sent:i "
       "bytes_received:i bytes_rate:n sent:i received:i gaps:i reconnects:i last_error:s serialise:q send:q receive:q"},
      {"line", "id:i time:n level:s node:s application:s text:s"},
      {"span", "trace_id:s span_id:s parent_id:s name:s kind:s node:s stage:s stream:s sequence:i start:n duration:n"},
      {"trace", "trace_id:s stream:s sequence:i start:n duration:n spans:span[]"},
      {"nodes", "nodes:node[]"},
      {"apps", "applications:app[]"},
      {"replicas", "replicas:replica[]"},
      {"streams", "streams:stream[]"},
      {"links", "links:link[]"},
      {"metrics", "applications:app[] replicas:replica[] links:link[]"},
      {"log", "lines:line[] newest:i"},
      {"traces", "traces:trace[]"},
      {"removed", "application:s removed:b"},
      {"running", "application:s running:b"},
      {"drained", "node:s drained:b"},
      {"forgotten", "node:s removed:b"},
      {"labelled", "node:s labels:m"},
      {"answered", "lease_seconds:n plan_version:i plan:object controller:controller"},
  };
  return kShapes;
}

json schema(const std::string& type) {
  if (type == "s") return {{"type", "string"}};
  if (type == "n") return {{"type", "number"}};
  if (type == "i") return {{"type", "integer"}};
  if (type == "b") return {{"type", json::array({"boolean", "null"})}};
  if (type == "S") return {{"type", "array"}, {"items", schema("s")}};
  if (type == "m") return {{"type", "object"}, {"additionalProperties", schema("s")}};
  if (type == "c") return {{"type", "object"}, {"additionalProperties", schema("i")}};
  if (type == "object") return {{"type", json::array({"object", "null"})}};
  if (type == "q")
    return {{"type", "object"},
            {"description", "seconds"},
            {"properties",
             {{"count", schema("i")},
              {"p50", schema("n")},
              {"p95", schema("n")},
              {"p99", schema("n")},
              {"mean", schema("n")}}}};
  if (type.ends_with("[]")) return {{"type", "array"}, {"items", schema(type.substr(0, type.size() - 2))}};
  const auto shape = shapes().find(type);
  VEDETTE_ASSERT(shape != shapes().end());
  json properties = json::object();
  std::istringstream fields(shape->second);
  for (std::string field; fields >> field;) {
    const size_t colon = field.find(':');
    properties[field.substr(0, colon)] = schema(field.substr(colon + 1));
  }
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

struct Row {
  const char* method;
  const char* path;
  const char* role;
  const char* summary;
  const char* parameters;  ///< of the query: "name:type …"
  const char* body;  ///< media type; "" for none
  const char* answer;  ///< a shape, or a media type
};

constexpr Row kRows[] = {
    {"get", "", "viewer", "The fleet in numbers, and who controls it", "", "", "fleet"},
    {"get", "/nodes", "viewer", "Nodes with their load and leases", "", "", "nodes"},
    {"get", "/apps", "viewer", "Applications with what was asked and what is measured", "", "", "apps"},
    {"get", "/apps/{name}", "viewer", "One application with its YAML, history and graph", "", "", "app_details"},
    {"put", "/apps/{name}", "operator", "Creates or changes an application; says what changes",
     "dry_run:i force:i origin:s", "application/yaml", "applied"},
    {"delete", "/apps/{name}", "operator", "Removes an application", "", "", "removed"},
    {"post", "/apps/{name}/start", "operator", "Lets an application run", "", "", "running"},
    {"post", "/apps/{name}/stop", "operator", "Stops an application and keeps it", "", "", "running"},
    {"patch", "/apps/{name}/modules/{module}", "operator", "Changes settings of a module while it runs",
     "dry_run:i force:i origin:s", "application/json", "applied"},
    {"get", "/replicas", "viewer", "Running copies of modules, with their users", "", "", "replicas"},
    {"get", "/streams", "viewer", "Cameras and files", "", "", "streams"},
    {"get", "/links", "viewer", "Links between nodes", "", "", "links"},
    {"get", "/metrics", "viewer", "Applications, replicas and links in one answer", "", "", "metrics"},
    {"get", "/log", "viewer", "The event log, oldest first", "after:i limit:i application:s node:s", "", "log"},
    {"get", "/traces", "viewer", "Sampled frames with their steps, newest first", "application:s limit:i", "",
     "traces"},
    {"get", "/watch", "viewer", "Server-sent events: fleet {revision} when anything changed, log {line}", "", "",
     "text/event-stream"},
    {"post", "/nodes/{name}/drain", "admin", "A node gives its work away and gets none", "", "", "drained"},
    {"post", "/nodes/{name}/undrain", "admin", "A node takes work again", "", "", "drained"},
    {"put", "/nodes/{name}/labels", "admin", "Sets labels of a node, before those that it reports", "",
     "application/json", "labelled"},
    {"delete", "/nodes/{name}", "admin", "Forgets a lost node", "", "", "forgotten"},
    {"post", "/nodes/{name}/report", "node", "A node's report; held back until there is another plan for it", "wait:n",
     "application/json", "answered"},
    {"get", "/export", "operator", "Every application's YAML", "", "", "application/yaml"},
};

json parameters_of(const Row& row) {
  json list = json::array();
  const std::string path = row.path;
  for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{', open + 1))
    list.push_back({{"name", path.substr(open + 1, path.find('}', open) - open - 1)},
                    {"in", "path"},
                    {"required", true},
                    {"schema", schema("s")}});
  std::istringstream fields(row.parameters);
  for (std::string field; fields >> field;) {
    const size_t colon = field.find(':');
    list.push_back({{"name", field.substr(0, colon)},
                    {"in", "query"},
                    {"required", false},
                    {"schema", schema(field.substr(colon + 1))}});
  }
  return list;
}

}  // namespace

std::string openapi_paths() {
  const json error = {{"description", "one clear line"},
                      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
  json paths = json::object();
  for (const Row& row : kRows) {
    const std::string answer = row.answer;
    const bool is_shape = answer.find('/') == std::string::npos;
    json content;
    content[is_shape ? "application/json" : answer]["schema"] = schema(is_shape ? answer : "s");
    json operation = {{"summary", row.summary},
                      {"x-role", row.role},
                      {"tags", json::array({"fleet"})},
                      {"parameters", parameters_of(row)},
                      {"responses", {{"200", {{"description", "done"}, {"content", std::move(content)}}}}}};
    for (const char* status : {"400", "401", "403", "503"}) operation["responses"][status] = error;
    if (std::string_view(row.path).find('{') != std::string_view::npos) operation["responses"]["404"] = error;
    if (*row.body) {
      operation["responses"]["409"] = error;
      operation["requestBody"] = {
          {"required", true},
          {"content",
           {{row.body,
             {{"schema",
               std::string_view(row.body) == "application/yaml" ? schema("s") : json({{"type", "object"}})}}}}}};
    }
    paths["/api/fleet" + std::string(row.path)][row.method] = std::move(operation);
  }
  return paths.dump();
}

}  // namespace vedette::fleet
