#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "vedette/base/settings.h"
#include "vedette/link/channel.h"
#include "vedette/net/tls.h"

namespace vedette::node {

/// How observations travel to other nodes.
struct LinkSettings {
  /// "tcp://HOST:PORT" (port 0: any), "unix:/path". Empty: loopback on any port, and a Unix socket in the state folder.
  std::vector<std::string> listen;
  std::string token_file;  ///< the links' secret, the same on all nodes; empty: none, which is for loopback only
  link::PictureForm pictures = link::PictureForm::kAuto;
  int jpeg_quality = 85;
  double deadline_seconds = 0;  ///< older than that, an observation is not sent any more; 0: never too old
  double patience_seconds = 2;  ///< a lossless queue waits so long for a peer that is away
  int shared_memory_mib = 64;   ///< with each peer on this host; 0: none
  int codec_threads = 1;        ///< encode and decode pictures

  void fields(Fields& f);
};

/// What node.yaml says.
struct NodeOptions {
  std::string name;  ///< unique in the fleet; empty: the host's name
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> controllers;  ///< URLs; the first that answers is used
  std::string token_file;                ///< of role node, shown to the controller
  net::TlsFiles tls;
  LinkSettings link;
  std::string state;  ///< folder of what outlives the process
  double cores = 0;   ///< that may be used; 0: what the system gives this process
  int threads = 0;    ///< workers; 0: one a core
  double traces_per_second = 1;  ///< frames of each source whose way is recorded
  double report_seconds = 0.5;
  double move_seconds = 5;   ///< when draining: for the controller to move things away
  double drain_seconds = 5;  ///< … and then for what is here to come out

  void fields(Fields& f);
};

/// Fills in what depends on the machine (name, state folder, listen addresses) and checks what fields() cannot: adds
/// faults for a name that is none, a controller's URL that is none.
void complete(NodeOptions& options, Faults& faults);

/// Reads node.yaml; `reserved` keys are others' business. Throws Error(kInvalidConfig) with every fault.
NodeOptions read_node_options(const ConfigNode& root, const std::vector<std::string>& reserved = {});

}  // namespace vedette::node
