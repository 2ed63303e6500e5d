#include "coordinator/gate/gate_docs.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "coordinator/gate/metric_catalog.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

TEST(GateDocs, HoldTheCatalogsTables) {
  std::ifstream file("docs/gates.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), ::testing::HasSubstr(GateTables())) << "put this into docs/gates.md:\n" << GateTables();
}

TEST(MetricCatalog, IsConsistent) {
  std::set<std::string> names;
  for (const Metric& metric : MetricCatalog()) {
    EXPECT_TRUE(names.insert(std::string(metric.name)).second) << metric.name;
    EXPECT_TRUE(metric.needs_handler || metric.needs_source || metric.needs_search || metric.needs_profile)
        << metric.name;
    EXPECT_FALSE(metric.doc.empty()) << metric.name;
    // Only a duration breaches: everything else that breaks is a wrong result, or a fault of steady state.
    if (metric.dimension == Dimension::kDuration) {
      EXPECT_EQ(metric.kind, GateKind::kServiceLevel) << metric.name;
    }
    if (metric.plain_unit_ns != 0) {
      EXPECT_EQ(metric.dimension, Dimension::kDuration) << metric.name;
    }
    const v1::HandlerResult handler;
    const v1::SourceResult source;
    const v1::RateSearchResult search;
    const v1::ProfileResult profile;
    const auto value = metric.get({&handler, &source, &search, &profile}, "");
    EXPECT_TRUE(value.has_value() || !metric.absence.empty()) << metric.name << " may be absent and does not say why";
  }
}

}  // namespace
}  // namespace feedfarm
