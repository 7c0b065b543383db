#pragma once

#include <httplib.h>

namespace vedette::console {

/// Answers with a file of the built page; false when there is none of that path. Without the page, "/" is one plain
/// line.
bool answer_page(const httplib::Request& request, httplib::Response& response);

}  // namespace vedette::console
