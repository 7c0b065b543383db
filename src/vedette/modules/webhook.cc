#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/graph/registry.h"
#include "vedette/modules/json_form.h"
#include "vedette/modules/webhook_sender.h"

namespace vedette::modules {
namespace {

struct WebhookSettings {
  std::string url;
  std::vector<std::string> events;
  std::string secret, secret_env, secret_file, ca_file;
  std::vector<std::pair<std::string, std::string>> headers;
  int batch_size = 50;
  int batch_ms = 200;
  int timeout_ms = 5000;
  int tries = 5;
  double max_age_s = 300;
  media::BackoffOptions retry;
  int max_pending = 1000;
  int stop_timeout_ms = 5000;

  void fields(Fields& f) {
    f.required().text("url", url, "http or https; events are posted as a JSON array");
    f.texts("events", events, "enter, leave, dwell, cross, count; none: all");
    f.text("secret_env", secret_env, "environment variable that holds the secret which signs requests");
    f.text("secret_file", secret_file, "file that holds it; a line feed at its end does not belong to it");
    f.text("secret", secret, "the secret itself; better kept out of the file");
    f.text("ca_file", ca_file, "PEM file of the authorities to trust; default: the system's");
    f.pairs("headers", headers, "sent with each request");
    f.whole("batch_size", batch_size, "most events a request", {1, 1000});
    f.whole("batch_ms", batch_ms, "wait so long after the first event for more", {0, 60000});
    f.whole("timeout_ms", timeout_ms, "for one request", {1, 600000});
    f.whole("tries", tries, "of a batch, before its events are given up", {1, 1000});
    f.number("max_age_s", max_age_s, "no further try for older events", {0, 86400});
    f.group("retry", retry, "waits between tries");
    f.whole("max_pending", max_pending, "events kept while the receiver is away; then the oldest are lost",
            {1, 100000});
    f.whole("stop_timeout_ms", stop_timeout_ms, "for a last try when the application stops", {0, 60000});
    f.check([this] { return fault(); });
  }

  std::string fault() const {
    static const std::vector<std::string> kinds{"enter", "leave", "dwell", "cross", "count"};
    if (!url.empty())
      if (auto wrong = post_url_fault(url); !wrong.empty()) return wrong;
    for (const auto& name : events)
      if (std::find(kinds.begin(), kinds.end(), name) == kinds.end())
        return "there is no event '" + name + "' (" + did_you_mean(name, kinds) + ")";
    if (!secret.empty() + !secret_env.empty() + !secret_file.empty() > 1)
      return "give one of secret_env, secret_file and secret";
    for (const auto& [name, value] : headers) {
      const auto in_name = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
      const auto in_value = [](unsigned char c) { return c >= 0x20 && c != 0x7F; };
      if (name.empty() || !std::all_of(name.begin(), name.end(), in_name))
        return "'" + name + "' is no name of a header";
      if (!std::all_of(value.begin(), value.end(), in_value)) return "the header '" + name + "' has control characters";
    }
    return "";
  }
};

/// The secret, from wherever the settings say. Throws Error when it is not there.
std::string secret_of(const WebhookSettings& settings) {
  std::string secret = settings.secret;
  if (!settings.secret_env.empty()) {
    const char* value = std::getenv(settings.secret_env.c_str());
    if (!value || !*value)
      throw Error(ErrorCode::kNotFound, "webhook: the environment variable " + settings.secret_env + " is not set",
                  "it must hold the secret");
    secret = value;
  } else if (!settings.secret_file.empty()) {
    std::ifstream file(settings.secret_file, std::ios::binary);
    if (!file) throw_errno(errno, "webhook: cannot read " + settings.secret_file);
    std::array<char, 4096> text{};
    file.read(text.data(), text.size());
    secret.assign(text.data(), static_cast<size_t>(file.gcount()));
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.empty()) throw Error(ErrorCode::kInvalidData, "webhook: " + settings.secret_file + " holds no secret");
  }
  return secret;
}

/// Posts events to a URL. It never holds up the application: events wait in a bounded queue for a thread of its own.
/// What is lost counts as dropped: "queue_full" (the receiver is too slow), "undelivered" (given up after all tries).
class WebhookModule final : public graph::Module {
 public:
  using Settings = WebhookSettings;
  explicit WebhookModule(Settings settings) : settings_(std::move(settings)) {}

  void start(const graph::ModuleContext& context) override {
    application_ = context.application;
    WebhookOptions options;
    options.url = settings_.url;
    options.headers = settings_.headers;
    options.secret = secret_of(settings_);
    options.ca_file = settings_.ca_file;
    options.batch_size = static_cast<size_t>(settings_.batch_size);
    options.batch_wait = std::chrono::milliseconds(settings_.batch_ms);
    options.timeout = std::chrono::milliseconds(settings_.timeout_ms);
    options.tries = settings_.tries;
    options.max_age = from_seconds(settings_.max_age_s);
    options.backoff = settings_.retry;
    options.max_pending = static_cast<size_t>(settings_.max_pending);
    options.stop_timeout = std::chrono::milliseconds(settings_.stop_timeout_ms);
    sender_.emplace(std::move(options), *context.clock);
  }

  void process(const Observation& observation, graph::Emit& emit) override {
    for (const Event& event : observation.events()) {
      if (!wanted(event.kind)) continue;
      std::string json;
      append_event_json(json, observation, event, application_);
      if (!sender_->post(std::move(json))) emit.drop("queue_full");
    }
    count_undelivered(emit);
  }

  void end_of_stream(const StreamInfo&, graph::Emit& emit) override { count_undelivered(emit); }

  void stop() override {
    const uint64_t undelivered = sender_->stop();
    if (undelivered == 0) return;
    throw Error(ErrorCode::kUnavailable, "webhook " + log_url(settings_.url) + ": " + std::to_string(undelivered) +
                                             " events were not delivered: " + sender_->last_error());
  }

 private:
  bool wanted(EventKind kind) const {
    return settings_.events.empty() ||
           std::find(settings_.events.begin(), settings_.events.end(), to_string(kind)) != settings_.events.end();
  }

  void count_undelivered(graph::Emit& emit) {
    for (uint64_t left = sender_->take_undelivered(); left > 0; --left) emit.drop("undelivered");
  }

  const Settings settings_;
  std::string application_;
  std::optional<WebhookSender> sender_;
};

VEDETTE_MODULE(WebhookModule, {.type = "webhook",
                               .summary = "Posts events to a URL, signed and with retries",
                               .concurrency = graph::Concurrency::kGlobal,
                               .reads = graph::Facet::kEvents,
                               .sink = true});

}  // namespace
}  // namespace vedette::modules
