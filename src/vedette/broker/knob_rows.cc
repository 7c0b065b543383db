#include "vedette/broker/knob_rows.h"

#include <algorithm>

#include "broker.pb.h"
#include "vedette/base/error.h"

namespace vedette::broker {
namespace {

void add(const framelog::Combination& row, v1::KnobTable& message) {
  auto& one = *message.add_rows();
  one.set_id(row.id);
  one.set_bytes_mean(row.bytes_mean);
  one.set_bytes_p95(row.bytes_p95);
  one.set_f1(row.f1);
  one.set_cost_ms(row.cost_ms);
  one.set_infer_ms(row.infer_ms);
  if (row.kept != 1) one.set_kept(row.kept);
  if (row.family != row.id) one.set_family(row.family);
}

}  // namespace

v1::KnobTable message_of(const framelog::KnobTable& table) {
  v1::KnobTable message;
  const auto rows = table.rows();
  if (rows.size() <= kMostRows) {
    for (const auto& row : rows)
      if (row.live) add(row, message);
    return message;
  }
  const auto frontier = table.frontier();
  for (const size_t row : frontier.first(std::min(frontier.size(), kMostRows))) add(rows[row], message);
  return message;
}

std::vector<framelog::Combination> rows_of(const v1::KnobTable& message) {
  std::vector<framelog::Combination> rows;
  const auto most = static_cast<int>(kMostRows) + 1;
  for (int i = 0; i < std::min(message.rows_size(), most); ++i) {
    const auto& one = message.rows(i);
    framelog::Combination row;
    row.id = one.id();
    row.bytes_mean = one.bytes_mean();
    row.bytes_p95 = one.bytes_p95();
    row.f1 = one.f1();
    row.cost_ms = one.cost_ms();
    row.infer_ms = one.infer_ms();
    if (one.kept() != 0) row.kept = one.kept();
    row.family = one.family();
    rows.push_back(std::move(row));
  }
  return rows;
}

framelog::KnobTable checked_table(std::vector<framelog::Combination> rows) {
  if (rows.size() > kMostRows) throw Error(ErrorCode::kInvalidData, "a knob table with more than 512 rows");
  return framelog::KnobTable(std::move(rows));
}

}  // namespace vedette::broker
