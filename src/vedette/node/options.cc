#include "vedette/node/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "vedette/base/error.h"

namespace vedette::node {
namespace {

constexpr size_t kLongestName = 63;
constexpr size_t kLongestSocketPath = 100;  // sun_path holds 108 bytes, and the links put some of their own behind

bool good_name(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '-' && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return c < 128 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
         });
}

/// Whether a token may go there in the clear.
bool on_this_machine(std::string_view plain_url) {
  auto host = plain_url.substr(std::string_view("http://").size());
  host = host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find_first_of(":/"));
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "node";
  return name.data();
}

std::string state_folder(const std::string& node) {
  const auto set = [](const char* variable) -> std::string {
    const char* value = std::getenv(variable);
    return value ? value : "";
  };
  if (const auto systemd = set("STATE_DIRECTORY"); !systemd.empty()) return systemd.substr(0, systemd.find(':'));
  if (const auto xdg = set("XDG_STATE_HOME"); !xdg.empty()) return xdg + "/vedette/" + node;
  if (const auto home = set("HOME"); !home.empty()) return home + "/.local/state/vedette/" + node;
  return "vedette-" + node;
}

}  // namespace

void LinkSettings::fields(Fields& f) {
  f.texts("listen", listen,
          "tcp://HOST:PORT or unix:/path, where other nodes reach this one; by default loopback and a Unix socket");
  f.text("token_file", token_file, "file with the links' secret, the same on all nodes; needed off loopback");
  f.choice("pictures", pictures,
           {{"auto", link::PictureForm::kAuto}, {"raw", link::PictureForm::kRaw}, {"jpeg", link::PictureForm::kJpeg}},
           "how pictures travel; auto goes by the measured speed of the link");
  f.whole("jpeg_quality", jpeg_quality, "of pictures that are encoded for a link", {1, 100});
  f.number("deadline_seconds", deadline_seconds, "older than that, an observation is not sent any more; 0: never",
           {0, 3600});
  f.number("patience_seconds", patience_seconds, "how long a lossless queue waits for a node that is away; 0: for ever",
           {0, 3600});
  f.whole("shared_memory_mib", shared_memory_mib, "shared with each node on this host; 0: none", {0, 4096});
  f.whole("codec_threads", codec_threads, "threads that encode and decode pictures", {1, 64});
}

void NodeOptions::fields(Fields& f) {
  f.text("name", name, "unique in the fleet; by default the host's name");
  f.pairs("labels", labels, "that applications may ask for");
  f.texts("controllers", controllers, "URLs of the controllers; the first that answers is used");
  f.text("token_file", token_file, "file with a token of role node, shown to the controller");
  f.group("tls", tls, "PEM files for the controller's connection and the links");
  f.group("link", link, "how observations travel to other nodes");
  f.text("state", state, "folder of what outlives the process");
  f.number("cores", cores, "that may be used; 0: what the system gives this process", {0, 4096});
  f.whole("threads", threads, "workers; 0: one a core", {0, 1024});
  f.number("traces_per_second", traces_per_second, "frames of each source whose way is recorded", {0, 100});
  f.number("report_seconds", report_seconds, "between two reports to the controller", {0.05, 60});
  f.number("move_seconds", move_seconds, "when draining, for the controller to move things away", {0, 3600});
  f.number("drain_seconds", drain_seconds, "when draining, for what is here to come out", {0, 3600});
}

void complete(NodeOptions& options, Faults& faults) {
  if (options.name.empty()) options.name = host_name();
  if (!good_name(options.name))
    faults.add(fmt::format("'{}' cannot be a node's name: letters, digits, '-', '_' and '.', at most {} of them",
                           options.name, kLongestName));
  for (const auto& url : options.controllers) {
    if (!url.starts_with("http://") && !url.starts_with("https://"))
      faults.add(fmt::format("controller '{}' is no URL: expected http://HOST:PORT or https://HOST:PORT", url));
    if (url.starts_with("http://") && !on_this_machine(url))
      faults.add(
          fmt::format("controller '{}' is on another machine: write https:// and name the files under 'tls'", url));
  }
  if (options.state.empty()) options.state = state_folder(options.name);
  if (options.link.listen.empty()) {
    options.link.listen = {"tcp://127.0.0.1:0"};
    const auto socket = (std::filesystem::absolute(options.state) / "link.sock").string();
    if (socket.size() <= kLongestSocketPath) options.link.listen.push_back("unix:" + socket);
  }
}

NodeOptions read_node_options(const ConfigNode& root, const std::vector<std::string>& reserved) {
  Faults faults;
  auto options = read_settings<NodeOptions>(root, faults, reserved);
  complete(options, faults);
  faults.throw_if_any();
  return options;
}

}  // namespace vedette::node
