#include "vedette/node/http_reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "vedette/net/secret.h"
#include "vedette/node/options.h"

namespace vedette::node {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{1000};
constexpr std::chrono::milliseconds kFirstPatience{1000};
constexpr std::chrono::milliseconds kMostPatience{8000};

/// Whether who says so will say so again.
bool refusal(const Error& error) {
  return error.code() == ErrorCode::kPermissionDenied || error.code() == ErrorCode::kUsage ||
         error.code() == ErrorCode::kAddressInUse || error.code() == ErrorCode::kInvalidConfig;
}

}  // namespace

HttpReporter::HttpReporter(HttpReporterOptions options)
    : options_(std::move(options)), path_("/api/fleet/nodes/" + net::encode_segment(options_.node) + "/report?wait=") {
  VEDETTE_ASSERT(!options_.controllers.empty());
  for (const auto& url : options_.controllers)
    connect(controllers_.emplace_back(Controller{url, kFirstPatience, {}, {}}), {});
}

void HttpReporter::connect(Controller& controller, Duration wait) const {
  net::ClientOptions client;
  client.url = controller.url;
  client.tls = options_.tls;
  if (controller.url.starts_with("http://")) client.tls = {};
  if (!options_.token_file.empty()) client.token = net::read_secret(options_.token_file);
  client.connect_timeout = kConnectTimeout;
  client.total_timeout = controller.patience + std::chrono::duration_cast<std::chrono::milliseconds>(wait);
  controller.wait = wait;
  controller.client = std::make_unique<net::Client>(std::move(client));
}

Answer HttpReporter::report(const plan::NodeReport& report, Duration wait) {
  const std::string body = plan::to_json(report);
  std::optional<Refused> refused;
  std::optional<Error> failed;
  for (size_t i = 0; i < controllers_.size(); ++i) {
    const size_t index = (current_ + i) % controllers_.size();
    try {
      auto answer = ask(controllers_[index], body, wait);
      current_ = index;
      return answer;
    } catch (const Refused& e) {
      if (!refused) refused = e;
    } catch (const Error& e) {
      // What the one that was in charge says tells more than what those standing by say.
      if (!failed) failed = e;
    }
    if (stop_.stop_requested()) break;
  }
  if (refused) throw Refused(*refused);
  throw Error(*failed);
}

Answer HttpReporter::ask(Controller& controller, const std::string& body, Duration wait) {
  try {
    if (!controller.client || wait > controller.wait) connect(controller, wait);
    const auto answer = controller.client->post(fmt::format("{}{:.3f}", path_, to_seconds(wait)), body,
                                                "application/json", stop_.get_token());
    return answer_from_json(answer.body);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kTimeout) {
      controller.patience = std::min(controller.patience * 2, kMostPatience);
      controller.client.reset();
    }
    if (!refusal(e)) throw;
    controller.client.reset();  // the next try reads token and certificates again
    throw Refused(e.code(), e.what(), e.hint());
  }
}

Answer answer_from_json(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto bad = [](const std::string& what) {
    return Error(ErrorCode::kInvalidData, "the controller's answer to a report is not understood: " + what,
                 "is it a controller of Vedette?");
  };
  if (!json.is_object()) throw bad("it is no JSON object");
  Answer answer;
  const auto lease = json.find("lease_seconds");
  if (lease == json.end() || !lease->is_number()) throw bad("it names no lease_seconds");
  answer.lease_seconds = lease->get<double>();
  if (const auto plan = json.find("plan"); plan != json.end() && !plan->is_null())
    answer.plan = plan::node_plan_from_json(plan->dump());
  if (const auto controller = json.find("controller"); controller != json.end() && controller->is_object())
    if (const auto name = controller->find("name"); name != controller->end() && name->is_string())
      answer.controller = name->get<std::string>();
  return answer;
}

}  // namespace vedette::node
