#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "vedette/net/client.h"
#include "vedette/node/reporter.h"

namespace vedette::node {

struct HttpReporterOptions {
  std::string node;
  std::vector<std::string> controllers;  ///< URLs, at least one
  std::string token_file;                ///< read again whenever a controller refuses what it held; empty: no token
  net::TlsFiles tls;
};

/// Reports over HTTP to the first of several controllers that answers, and stays with it while it does: standing-by
/// ones answer that they are not in charge. A controller that does not answer in time is given twice as long the next
/// time, up to eight seconds: one that died is left after a second, a slow link works all the same.
class HttpReporter final : public Reporter {
 public:
  /// Throws Error for a malformed URL or files that are missing or wrong.
  explicit HttpReporter(HttpReporterOptions options);
  Answer report(const plan::NodeReport& report, Duration wait) override;
  void cancel() override { stop_.request_stop(); }

 private:
  struct Controller {
    std::string url;
    std::chrono::milliseconds patience;
    Duration wait{};  // that the client's time limit allows for
    std::unique_ptr<net::Client> client;
  };
  void connect(Controller& controller, Duration wait) const;
  Answer ask(Controller& controller, const std::string& body, Duration wait);

  const HttpReporterOptions options_;
  const std::string path_;
  std::stop_source stop_;
  std::vector<Controller> controllers_;
  size_t current_ = 0;
};

/// The controller's answer as JSON: {"lease_seconds","plan":…|null,"controller":{"name"}}. Throws Error(kInvalidData).
Answer answer_from_json(const std::string& text);

}  // namespace vedette::node
