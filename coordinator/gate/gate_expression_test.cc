#include "coordinator/gate/gate_expression.h"

#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace feedfarm {
namespace {

using ::testing::HasSubstr;

GateExpression Good(const std::string& text) {
  const auto gate = ParseGate(text);
  const GateError* error = std::get_if<GateError>(&gate);
  EXPECT_EQ(error, nullptr) << text << ": " << (error == nullptr ? "" : error->message);
  return error == nullptr ? std::get<GateExpression>(gate) : GateExpression{};
}

// "column message".
std::string Bad(const std::string& text) {
  const auto gate = ParseGate(text);
  const GateError* error = std::get_if<GateError>(&gate);
  EXPECT_NE(error, nullptr) << text;
  return error == nullptr ? "" : std::to_string(error->column) + " " + error->message;
}

TEST(GateExpression, ParsesCountsHashesAndMetricsOnBothSides) {
  const GateExpression gate = Good("duplicates == 0");
  EXPECT_EQ(std::get<MetricRef>(gate.left).metric, FindMetric("duplicates"));
  EXPECT_EQ(std::get<double>(gate.right), 0);
  EXPECT_EQ(gate.kind, GateKind::kCorrectness);
  EXPECT_EQ(std::get<MetricRef>(std::get<Quantity>(Good("messages==sent_messages").right)).metric,
            FindMetric("sent_messages"));
  EXPECT_EQ(Good("state_hash == reference").dimension, Dimension::kHash);
  EXPECT_EQ(std::get<MetricRef>(Good("messages[A] >= 1").left).part, "A");
  EXPECT_EQ(std::get<MetricRef>(Good("messages[5] != 14627").left).part, "5");
  EXPECT_EQ(std::get<MetricRef>(Good("malformed_packets.B < 3").left).part, "B");
  EXPECT_EQ(std::get<MetricRef>(Good("drops[ring_full] <= 2").left).part, "ring_full");
  EXPECT_EQ(std::get<double>(Good("delivered >= 99.9%").right), 0.999);
}

TEST(GateExpression, ParsesLatencies) {
  const GateExpression gate = Good("p99.9(latency.decode.software) < 40us");
  const LatencyRef& ref = std::get<LatencyRef>(gate.left);
  EXPECT_NEAR(ref.quantile, 0.999, 1e-12);
  EXPECT_EQ(ref.metric, v1::LATENCY_METRIC_DECODE);
  EXPECT_EQ(ref.timestamp_class, v1::TIMESTAMP_CLASS_SOFTWARE);
  EXPECT_EQ(std::get<double>(gate.right), 40'000);
  EXPECT_EQ(gate.kind, GateKind::kServiceLevel);
  EXPECT_EQ(std::get<LatencyRef>(Good("max(latency.send) <= 1ms").left).statistic, LatencyRef::Statistic::kMax);
  EXPECT_EQ(std::get<LatencyRef>(Good("p50(latency.end_to_end)<p99(latency.deliver)").left).timestamp_class,
            v1::TIMESTAMP_CLASS_UNSPECIFIED);
}

TEST(GateExpression, PlainNumbersTakeTheUnitOfTheName) {
  EXPECT_EQ(std::get<double>(Good("recovery_ms <= 100").right), 100e6);
  EXPECT_EQ(std::get<double>(Good("recovery_ms <= 100ms").right), 100e6);
  EXPECT_EQ(std::get<double>(Good("recovery < 100ms").right), 100e6);
  EXPECT_EQ(std::get<double>(Good("cut_ms.A >= 199.5").right), 199.5e6);
  EXPECT_EQ(Good("recovery_ms <= 100").kind, GateKind::kServiceLevel);
}

TEST(GateExpression, RefusesWrongDimensionsAndUnits) {
  EXPECT_EQ(
      Bad("p99(latency.decode) < 40"),
      "23 p99 is a duration, compared with one such as 40us: expected a duration such as 200ms (ns, us, ms, s, m, h), "
      "got \"40\": the unit is missing");
  EXPECT_THAT(Bad("recovery < 100"), HasSubstr("12 recovery is a duration, compared with one such as 40us"));
  EXPECT_EQ(Bad("duplicates == 5us"), "15 duplicates is a count: compare it with a plain number, not \"5us\"");
  EXPECT_THAT(Bad("delivered >= 0.99"), HasSubstr("14 delivered is a ratio, compared with one such as 99.9%"));
  EXPECT_EQ(Bad("state_hash == 0"),
            "15 state_hash is a hash: compare it with its reference, as in state_hash == reference");
  EXPECT_EQ(Good("stream_hash == stream_reference").dimension, Dimension::kHash);
  EXPECT_EQ(Good("book[unknown_order] == 0").dimension, Dimension::kCount);
  EXPECT_THAT(Bad("book[unknown_ordr] == 0"),
              HasSubstr("book[unknown_ordr] does not exist; did you mean \"unknown_order\"?"));
  EXPECT_EQ(Bad("state_hash < reference"), "14 state_hash is a hash: only == and != make sense");
  EXPECT_EQ(Bad("duplicates == reference"), "15 duplicates is a count, reference is a hash: they cannot be compared");
  EXPECT_EQ(Bad("recovery_ms <= gaps"), "16 recovery_ms is a duration, gaps is a count: they cannot be compared");
}

TEST(GateExpression, RefusesUnknownNamesWithASuggestion) {
  EXPECT_EQ(Bad("mesages == 0"), "1 unknown metric \"mesages\"; did you mean \"messages\"?");
  EXPECT_EQ(Bad("gaps == dupicates"), "9 unknown metric \"dupicates\"; did you mean \"duplicates\"?");
  EXPECT_EQ(Bad("colour == 0"), "1 unknown metric \"colour\"; docs/gates.md lists them");
  EXPECT_EQ(Bad("latency.decode < 5us"), "1 ask for a statistic of it: p99(latency.decode)");
  EXPECT_EQ(Bad("p99(latency.decod) < 5us"), "5 unknown latency \"decod\"; did you mean \"decode\"?");
  EXPECT_THAT(Bad("p99(latency.decode.gps) < 5us"), HasSubstr("5 the classes of receive times are"));
  EXPECT_THAT(Bad("p100(latency.decode) < 5us"), HasSubstr("1 unknown statistic \"p100\""));
  EXPECT_THAT(Bad("median(latency.decode) < 5us"), HasSubstr("1 unknown statistic \"median\""));
  EXPECT_EQ(Bad("malformed_packets.C == 0"), "1 the lines are A and B, not \"C\"");
  EXPECT_EQ(Bad("gaps.A == 0"), "1 gaps is not counted by line: write it without \".A\"");
  EXPECT_EQ(Bad("gaps[A] == 0"), "1 gaps cannot be asked for a part in brackets");
}

TEST(GateExpression, WhatStandsInBracketsMustExist) {
  EXPECT_EQ(Bad("drops[rnig_full] == 0"), "7 drops[rnig_full] does not exist; did you mean \"ring_full\"?");
  EXPECT_EQ(Bad("implausible_packets[sesion] == 0"),
            "21 implausible_packets[sesion] does not exist; did you mean \"session\"?");
  EXPECT_EQ(Bad("snapshot_failures[cutt] == 0"), "19 snapshot_failures[cutt] does not exist; did you mean \"cut\"?");
  EXPECT_EQ(Bad("snapshot_failures[none] == 0"),
            "19 snapshot_failures[none] does not exist: one of unreachable, cut, silent, not_authorised, no_session, "
            "garbage, too_large, too_old, other_session");
  for (const char* type : {"Zz", "0x", "0x1F", "0x1", "A.", "%"}) {
    EXPECT_THAT(Bad(std::string("messages[") + type + "] == 0"), HasSubstr("a message type is one letter or digit"));
  }
  EXPECT_EQ(std::get<MetricRef>(Good("messages[0x1f] == 0").left).part, "0x1f");
  // Of every metric with a closed set, each of it parses and nothing else does.
  for (const Metric& metric : MetricCatalog()) {
    if (metric.part != Metric::Part::kBracket) continue;
    EXPECT_FALSE(metric.bracket_names.empty()) << metric.name;
    for (const absl::string_view name : metric.bracket_names) Good(absl::StrCat(metric.name, "[", name, "] == 0"));
    EXPECT_THAT(Bad(absl::StrCat(metric.name, "[A] == 0")), HasSubstr("does not exist"));
  }
}

TEST(GateExpression, RefusesBadSyntaxWithItsColumn) {
  EXPECT_THAT(Bad(""), HasSubstr("1 expected a metric"));
  EXPECT_THAT(Bad("0 == duplicates"), HasSubstr("1 expected a metric"));
  EXPECT_EQ(Bad("duplicates"), "11 expected == != < <= > or >=, got the end");
  EXPECT_EQ(Bad("duplicates = 0"), "12 expected == != < <= > or >=, got \"=\"");
  EXPECT_THAT(Bad("duplicates =="), HasSubstr("14 expected a metric such as duplicates"));
  EXPECT_EQ(Bad("duplicates == 0 gaps"), "17 unexpected \"gaps\" after the gate's end");
  EXPECT_EQ(Bad("p99(latency.decode < 5us"), "20 expected \")\", got \"<\"");
  EXPECT_EQ(Bad("messages[A == 5"), "12 expected \"]\", got \"==\"");
  EXPECT_THAT(Bad(std::string(300, 'a')), HasSubstr("at most 256"));
  EXPECT_EQ(Bad("duplicates == 1.2.3"), "15 \"1.2.3\" is not a number");
}

}  // namespace
}  // namespace feedfarm
