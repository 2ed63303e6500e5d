#include "coordinator/artifact/metrics_json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "coordinator/gate/metric_catalog.h"

namespace feedfarm {
namespace {

using Json = nlohmann::ordered_json;

Json ValueJson(const Metric& metric, const RoleResults& results, absl::string_view part) {
  const bool missing =
      (metric.needs_handler && results.handler == nullptr) || (metric.needs_source && results.source == nullptr);
  const std::optional<MetricValue> value = missing ? std::nullopt : metric.get(results, part);
  if (!value.has_value()) return nullptr;
  switch (metric.dimension) {
    case Dimension::kHash:
      return value->hash;
    case Dimension::kRatio:
      return value->number;
    case Dimension::kCount:
    case Dimension::kDuration:
      return static_cast<int64_t>(value->number);
  }
  return nullptr;
}

void AddTypes(absl::string_view name, const google::protobuf::RepeatedPtrField<v1::TypeCount>& types, Json* out) {
  for (const v1::TypeCount& type : types) (*out)[absl::StrCat(name, "[", type.type(), "]")] = type.messages();
}

}  // namespace

Json MetricsJson(const v1::RunResult& result) {
  const RoleResults results = {result.has_handler() ? &result.handler() : nullptr,
                               result.has_source() ? &result.source() : nullptr,
                               result.has_rate_search() ? &result.rate_search() : nullptr};
  Json out = Json::object();
  for (const Metric& metric : MetricCatalog()) {
    // "recovery_ms" says the same as "recovery".
    if (metric.plain_unit_ns != 0) continue;
    if (metric.needs_search && !result.has_rate_search()) continue;
    // Its parts are in "profile".
    if (metric.needs_profile) continue;
    const std::string name(metric.name);
    out[metric.dimension == Dimension::kDuration ? name + "_ns" : name] = ValueJson(metric, results, "");
    if (metric.part != Metric::Part::kLine || metric.dimension != Dimension::kCount) continue;
    for (const char* line : {"A", "B"}) out[absl::StrCat(name, ".", line)] = ValueJson(metric, results, line);
  }
  AddTypes("messages", result.handler().types(), &out);
  AddTypes("sent_messages", result.source().types(), &out);
  for (const v1::ReasonCount& drop : result.handler().drops())
    out[absl::StrCat("drops[", drop.reason(), "]")] = drop.count();
  return out;
}

}  // namespace feedfarm
