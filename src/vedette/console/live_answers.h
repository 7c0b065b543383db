#pragma once

#include <stop_token>
#include <string>

#include "vedette/console/live_json.h"
#include "vedette/console/status_board.h"
#include "vedette/live/hub.h"
#include "vedette/net/message.h"

namespace vedette::console {

/// What the long-lived answers share. Outlives them all; they end within milliseconds of a stop request.
struct LiveContext {
  live::Hub& hub;
  const StatusBoard& board;
  std::string version;
  int jpeg_quality = 80;
  std::stop_token stop;
};

/// Whether a view is to be shown to who sent the request. The context outlives it.
ViewFilter filter_of(const LiveContext& context, const net::Request& request);

// Everything is cut to what the sender's tenant may see; the views of others are as if they were not there.

/// GET /api/live: server-sent events. A client that reads slowly loses its oldest observations and is told by `lost`.
void answer_event_stream(const LiveContext& context, const net::Request& request, net::Response& response);
/// GET /live: JPEG parts of many streams, each with X-Vedette-Stream (percent-encoded), X-Vedette-Sequence,
/// X-Vedette-Time, X-Vedette-Size (of the frame, the space of the boxes), X-Vedette-Objects (see live::objects_json)
/// and, when they changed, X-Vedette-Zones.
void answer_pictures(const LiveContext& context, const net::Request& request, net::Response& response);
/// GET /live/NAME.mjpeg. Throws Error(kNotFound).
void answer_mjpeg(const LiveContext& context, const net::Request& request, net::Response& response,
                  const std::string& name);
/// GET /live/NAME.jpg. Throws Error(kNotFound).
void answer_snapshot(const LiveContext& context, const net::Request& request, net::Response& response,
                     const std::string& name);

}  // namespace vedette::console
