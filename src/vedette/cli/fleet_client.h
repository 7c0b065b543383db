#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "vedette/cli/event_stream.h"
#include "vedette/net/client.h"
#include "vedette/net/tls.h"

namespace vedette::cli {

/// Where the controller is, and who asks.
struct FleetAddress {
  std::vector<std::string> urls;  ///< of controllers that stand by for each other; the first that answers is used
  std::string token;
  net::TlsFiles tls;
};

/// What the command line says about it.
struct FleetArguments {
  std::string controller;  ///< URL[,URL…]
  std::string token_file;
  net::TlsFiles tls;
};

/// --controller, --token-file, --authority, --certificate, --key.
void add_fleet_options(CLI::App& command, FleetArguments& arguments);

/// Each of address, token and TLS files from the first place that names it: the arguments, the environment
/// (VEDETTE_CONTROLLER; VEDETTE_TOKEN holds the token itself), the client file. That is VEDETTE_CLIENT, else
/// XDG_CONFIG_HOME or ~/.config and /vedette/client.yaml:
///
///   controller: https://fleet.example.org:8443
///   token_file: ann.token              # names of files are relative to this one
///   tls: {authority: authority.pem}
///
/// Without any: http://127.0.0.1:8080. `environment` gives a variable's value, "" for none. Throws Error for a client
/// file that does not read, a token file that is missing, and a token that would go to another machine in the clear.
FleetAddress find_fleet(const FleetArguments& arguments,
                        const std::function<std::string(const std::string&)>& environment);
FleetAddress find_fleet(const FleetArguments& arguments);

/// Calls of the fleet's API (docs/fleet-api.md). Goes to the next address when one does not answer or stands by, and
/// stays there. Throws Error: the controller's own, those of net::Client, kInvalidData for an answer that is no JSON.
class FleetClient {
 public:
  explicit FleetClient(FleetAddress address);

  nlohmann::json get(const std::string& path);
  nlohmann::json json_of(const std::string& method, const std::string& path, const std::string& body,
                         const std::string& type);
  std::string text_of(const std::string& method, const std::string& path, const std::string& body = {},
                      const std::string& type = {});

  /// Calls `on_event` with what /api/fleet/watch tells until `stop` is requested. Once it was connected it goes on
  /// after whatever happened to the controller; `on_problem` is told once each time it goes away. Calls of this client
  /// from `on_event` are all right, and may throw. Any other error ends it.
  void watch(const std::stop_token& stop, const std::function<void(const ServerEvent&)>& on_event,
             const std::function<void(const std::string&)>& on_problem);

 private:
  net::ClientOptions options_for(const std::string& url) const;
  net::Client& client();

  const FleetAddress address_;
  size_t current_ = 0;
  std::unique_ptr<net::Client> client_;
};

}  // namespace vedette::cli
