#include "cli/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace kpulse::cli {
namespace {

const Check kFine{.name = "kernel", .detail = "6.1", .advice = {}};
const Check kWarning{.name = "sched/execs", .verdict = Verdict::warn, .detail = "not attached", .advice = {}};
const Check kBroken{.name = "broker", .verdict = Verdict::fail, .detail = "refused", .advice = "start it"};
const Check kForbidden{.name = "capabilities", .verdict = Verdict::permission, .detail = "none", .advice = "be root"};

TEST(Report, IsFineWithWarnings) {
  EXPECT_EQ(report_status({kFine, kWarning}), 0);
}

TEST(Report, FailsWhenSomethingNeededFails) {
  EXPECT_EQ(report_status({kFine, kBroken, kWarning}), 1);
}

TEST(Report, PutsMissingPermissionFirst) {
  EXPECT_EQ(report_status({kBroken, kForbidden}), 3);
}

TEST(Report, PrintsOneLinePerCheckAndTheAdviceUnderIt) {
  EXPECT_EQ(report_text({kFine, kBroken}),
            "kernel  ok    6.1\n"
            "broker  FAIL  refused\n"
            "              -> start it\n");
}

TEST(Report, IsJsonForPrograms) {
  const auto json = nlohmann::json::parse(report_json({kFine, kForbidden}));
  EXPECT_EQ(json["status"], 3);
  EXPECT_EQ(json["checks"][1]["name"], "capabilities");
  EXPECT_EQ(json["checks"][1]["verdict"], "FAIL");
  EXPECT_EQ(json["checks"][0]["verdict"], "ok");
}

}  // namespace
}  // namespace kpulse::cli
