#include "vedette/fleet/api.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "control.grpc.pb.h"
#include "vedette/fleet/grpc_server.h"
#include "vedette/fleet/testing.h"
#include "vedette/net/client.h"
#include "vedette/net/server.h"

namespace vedette::fleet {
namespace {

using nlohmann::json;
using testing::app_yaml;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeNode;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

net::Principal person(const std::string& name, net::Role role, const std::string& tenant = "") {
  net::Principal out;
  out.name = name;
  out.role = role;
  out.tenant = tenant;
  return out;
}

net::Client client_of(const net::Server& server) {
  net::ClientOptions options;
  options.url = "http://127.0.0.1:" + std::to_string(server.port());
  return net::Client(options);
}

/// A whole controller on an in-memory store, called as the HTTP server would call it.
class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    graph::testing::register_test_modules();
    ControllerOptions options;
    options.name = "ctl";
    controller_ = std::make_unique<Controller>(options, "test", open_sqlite_store(":memory:", "ctl", "http://ctl"));
    control_ = std::make_unique<Control>(*controller_);
    routes_ = api_routes(*control_);
  }

  struct Got {
    int status = 0;
    json body;
    std::string text;
  };
  Got call(const std::string& method, const std::string& path, const std::string& body = "",
           std::multimap<std::string, std::string> query = {}, net::Principal who = person("anna", net::Role::kAdmin)) {
    net::Request request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.body = body;
    request.principal = std::move(who);
    net::Response response;
    std::string allow;
    try {
      const auto* route = routes_.find(request, allow);
      if (!route) return {404, {}, ""};
      route->handler(request, response);
    } catch (const Error& e) {
      net::answer_error(response, e);
    }
    return {response.status, json::parse(response.body, nullptr, false), response.body};
  }
  net::Principal tenant(const std::string& name, net::Role role = net::Role::kOperator) {
    return person(name + "-user", role, name);
  }
  Got put(const std::string& name, const std::string& yaml, std::multimap<std::string, std::string> query = {},
          net::Principal who = person("anna", net::Role::kAdmin)) {
    return call("PUT", "/api/fleet/apps/" + name, yaml, std::move(query), std::move(who));
  }
  /// Reports until the node has what is wanted of it and `done`.
  void run(FakeNode& node, const std::function<bool()>& done) {
    for (int i = 0; i < 500; ++i) {
      const auto answer = call("POST", "/api/fleet/nodes/" + node.report.node + "/report", plan::to_json(node.report),
                               {{"wait", "0.05"}}, person("n", net::Role::kNode));
      ASSERT_EQ(answer.status, 200) << answer.text;
      if (!answer.body["plan"].is_null()) node.take(plan::node_plan_from_json(answer.body["plan"].dump()));
      if (done()) return;
    }
    FAIL() << "it did not come about";
  }
  json app(const std::string& name) { return call("GET", "/api/fleet/apps/" + name).body; }

  std::unique_ptr<Controller> controller_;
  std::unique_ptr<Control> control_;
  net::Routes routes_;
};

TEST_F(ApiTest, AnApplicationComesRunsChangesAndGoes) {
  FakeNode box("box-1");
  EXPECT_EQ(put("people", app_yaml("people", {"yard"}), {{"dry_run", "1"}}).body["version"], 0);
  EXPECT_EQ(call("GET", "/api/fleet/apps").body["applications"].size(), 0u);
  const auto made = put("people", app_yaml("people", {"yard"}, "objective: {min_fps: 10}\n"));
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.body["version"], 1);
  EXPECT_EQ(made.body["changes"][0]["kind"], "application");
  EXPECT_EQ(app("people")["state"], "waiting");
  run(box, [&] { return app("people")["state"] == "running"; });
  const json running = app("people");
  EXPECT_EQ(running["met"], true);
  EXPECT_EQ(running["nodes"], json({"box-1"}));
  EXPECT_EQ(running["graph"]["edges"].size(), 4u);
  EXPECT_EQ(running["graph"]["edges"][0]["fps"], 15.0);
  EXPECT_EQ(running["graph"]["modules"][1]["type"], "t_detect");
  EXPECT_EQ(call("GET", "/api/fleet/nodes").body["nodes"][0]["state"], "ready");
  EXPECT_THAT(call("GET", "/api/fleet/streams").body["streams"][0]["url"], "rtsp://***@yard/main");
  EXPECT_EQ(call("GET", "/api/fleet/replicas").body["replicas"].size(), 4u);

  const auto again = put("people", app_yaml("people", {"yard"}, "objective: {min_fps: 10}\n"));
  EXPECT_EQ(again.body["changes"].size(), 0u);
  EXPECT_EQ(again.body["version"], 1);
  const auto shared = put("other", app_yaml("other", {"yard"}, "", 0.5, "gate"), {{"dry_run", "1"}});
  EXPECT_THAT(shared.text, HasSubstr("t_detect of yard on box-1 is shared with people (desk)"));
  const auto patched = call("PATCH", "/api/fleet/apps/people/modules/t_detect", R"({"score": 0.7})");
  EXPECT_EQ(patched.body["changes"][0]["name"], "t_detect.score");
  EXPECT_EQ(patched.body["version"], 2);
  run(box, [&] { return box.plan && box.plan->applications.size() == 1 && box.plan->applications[0].version == 2; });
  EXPECT_THAT(call("GET", "/api/fleet/export").text, HasSubstr("score: 0.7"));
  EXPECT_EQ(app("people")["versions"].size(), 2u);
  EXPECT_EQ(app("people")["versions"][1]["who"], "anna");

  EXPECT_EQ(call("POST", "/api/fleet/apps/people/stop").status, 200);
  run(box, [&] { return box.plan->stages.empty(); });
  EXPECT_EQ(app("people")["state"], "stopped");
  EXPECT_EQ(call("POST", "/api/fleet/apps/people/start").status, 200);
  run(box, [&] { return !box.plan->stages.empty(); });
  EXPECT_EQ(call("DELETE", "/api/fleet/apps/people").status, 200);
  EXPECT_EQ(call("GET", "/api/fleet/apps/people").status, 404);
  EXPECT_THAT(call("GET", "/api/fleet/log").text, HasSubstr("version 2 by anna: ~ t_detect.score"));
}

TEST_F(ApiTest, WrongRequestsGetOneClearLine) {
  const auto line = [](const Got& got) { return got.body["error"]["message"].get<std::string>(); };
  const auto bad = put("people", "application: people\nmodules:\n  - {type: t_decoed}\n", {{"origin", "people.yaml"}});
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.body["error"]["code"], "invalid_config");
  EXPECT_THAT(line(bad), HasSubstr("people.yaml:3"));
  EXPECT_THAT(line(put("x", app_yaml("y", {"a"}))), HasSubstr("is named 'y', not 'x'"));
  EXPECT_EQ(call("GET", "/api/fleet/apps/none").status, 404);
  EXPECT_EQ(call("GET", "/api/fleet/log", "", {{"limit", "0"}}).status, 400);
  EXPECT_EQ(call("GET", "/api/fleet/nodes", "", {{"x", "0"}}).status, 400);
  EXPECT_EQ(call("POST", "/api/fleet/nodes/box-1/drain").status, 404);
  EXPECT_EQ(call("POST", "/api/fleet/nodes/box-1/report", "{").status, 400);
  FakeNode box("box-2");
  EXPECT_THAT(line(call("POST", "/api/fleet/nodes/box-1/report", plan::to_json(box.report))),
              HasSubstr("its path says"));
  box.report.protocol = 9;
  const auto old = call("POST", "/api/fleet/nodes/box-2/report", plan::to_json(box.report));
  EXPECT_EQ(old.status, 409);
  EXPECT_THAT(line(old), HasSubstr("speaks protocol 9"));
}

TEST_F(ApiTest, AnImpossibleObjectiveIsRefusedWithTheBestThatIsPossible) {
  FakeNode box("box-1");
  run(box, [&] { return true; });
  const std::string yaml = app_yaml("people", {"yard"}, "objective: {latency_p95_ms: 0.000001}\n");
  const auto refused = put("people", yaml);
  EXPECT_EQ(refused.status, 409) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("people cannot keep p95 1e-06 ms: the best is"));
  const auto dry = put("people", yaml, {{"dry_run", "1"}});
  EXPECT_EQ(dry.status, 200);
  EXPECT_THAT(dry.body["refused"]["best"]["latency_p95_ms"].get<double>(), ::testing::Gt(0));
  EXPECT_EQ(call("GET", "/api/fleet/apps").body["applications"].size(), 0u);
  EXPECT_EQ(put("people", yaml, {{"force", "1"}}).status, 200);
}

TEST_F(ApiTest, ATenantSeesItsOwnOnly) {
  FakeNode box("box-1");
  ASSERT_EQ(put("a", app_yaml("a", {"yard"}, "", 0.5, "north"), {}, tenant("north")).status, 200);
  ASSERT_EQ(put("b", app_yaml("b", {"yard"}, "", 0.5, "south"), {}, tenant("south")).status, 200);
  EXPECT_EQ(put("c", app_yaml("c", {"yard"}, "", 0.5, "south"), {}, tenant("north")).status, 403);
  EXPECT_EQ(put("b", app_yaml("b", {"yard"}, "", 0.5, "north"), {}, tenant("north")).status, 409);
  run(box, [&] { return app("a")["state"] == "running" && app("b")["state"] == "running"; });
  const auto get = [&](const std::string& path) { return call("GET", path, "", {}, tenant("north")); };
  EXPECT_EQ(get("/api/fleet/apps").body["applications"].size(), 1u);
  EXPECT_EQ(get("/api/fleet/apps/b").status, 404);
  EXPECT_EQ(call("DELETE", "/api/fleet/apps/b", "", {}, tenant("north")).status, 404);
  EXPECT_EQ(get("/api/fleet/apps/a").body["shared_with"], json({"another tenant"}));
  EXPECT_EQ(get("/api/fleet/streams").body["streams"][0]["users"], json({"a", "another tenant"}));
  EXPECT_EQ(get("/api/fleet/replicas").body["replicas"].size(), 4u) << "three shared, and its own sink";
  for (const char* path : {"/api/fleet/apps", "/api/fleet/replicas", "/api/fleet/streams", "/api/fleet/nodes",
                           "/api/fleet/log", "/api/fleet/export", "/api/fleet/metrics", "/api/fleet/traces"})
    EXPECT_THAT(get(path).text, Not(HasSubstr("\"b\""))) << path;
  EXPECT_THAT(call("GET", "/api/fleet/apps/a", "", {}, tenant("north", net::Role::kViewer)).text,
              Not(HasSubstr("secret")));
}

TEST_F(ApiTest, ANodeIsDrainedLabelledAndForgotten) {
  FakeNode box("box-1"), other("box-2");
  run(box, [] { return true; });
  run(other, [] { return true; });
  EXPECT_EQ(call("POST", "/api/fleet/nodes/box-1/drain").status, 200);
  run(box, [&] { return call("GET", "/api/fleet/nodes").body["nodes"][0]["state"] == "drained"; });
  EXPECT_EQ(call("POST", "/api/fleet/nodes/box-1/undrain").status, 200);
  EXPECT_EQ(call("PUT", "/api/fleet/nodes/box-1/labels", R"({"room": "hall"})").status, 200);
  EXPECT_EQ(call("PUT", "/api/fleet/nodes/box-1/labels", "[]").status, 400);
  EXPECT_EQ(call("GET", "/api/fleet/nodes").body["nodes"][0]["labels"]["room"], "hall");
  EXPECT_EQ(call("DELETE", "/api/fleet/nodes/box-1").status, 400) << "it is alive";
}

TEST_F(ApiTest, TheOpenApiPageDescribesEveryRouteAndNothingElse) {
  const json paths = json::parse(openapi_paths());
  size_t described = 0;
  for (const auto& [path, methods] : paths.items()) described += methods.size();
  for (const auto& route : routes_.all()) {
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    ASSERT_TRUE(paths.contains(route.pattern) && paths[route.pattern].contains(method))
        << route.method << route.pattern;
    const json& operation = paths[route.pattern][method];
    EXPECT_EQ(operation["x-role"], std::string(net::to_string(route.needed))) << route.pattern;
    EXPECT_FALSE(operation["summary"].get<std::string>().empty());
  }
  EXPECT_EQ(described, routes_.all().size());
}

TEST_F(ApiTest, TheShapesOnTheOpenApiPageAreThoseOfTheAnswers) {
  FakeNode box("box-1");
  put("people", app_yaml("people", {"yard"}));
  run(box, [&] { return app("people")["state"] == "running"; });
  const json paths = json::parse(openapi_paths());
  const std::function<void(const json&, const json&, const std::string&)> check =
      [&](const json& value, const json& schema, const std::string& at) {
        if (value.is_object() && schema.contains("properties")) {
          for (const auto& [key, one] : value.items()) {
            if (at == "/api/fleet.controller" && key == "traces") continue;
            ASSERT_TRUE(schema["properties"].contains(key)) << at << "." << key;
            check(one, schema["properties"][key], at + "." + key);
          }
          for (const auto& [key, one] : schema["properties"].items())
            EXPECT_TRUE(value.contains(key)) << at << "." << key;
        } else if (value.is_array() && !value.empty()) {
          check(value[0], schema["items"], at + "[]");
        }
      };
  for (const char* path : {"/api/fleet", "/api/fleet/nodes", "/api/fleet/apps", "/api/fleet/replicas",
                           "/api/fleet/streams", "/api/fleet/links", "/api/fleet/log", "/api/fleet/metrics"})
    check(call("GET", path).body, paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"],
          path);
  check(app("people"),
        paths["/api/fleet/apps/{name}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"], "app");
}

TEST_F(ApiTest, ARestartKeepsEverything) {
  const std::string file = "/tmp/vedette-fleet-" + std::to_string(::getpid()) + ".db";
  ControllerOptions options;
  options.store.store = file;
  FakeNode box("box-1");
  uint64_t version = 0;
  for (int start = 0; start < 2; ++start) {
    Controller controller(options, "test");
    if (start == 0) controller.apply({"anna", ""}, "people", app_yaml("people", {"yard"}), {});
    for (int i = 0; i < 300; ++i) {
      const auto answer = controller.report(box.report, 20ms);
      if (answer.plan) box.take(*answer.plan);
      if (start == 0 && box.plan && !box.plan->stages.empty() && i > 20) break;
      if (start == 1 && i > 20) break;
    }
    ASSERT_TRUE(box.plan);
    if (start == 1) {
      EXPECT_EQ(box.plan->version, version) << "the node has nothing to change";
    }
    version = box.plan->version;
    EXPECT_EQ(controller.snapshot().applications.size(), 1u);
  }
  for (const char* suffix : {"", "-wal", "-shm"}) std::remove((file + suffix).c_str());
}

TEST_F(ApiTest, ServedOverHttpWithAWatch) {
  net::ServerOptions options;
  net::Server server(options, api_routes(*control_));
  net::Client client = client_of(server);
  EXPECT_THAT(client.get("/api/fleet").body, HasSubstr("\"name\":\"ctl\""));
  std::string seen;
  std::atomic<bool> watching = false;
  std::jthread watcher([&] {
    net::Client other = client_of(server);
    other.follow(
        "/api/fleet/watch",
        [&](std::string_view piece) {
          watching = true;
          seen += piece;
          return seen.find("version 1 by local") == std::string::npos;
        },
        20s);
  });
  while (!watching) std::this_thread::yield();
  client.put("/api/fleet/apps/people", app_yaml("people", {"yard"}), "application/yaml");
  watcher.join();
  EXPECT_THAT(seen, HasSubstr("event: fleet\ndata: {\"revision\":"));
  EXPECT_THAT(seen, HasSubstr("event: log\ndata: {"));
  controller_->stop();
}

TEST_F(ApiTest, TheSameByGrpc) {
  GrpcOptions options;
  options.port = 0;
  GrpcServer server(options, *control_);
  const auto channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(server.port()), grpc::InsecureChannelCredentials());
  const auto stub = v1::Control::NewStub(channel);
  const auto context = [] {
    auto out = std::make_unique<grpc::ClientContext>();
    out->set_deadline(std::chrono::system_clock::now() + 30s);
    return out;
  };
  v1::Nothing nothing;
  v1::ApplyRequest apply;
  apply.set_yaml(app_yaml("people", {"yard"}));
  v1::Applied applied;
  ASSERT_TRUE(stub->Apply(context().get(), apply, &applied).ok());
  EXPECT_EQ(applied.version(), 1u);
  EXPECT_EQ(applied.changes(0).kind(), "application");
  EXPECT_FALSE(applied.changes(0).has_from());
  FakeNode box("box-1");
  run(box, [&] { return app("people")["state"] == "running"; });
  v1::ByName name;
  name.set_name("people");
  v1::Application application;
  ASSERT_TRUE(stub->GetApplication(context().get(), name, &application).ok());
  EXPECT_EQ(application.state(), "running");
  EXPECT_EQ(application.graph().modules_size(), 4);
  EXPECT_FALSE(application.has_met());
  v1::Nodes nodes;
  ASSERT_TRUE(stub->ListNodes(context().get(), nothing, &nodes).ok());
  EXPECT_EQ(nodes.nodes(0).name(), "box-1");
  v1::UpdateRequest update;
  update.set_application("people");
  update.set_module("t_detect");
  update.set_settings_json(R"({"score": 0.9})");
  ASSERT_TRUE(stub->Update(context().get(), update, &applied).ok());
  EXPECT_EQ(applied.changes(0).to(), "0.9");
  v1::Replicas replicas;
  v1::Streams streams;
  v1::Links links;
  v1::MetricsAnswer metrics;
  v1::ExportAnswer exported;
  v1::Fleet fleet;
  EXPECT_TRUE(stub->ListReplicas(context().get(), nothing, &replicas).ok());
  EXPECT_TRUE(stub->ListStreams(context().get(), nothing, &streams).ok());
  EXPECT_TRUE(stub->ListLinks(context().get(), nothing, &links).ok());
  EXPECT_TRUE(stub->Metrics(context().get(), nothing, &metrics).ok());
  EXPECT_TRUE(stub->Export(context().get(), nothing, &exported).ok());
  EXPECT_TRUE(stub->GetFleet(context().get(), nothing, &fleet).ok());
  EXPECT_TRUE(fleet.controller().leader());
  EXPECT_THAT(exported.yaml(), HasSubstr("score: 0.9"));
  name.set_name("nobody");
  EXPECT_EQ(stub->Delete(context().get(), name, &nothing).error_code(), grpc::StatusCode::NOT_FOUND);
  apply.set_yaml("application: x\n");
  EXPECT_EQ(stub->Apply(context().get(), apply, &applied).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  apply.set_yaml(app_yaml("hurry", {"yard"}, "objective: {latency_p95_ms: 0.000001}\n"));
  EXPECT_EQ(stub->Apply(context().get(), apply, &applied).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  auto watching = context();
  v1::WatchLogRequest watch;
  watch.set_last(1);
  auto lines = stub->WatchLog(watching.get(), watch);
  v1::LogLine line;
  ASSERT_TRUE(lines->Read(&line));
  name.set_name("people");
  EXPECT_TRUE(stub->Stop(context().get(), name, &nothing).ok());
  while (line.text() != "stopped by local" && lines->Read(&line)) {
  }
  EXPECT_EQ(line.text(), "stopped by local");
  watching->TryCancel();
  lines->Finish();
  controller_->stop();
}

TEST_F(ApiTest, GrpcBeyondLoopbackNeedsTlsAndTokens) {
  GrpcOptions options;
  options.address = "0.0.0.0";
  EXPECT_THROW(GrpcServer(options, *control_), Error);
}

}  // namespace
}  // namespace vedette::fleet
