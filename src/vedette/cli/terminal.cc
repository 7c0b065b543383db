#include "vedette/cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace vedette::cli {

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) != 0; }

Paint Paint::for_stdout() {
  const char* no_colour = std::getenv("NO_COLOR");
  return Paint(stdout_is_terminal() && (no_colour == nullptr || *no_colour == '\0'));
}

std::string Paint::operator()(Colour colour, std::string_view text) const {
  constexpr std::array<const char*, 7> kCodes{"", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[34m", "\x1b[2m", "\x1b[1m"};
  if (!coloured_ || colour == Colour::kNone || text.empty()) return std::string(text);
  return std::string(kCodes.at(static_cast<size_t>(colour))).append(text).append("\x1b[0m");
}

size_t display_width(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

}  // namespace vedette::cli
