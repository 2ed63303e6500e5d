#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "pipeline/book/feed_book.h"

namespace feedfarm {

// Best prices after those messages of a run that changed them, by their index in it.
class TopChanges final : public TopListener {
 public:
  void TopChanged(size_t index, const TopOfBook& top) override { changes.emplace_back(index, top); }
  std::vector<std::pair<size_t, TopOfBook>> changes;
};

}  // namespace feedfarm
