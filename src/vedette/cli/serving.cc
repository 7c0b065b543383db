#include "vedette/cli/serving.h"

#include <fmt/format.h>

#include <charconv>

#include "vedette/base/error.h"

namespace vedette::cli {
namespace {

constexpr size_t kMaxConnections = 2048;  // each node holds one

bool is_any(const std::string& host) { return host == "0.0.0.0" || host == "::" || host == "[::]"; }

void put_in(ConfigNode& root, const std::string& assignment) {
  const size_t sign = assignment.find('=');
  std::string key = assignment.substr(0, sign);
  if (sign == std::string::npos || key.empty() || key.front() == '.' || key.back() == '.')
    throw Error(ErrorCode::kUsage, fmt::format("--set {}: expected key=value", assignment));
  const std::string origin = "--set " + key;
  const ConfigNode parsed = parse_config("value: " + assignment.substr(sign + 1), origin);
  ConfigNode* map = &root;
  for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.')) {
    const std::string group = key.substr(0, dot);
    key.erase(0, dot + 1);
    if (map->find(group) == nullptr) map->set(group, parse_config("{}", origin));
    map = map->find(group);
    if (!map->is_map())
      throw Error(ErrorCode::kUsage, fmt::format("--set {}: '{}' is no group of settings", assignment, group));
  }
  map->set(key, *parsed.find("value"));
}

}  // namespace

ListenAddress parse_listen(const std::string& text, const std::string& what) {
  const size_t colon = text.rfind(':');
  const auto refuse = [&] {
    throw Error(ErrorCode::kInvalidConfig, fmt::format("{}: '{}' is no address", what, text), "expected HOST:PORT");
  };
  if (colon == std::string::npos) refuse();
  ListenAddress address{text.substr(0, colon), -1};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc{} || stop != end || address.port < 0 || address.port > 65535) refuse();
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  else if (address.host.find(':') != std::string::npos)
    refuse();
  if (address.host.empty()) address.host = "127.0.0.1";
  return address;
}

void Serving::fields(Fields& f) {
  f.text("listen", listen, "HOST:PORT of the console and the HTTP interface; off loopback it takes tls and tokens");
  f.text("grpc", grpc, "HOST:PORT of the same interface by gRPC; by default there is none");
  f.texts("names", names, "that the console may be called by; by default those of its certificate");
  f.group("tokens", tokens, "who is let in; without a key everybody on loopback is");
}

std::shared_ptr<const net::Authority> Serving::authority() const {
  return tokens.key.empty() ? nullptr : std::make_shared<const net::Authority>(tokens);
}

console::ServerOptions Serving::console(const net::TlsFiles& tls, std::shared_ptr<const net::Authority> authority,
                                        const std::string& version, const std::string& file) const {
  const auto address = parse_listen(listen, "listen");
  console::ServerOptions options;
  options.address = address.host;
  options.port = address.port;
  options.version = version;
  options.max_connections = kMaxConnections;
  options.port_option =
      file.empty() ? "--set listen=HOST:PORT" : fmt::format("'listen' in {} or --set listen=HOST:PORT", file);
  if (!tls.certificate.empty()) options.tls = tls;
  options.names = names;
  options.authority = std::move(authority);
  return options;
}

fleet::GrpcOptions Serving::grpc_options(const net::TlsFiles& tls,
                                         std::shared_ptr<const net::Authority> authority) const {
  const auto address = parse_listen(grpc, "grpc");
  fleet::GrpcOptions options;
  options.address = address.host;
  options.port = address.port;
  if (!tls.certificate.empty()) options.tls = tls;
  options.authority = std::move(authority);
  return options;
}

std::string Serving::url(const net::TlsFiles& tls) const {
  const auto address = parse_listen(listen, "listen");
  if (address.port == 0) return "";
  std::string host = address.host;
  if (!names.empty()) {
    host = names.front();
  } else if (!tls.certificate.empty()) {
    const auto certified = net::certificate_names(tls.certificate);
    if (!certified.empty()) host = certified.front();
  } else if (is_any(host)) {
    return "";
  }
  if (host.find(':') != std::string::npos) host = '[' + host + ']';
  return fmt::format("{}://{}:{}", tls.certificate.empty() ? "http" : "https", host, address.port);
}

ConfigNode load_settings(const std::string& path, const std::vector<std::string>& overrides) {
  ConfigNode root = path.empty() ? parse_config("{}", "the defaults") : load_config(path);
  if (root.is_null()) root = parse_config("{}", path);
  if (!root.is_map()) throw Error(ErrorCode::kInvalidConfig, root.where() + ": expected settings, as key: value");
  for (const auto& assignment : overrides) put_in(root, assignment);
  return root;
}

}  // namespace vedette::cli
