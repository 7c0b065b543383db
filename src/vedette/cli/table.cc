#include "vedette/cli/table.h"

#include <algorithm>

#include "vedette/base/error.h"

namespace vedette::cli {

void Table::add(std::vector<Cell> row) {
  VEDETTE_ASSERT(row.size() == columns_.size());
  for (Cell& cell : row) cell.text = cell.text.empty() ? "-" : printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::text(const Paint& paint) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(display_width(columns_[i].title));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  std::string out;
  const auto line = [&](const auto& cell_of) {
    std::string blanks;  // put out only when something follows
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Cell cell = cell_of(i);
      if (cell.text.empty() && i + 1 == columns_.size()) break;
      const std::string gap(widths[i] - display_width(cell.text), ' ');
      out += blanks;
      if (columns_[i].right) out += gap;
      out += paint(cell.colour, cell.text);
      blanks = (columns_[i].right ? "" : gap) + "  ";
    }
    out += '\n';
  };
  line([&](size_t i) { return Cell{columns_[i].title, Colour::kBold}; });
  for (const auto& row : rows_) line([&](size_t i) { return row[i]; });
  return out;
}

}  // namespace vedette::cli
