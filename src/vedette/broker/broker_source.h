#pragma once

#include <string>

#include "vedette/media/source.h"
#include "vedette/net/tls.h"

namespace vedette::broker {

/// What a source shows to the brokers that it takes frames from.
struct SourceAccess {
  std::string token;  ///< "vdt_…"; empty on loopback
  net::TlsFiles tls;  ///< all three, or none on loopback
};

/// Opens "log://HOST[:PORT]/CAMERA?from=…&to=…&latency=100ms&accuracy=0.95" (framelog::LogUrl), for
/// framelog::LogScheme. The source subscribes at the broker, looks for it again when it is lost
/// (SourceOptions::backoff, max_reconnects), and tells the broker how frames come, so that it keeps the bounds. Frames
/// have the size that the knobs left them; those that did not come are gaps in the sequence, dropped as "gap".
decltype(media::SourceScheme::open) remote_logs(SourceAccess access = {});

}  // namespace vedette::broker
