#include <fmt/format.h>

#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/report.h"
#include "cli/service_checks.h"
#include "cli/system_checks.h"

namespace kpulse::cli {
namespace {

struct DoctorFlags {
  InfluxFlags influx;
  BrokerFlags broker;
  bool json = false;
};

Result<int> run_doctor(const DoctorFlags& flags) {
  const auto broker = flags.broker.resolve();
  if (!broker) return fail(broker.error());
  const auto target = flags.influx.resolve();
  if (!target) return fail(target.error());
  std::vector<Check> checks = system_checks();
  checks.push_back(check_broker(*broker));
  checks.push_back(check_database(*target));
  fmt::print("{}", flags.json ? report_json(checks) : report_text(checks));
  return report_status(checks);
}

}  // namespace

void add_doctor(CLI::App& program, int& status) {
  auto flags = std::make_shared<DoctorFlags>();
  auto* command =
      program.add_subcommand("doctor", "Says what this machine can do, and what is missing and how to get it");
  command->footer("Exit status: 0 all fine, 1 something needed fails, 2 wrong flag, 3 permission is missing.");
  flags->broker.add(*command);
  flags->influx.add(*command);
  command->add_flag("--json", flags->json, "print JSON");
  command->callback([flags, &status] {
    const auto result = run_doctor(*flags);
    status = result ? *result : exit_status(fail(result.error()));
  });
}

}  // namespace kpulse::cli
