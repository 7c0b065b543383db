#pragma once

#include <string>
#include <vector>

#include "vedette/cli/terminal.h"

namespace vedette::cli {

struct Cell {
  std::string text;  ///< empty is shown as "-"
  Colour colour = Colour::kNone;
};

/// Rows under titles, in columns as wide as they need.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;  ///< numbers stand at the right
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// One cell for each column.
  void add(std::vector<Cell> row);
  size_t rows() const { return rows_.size(); }
  /// Titles and rows, a line each, without blanks at the end of a line.
  std::string text(const Paint& paint) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace vedette::cli
