#pragma once

#include "vedette/net/message.h"

namespace vedette::console {

/// Answers with a file of the built page; false when there is none of that path. Without the page, "/" is one plain
/// line.
bool answer_page(const net::Request& request, net::Response& response);

}  // namespace vedette::console
