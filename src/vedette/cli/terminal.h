#pragma once

#include <string>
#include <string_view>

namespace vedette::cli {

enum class Colour { kNone, kGreen, kYellow, kRed, kBlue, kDim, kBold };

/// Colours where a terminal shows them, plain text elsewhere.
class Paint {
 public:
  explicit Paint(bool coloured) : coloured_(coloured) {}
  /// Coloured when standard output is a terminal and NO_COLOR (no-color.org) is not set.
  static Paint for_stdout();

  std::string operator()(Colour colour, std::string_view text) const;
  bool coloured() const { return coloured_; }

 private:
  bool coloured_;
};

bool stdout_is_terminal();

/// Places that a text takes on a terminal: its code points, as if all were one wide.
size_t display_width(std::string_view utf8);

/// `text` without what would move a terminal's cursor or change its state: it came from elsewhere.
std::string printable(std::string_view text);

}  // namespace vedette::cli
