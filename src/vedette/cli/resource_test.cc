#include "vedette/cli/resource.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "vedette/base/error.h"

namespace vedette::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const json kQuantiles = {{"count", 10}, {"p50", 0.05}, {"p95", 0.071}, {"p99", 0.09}, {"mean", 0.05}};

json application(const std::string& name) {
  return {{"name", name},
          {"tenant", "acme"},
          {"state", "running"},
          {"objective", {{"latency_p95_ms", 500}, {"min_fps", 10}}},
          {"met", true},
          {"latency", kQuantiles},
          {"fps", 14.94},
          {"gaps", 0},
          {"nodes", {"box-1", "box-2"}},
          {"shared_with", json::array()},
          {"dropped", {{"superseded", 3}, {"other", 0}}},
          {"version", 4}};
}

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.line();
  }
  return "";
}

TEST(Resource, is_found_by_name_and_alias) {
  EXPECT_EQ(find_resource("nodes").path, "nodes");
  EXPECT_EQ(find_resource("app").key, "applications");
  EXPECT_EQ(error_of([] { find_resource("replcas"); }), "'replcas' is nothing to get (did you mean 'replicas'?)");
}

TEST(Resource, applications_become_rows) {
  const json items = json::array({application("people")});
  EXPECT_EQ(to_table(find_resource("apps"), items, false, 0).text(Paint(false)),
            "NAME    TENANT  STATE    OBJECTIVE           MET      P95   FPS  GAPS  NODES        SHARED WITH\n"
            "people  acme    running  p95<=500ms,fps>=10  yes  71.0 ms  14.9     0  box-1,box-2  -\n");
  EXPECT_THAT(to_table(find_resource("apps"), items, true, 0).text(Paint(false)), HasSubstr("superseded=3"));
}

TEST(Resource, one_is_chosen_by_name) {
  const json answer = {{"applications", {application("people"), application("roi")}}};
  const auto& apps = find_resource("apps");
  EXPECT_EQ(select(apps, answer, "").size(), 2u);
  EXPECT_EQ(select(apps, answer, "roi").at(0).at("name"), "roi");
  EXPECT_EQ(error_of([&] { select(apps, answer, "poeple"); }),
            "there is no 'poeple' among the apps (did you mean 'people'?)");
}

TEST(Resource, a_link_is_chosen_by_either_end) {
  const json answer = {{"links", {{{"from", "a"}, {"to", "b"}}, {{"from", "b"}, {"to", "c"}}}}};
  EXPECT_EQ(select(find_resource("links"), answer, "b").size(), 2u);
}

TEST(Resource, an_answer_of_another_form_is_one_clear_error) {
  for (const auto& resource : resources()) {
    EXPECT_THAT(error_of([&] { select(resource, json::object(), ""); }), HasSubstr("not what was expected"));
    EXPECT_THAT(error_of([&] { to_table(resource, json::array({json::array()}), true, 0); }),
                HasSubstr("not what was expected"))
        << resource.name;
  }
}

}  // namespace
}  // namespace vedette::cli
