#include "vedette/cli/fleet_client.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "vedette/base/config.h"
#include "vedette/base/error.h"
#include "vedette/base/settings.h"
#include "vedette/net/secret.h"

namespace vedette::cli {
namespace {

constexpr const char* kDefaultController = "http://127.0.0.1:8080";
constexpr std::chrono::seconds kPatience{60};      // a large fleet thinks before it answers an apply
constexpr std::chrono::seconds kWatchSilence{25};  // the controller says that it lives every ten
constexpr std::chrono::milliseconds kRetry{500};

/// client.yaml.
struct ClientFile {
  std::string controller;
  std::string token_file;
  net::TlsFiles tls;

  void fields(Fields& f) {
    f.text("controller", controller, "URL of the controller; several, with commas between, when others stand by");
    f.text("token_file", token_file, "file with your token");
    f.group("tls", tls, "PEM files of https; without an authority the system's are trusted");
  }
};

std::vector<std::string> split_urls(const std::string& text) {
  std::vector<std::string> urls;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    std::string url = text.substr(at, end - at);
    url.erase(0, url.find_first_not_of(' '));
    while (url.ends_with('/') || url.ends_with(' ')) url.pop_back();
    if (!url.empty()) urls.push_back(std::move(url));
    at = end + 1;
  }
  return urls;
}

bool goes_in_the_clear(const std::string& url) {
  if (!url.starts_with("http://")) return false;
  const std::string host = url.substr(7);
  return !(host.starts_with("127.") || host.starts_with("[::1]") || host == "localhost" ||
           host.starts_with("localhost:") || host.starts_with("localhost/"));
}

ClientFile read_client_file(const std::string& path, bool must_exist) {
  if (!must_exist && !std::filesystem::exists(path)) return {};
  Faults faults;
  auto file = read_settings<ClientFile>(load_config(path), faults);
  faults.throw_if_any();
  const auto folder = std::filesystem::path(path).parent_path();
  for (std::string* name : {&file.token_file, &file.tls.certificate, &file.tls.key, &file.tls.authority})
    if (!name->empty()) *name = (folder / *name).string();
  return file;
}

bool is_absence(ErrorCode code) { return code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout; }

}  // namespace

void add_fleet_options(CLI::App& command, FleetArguments& arguments) {
  command.add_option("--controller", arguments.controller,
                     "URL of the controller (else VEDETTE_CONTROLLER, else ~/.config/vedette/client.yaml)");
  command.add_option("--token-file", arguments.token_file, "File with your token (else VEDETTE_TOKEN)");
  command.add_option("--authority", arguments.tls.authority, "PEM file of the authority that the controller's is of");
  command.add_option("--certificate", arguments.tls.certificate, "PEM file of your own certificate");
  command.add_option("--key", arguments.tls.key, "PEM file of its key");
}

FleetAddress find_fleet(const FleetArguments& arguments,
                        const std::function<std::string(const std::string&)>& environment) {
  const std::string named = environment("VEDETTE_CLIENT");
  std::string folder = environment("XDG_CONFIG_HOME");
  if (folder.empty() && !environment("HOME").empty()) folder = environment("HOME") + "/.config";
  const ClientFile file = !named.empty()    ? read_client_file(named, true)
                          : !folder.empty() ? read_client_file(folder + "/vedette/client.yaml", false)
                                            : ClientFile{};
  FleetAddress address;
  for (const std::string& place : {arguments.controller, environment("VEDETTE_CONTROLLER"), file.controller})
    if (address.urls.empty()) address.urls = split_urls(place);
  if (address.urls.empty()) address.urls = {kDefaultController};
  address.tls = arguments.tls.empty() ? file.tls : arguments.tls;
  if (!arguments.token_file.empty()) {
    address.token = net::read_secret(arguments.token_file);
  } else if (const auto token = environment("VEDETTE_TOKEN"); !token.empty()) {
    address.token = token;
  } else if (!file.token_file.empty()) {
    address.token = net::read_secret(file.token_file);
  }
  for (const auto& url : address.urls)
    if (!address.token.empty() && goes_in_the_clear(url))
      throw Error(ErrorCode::kUsage, fmt::format("your token would go to {} in the clear", url), "write https://");
  return address;
}

FleetAddress find_fleet(const FleetArguments& arguments) {
  return find_fleet(arguments, [](const std::string& name) -> std::string {
    const char* value = std::getenv(name.c_str());
    return value ? value : "";
  });
}

FleetClient::FleetClient(FleetAddress address) : address_(std::move(address)) {}

net::ClientOptions FleetClient::options_for(const std::string& url) const {
  return {.url = url, .tls = address_.tls, .token = address_.token, .total_timeout = kPatience};
}

net::Client& FleetClient::client() {
  if (!client_) client_ = std::make_unique<net::Client>(options_for(address_.urls.at(current_)));
  return *client_;
}

std::string FleetClient::text_of(const std::string& method, const std::string& path, const std::string& body,
                                 const std::string& type) {
  std::exception_ptr first;
  for (size_t tried = 0; tried < address_.urls.size(); ++tried) {
    try {
      return client().call(method, path, body, type).body;
    } catch (const Error& e) {
      if (!is_absence(e.code())) throw;
      if (!first) first = std::current_exception();
      client_.reset();
      current_ = (current_ + 1) % address_.urls.size();
    }
  }
  std::rethrow_exception(first);
}

nlohmann::json FleetClient::get(const std::string& path) { return json_of("GET", path, {}, {}); }

nlohmann::json FleetClient::json_of(const std::string& method, const std::string& path, const std::string& body,
                                    const std::string& type) {
  const std::string text = text_of(method, path, body, type);
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object())
    throw Error(ErrorCode::kInvalidData, fmt::format("what answers at {} is no controller", address_.urls.at(current_)),
                "is the address right? see --controller");
  return json;
}

void FleetClient::watch(const std::stop_token& stop, const std::function<void(const ServerEvent&)>& on_event,
                        const std::function<void(const std::string&)>& on_problem) {
  bool was_there = false, told = false;
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    try {
      get("/api/fleet/streams");  // finds the one that leads: others do not answer this
      EventStream events;
      net::Client watcher(options_for(address_.urls.at(current_)));
      watcher.follow(
          "/api/fleet/watch",
          [&](std::string_view bytes) {
            was_there = true;
            told = false;
            events.feed(bytes, on_event);
            return !stop.stop_requested();
          },
          kWatchSilence, stop);
    } catch (const Error& e) {
      if (stop.stop_requested()) return;
      if (!was_there || !is_absence(e.code())) throw;
      if (!std::exchange(told, true)) on_problem(e.line() + "; trying again");
      client_.reset();
    }
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kRetry, [] { return false; });
  }
}

}  // namespace vedette::cli
