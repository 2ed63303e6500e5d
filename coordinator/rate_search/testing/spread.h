#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace feedfarm {

// Values of many seeds.
struct Spread {
  std::vector<double> values;
  double Mean() const {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }
  double Max() const { return *std::max_element(values.begin(), values.end()); }
  double Quantile(double q) const {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1))];
  }
  // Sample standard deviation.
  double Sd() const {
    double sum = 0;
    for (const double value : values) sum += (value - Mean()) * (value - Mean());
    return std::sqrt(sum / static_cast<double>(values.size() - 1));
  }
};

}  // namespace feedfarm
