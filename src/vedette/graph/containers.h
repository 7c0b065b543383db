#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

namespace vedette::graph {

template <typename T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// std::erase_if for maps hands the predicate constants; this one may take the value out first.
template <typename Map, typename Gone>
void take_out(Map& map, Gone gone) {
  for (auto it = map.begin(); it != map.end();) it = gone(*it) ? map.erase(it) : std::next(it);
}

}  // namespace vedette::graph
