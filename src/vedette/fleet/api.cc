#include "vedette/fleet/api.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "vedette/base/error.h"

namespace vedette::fleet {
namespace {

using net::Parameters;
using net::Request;
using net::Response;
using net::Role;

constexpr Duration kWatchPause = std::chrono::milliseconds(250);  // at most four a second
constexpr Duration kWatchWait = std::chrono::milliseconds(700);
constexpr Duration kWatchSilence = std::chrono::seconds(10);      // then a comment, so that the client knows we live
constexpr double kMaxWaitSeconds = 30;
constexpr size_t kWatchLines = 500;  // in one go

Controller::ApplyOptions apply_options(const Request& request) {
  const Parameters parameters(request, {"dry_run", "force", "origin"});
  return {.origin = parameters.text("origin", "").substr(0, 256),
          .dry_run = parameters.flag("dry_run", false),
          .force = parameters.flag("force", false)};
}

Control::LogFilter log_filter(const Request& request) {
  const Parameters parameters(request, {"after", "limit", "application", "node"});
  Control::LogFilter filter;
  if (parameters.has("after")) filter.after = static_cast<uint64_t>(parameters.whole("after", 0, 0, INT64_MAX));
  filter.limit = static_cast<size_t>(parameters.whole("limit", 200, 1, 5000));
  filter.application = parameters.text("application", "");
  filter.node = parameters.text("node", "");
  return filter;
}

void expect_no_parameters(const Request& request) { const Parameters none(request, {}); }

/// What one watcher was told so far.
struct Watch {
  net::Principal principal;
  uint64_t revision = 0;
  uint64_t line = 0;
  MonotonicTime told{};
  MonotonicTime wrote{};
};

bool watch_step(Control& control, Watch& watch, net::Sink& sink) {
  Controller& controller = control.controller();
  if (controller.stopping()) return false;
  const auto now = [] { return Clock::system().monotonic(); };
  if (const Duration since = now() - watch.told; since < kWatchPause) controller.pause(kWatchPause - since);
  controller.changed(watch.revision, kWatchWait);
  if (controller.stopping()) return false;
  std::string text;
  Control::LogFilter filter;
  filter.limit = kWatchLines;
  try {
    for (const auto& line : control.new_lines(watch.principal, watch.line, filter))
      text += "event: log\ndata: " + line + "\n\n";
  } catch (const Error&) {  // stands by: the revision tells
  }
  if (const uint64_t revision = controller.revision(); revision != watch.revision) {
    watch.revision = revision;
    text += fmt::format("event: fleet\ndata: {{\"revision\":{}}}\n\n", revision);
  }
  if (text.empty() && now() - watch.wrote > kWatchSilence) text = ": still here\n\n";
  if (text.empty()) return sink.is_open();
  watch.told = watch.wrote = now();
  return sink.write(text);
}

}  // namespace

net::Routes api_routes(Control& control) {
  net::Routes routes;
  using Answer = std::function<std::string(const Request&)>;
  const auto add = [&](const char* method, const std::string& path, Role role, const char* summary, Answer answer) {
    routes.add(
        method, "/api/fleet" + path, role,
        [answer = std::move(answer), &control](const Request& request, Response& response) {
          try {
            net::answer_json(response, answer(request));
          } catch (const Error& e) {
            if (e.code() != ErrorCode::kUnavailable) throw;
            const auto status = control.controller().status();
            net::answer_error(response, e);
            if (!status.leader && !status.who.url.empty()) response.set_header("Vedette-Leader", status.who.url);
          }
        },
        summary);
  };
  const auto read = [&](const std::string& path, const char* summary,
                        std::string (Control::*call)(Control::Who) const) {
    add("GET", path, Role::kViewer, summary, [&control, call](const Request& r) {
      expect_no_parameters(r);
      return (control.*call)(r.principal);
    });
  };
  read("", "The fleet in numbers, and who controls it", &Control::fleet);
  read("/nodes", "Nodes with their load and leases", &Control::nodes);
  read("/apps", "Applications with what was asked and what is measured", &Control::applications);
  read("/replicas", "Running copies of modules, with their users", &Control::replicas);
  read("/streams", "Cameras and files", &Control::streams);
  read("/links", "Links between nodes", &Control::links);
  read("/metrics", "Applications, replicas and links in one answer", &Control::metrics);
  add("GET", "/apps/{name}", Role::kViewer, "One application with its YAML, history and graph",
      [&control](const Request& r) {
        expect_no_parameters(r);
        return control.application(r.principal, r.capture("name"));
      });
  add("PUT", "/apps/{name}", Role::kOperator, "Creates or changes an application; says what changes",
      [&control](const Request& r) { return control.apply(r.principal, r.capture("name"), r.body, apply_options(r)); });
  add("DELETE", "/apps/{name}", Role::kOperator, "Removes an application", [&control](const Request& r) {
    expect_no_parameters(r);
    return control.remove(r.principal, r.capture("name"));
  });
  for (const bool running : {true, false}) {
    add("POST", running ? "/apps/{name}/start" : "/apps/{name}/stop", Role::kOperator,
        running ? "Lets an application run" : "Stops an application and keeps it",
        [&control, running](const Request& r) {
          expect_no_parameters(r);
          return control.set_running(r.principal, r.capture("name"), running);
        });
  }
  add("PATCH", "/apps/{name}/modules/{module}", Role::kOperator, "Changes settings of a module while it runs",
      [&control](const Request& r) {
        return control.update(r.principal, r.capture("name"), r.capture("module"), r.body, apply_options(r));
      });
  add("GET", "/log", Role::kViewer, "The event log, oldest first",
      [&control](const Request& r) { return control.log(r.principal, log_filter(r)); });
  add("GET", "/traces", Role::kViewer, "Sampled frames with their steps, newest first", [&control](const Request& r) {
    const Parameters parameters(r, {"application", "limit"});
    return control.traces(r.principal, parameters.text("application", ""),
                          static_cast<size_t>(parameters.whole("limit", 20, 1, 500)));
  });
  for (const bool drained : {true, false}) {
    add("POST", drained ? "/nodes/{name}/drain" : "/nodes/{name}/undrain", Role::kAdmin,
        drained ? "A node gives its work away and gets none" : "A node takes work again",
        [&control, drained](const Request& r) {
          expect_no_parameters(r);
          return control.drain(r.principal, r.capture("name"), drained);
        });
  }
  add("PUT", "/nodes/{name}/labels", Role::kAdmin, "Sets labels of a node, before those that it reports",
      [&control](const Request& r) {
        expect_no_parameters(r);
        return control.set_labels(r.principal, r.capture("name"), r.body);
      });
  add("DELETE", "/nodes/{name}", Role::kAdmin, "Forgets a lost node", [&control](const Request& r) {
    expect_no_parameters(r);
    return control.forget(r.principal, r.capture("name"));
  });
  add("POST", "/nodes/{name}/report", Role::kNode, "A node's report; held back until there is another plan for it",
      [&control](const Request& r) {
        const Parameters parameters(r, {"wait"});
        return control.report(r.capture("name"), r.body,
                              from_seconds(parameters.number("wait", 0, 0, kMaxWaitSeconds)));
      });
  routes.add(
      "GET", "/api/fleet/export", Role::kOperator,
      [&control](const Request& r, Response& response) {
        expect_no_parameters(r);
        response.set_content(control.export_yaml(r.principal), "application/yaml");
        response.set_header("Cache-Control", "no-store");
      },
      "Every application's YAML");
  routes.add(
      "GET", "/api/fleet/watch", Role::kViewer,
      [&control](const Request& r, Response& response) {
        expect_no_parameters(r);
        auto watch = std::make_shared<Watch>();
        watch->principal = r.principal;
        watch->line = control.controller().log().newest();
        response.content_type = "text/event-stream";
        response.set_header("Cache-Control", "no-store");
        response.stream = [watch, &control](net::Sink& sink) { return watch_step(control, *watch, sink); };
      },
      "Server-sent events: fleet when anything changed, log for each line");
  return routes;
}

}  // namespace vedette::fleet
