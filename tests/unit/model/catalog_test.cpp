#include "model/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "model/ids.h"

namespace kpulse {
namespace {

TEST(Catalog, MeasurementsAreAscendingByIdAndNamedOnce) {
  std::set<std::string_view> names;
  std::uint32_t previous = 0;
  for (const Measurement& measurement : catalog()) {
    EXPECT_GT(measurement.id, previous) << measurement.name;
    previous = measurement.id;
    EXPECT_TRUE(names.insert(measurement.name).second) << measurement.name;
  }
}

TEST(Catalog, FieldsAreAscendingByIdNamedOnceAndFewEnoughForABitSet) {
  for (const Measurement& measurement : catalog()) {
    std::set<std::string_view> names;
    std::uint32_t previous = 0;
    EXPECT_LE(measurement.fields.size(), 64U) << measurement.name;
    EXPECT_FALSE(measurement.fields.empty()) << measurement.name;
    for (const Field& field : measurement.fields) {
      EXPECT_GT(field.id, previous) << field.name;
      previous = field.id;
      EXPECT_TRUE(names.insert(field.name).second) << field.name;
      EXPECT_FALSE(field.help.empty()) << field.name;
      EXPECT_FALSE(field.source.empty()) << field.name;
    }
  }
}

TEST(Catalog, TagsAreSortedAndNeitherHostNorLe) {
  for (const Measurement& measurement : catalog()) {
    EXPECT_TRUE(std::ranges::is_sorted(measurement.tags)) << measurement.name;
    EXPECT_EQ(std::ranges::count(measurement.tags, std::string_view("host")), 0) << measurement.name;
    EXPECT_EQ(std::ranges::count(measurement.tags, std::string_view("le")), 0) << measurement.name;
  }
}

TEST(Catalog, SharesNameTwoAmountsOfTheirMeasurement) {
  for (const Measurement& measurement : catalog()) {
    for (const Field& field : measurement.fields) {
      if (field.kind != Kind::share) continue;
      for (const std::uint32_t id : {field.part, field.rest}) {
        const Field* operand = find_field(measurement, id);
        ASSERT_NE(operand, nullptr) << field.name;
        EXPECT_EQ(operand->kind, Kind::amount) << field.name;
      }
    }
  }
}

TEST(Catalog, AHistogramIsTheOnlyFieldOfAnIntervalMeasurement) {
  for (const Measurement& measurement : catalog()) {
    if (std::ranges::count(measurement.fields, Kind::histogram, &Field::kind) == 0) continue;
    EXPECT_EQ(measurement.fields.size(), 1U) << measurement.name;
    EXPECT_EQ(measurement.scope, Scope::interval) << measurement.name;
  }
}

TEST(Catalog, NamesNeedNoEscapingAndCarryTheirUnit) {
  const auto plain = [](std::string_view name) {
    return std::ranges::all_of(name,
                               [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  };
  for (const Measurement& measurement : catalog()) {
    EXPECT_TRUE(plain(measurement.name)) << measurement.name;
    for (const Field& field : measurement.fields) {
      EXPECT_TRUE(plain(field.name)) << field.name;
      if (field.kind == Kind::histogram) continue;
      EXPECT_EQ(field.unit == Unit::nanoseconds, field.name.ends_with("_ns")) << field.name;
      EXPECT_EQ(field.unit == Unit::bytes, field.name.ends_with("_bytes")) << field.name;
    }
  }
}

TEST(Catalog, FindsWhatItHasAndNothingElse) {
  ASSERT_NE(find_measurement(ids::kSched), nullptr);
  EXPECT_EQ(find_measurement(ids::kSched)->name, "kpulse_sched");
  EXPECT_EQ(find_measurement(0), nullptr);
  EXPECT_EQ(find_measurement(60'000), nullptr);
  EXPECT_EQ(find_field(*find_measurement(ids::kSched), ids::sched::kVictim)->name, "victim");
  EXPECT_EQ(find_field(*find_measurement(ids::kSched), 0), nullptr);
  EXPECT_EQ(find_field(*find_measurement(ids::kSched), 60'000), nullptr);
}

}  // namespace
}  // namespace kpulse
