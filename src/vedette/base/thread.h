#pragma once

#include <string>

namespace vedette {

/// Names the calling thread for `top -H`, debuggers and traces. Cut to the 15 characters that Linux keeps.
void name_this_thread(const std::string& name);

}  // namespace vedette
