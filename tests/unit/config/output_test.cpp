#include "base/version.h"
#include "config/help.h"
#include "fixture.h"

namespace kpulse::config::test {
namespace {

class ConfigOutput : public ConfigTest {
 protected:
  std::string output_of(std::vector<std::string> arguments) {
    testing::internal::CaptureStdout();
    const auto started = load_with(std::move(arguments));
    const std::string text = testing::internal::GetCapturedStdout();
    EXPECT_TRUE(started && *started == Start::finished);
    return text;
  }
};

TEST_F(ConfigOutput, HelpListsEveryKeyWithAllItsNames) {
  const std::string text = output_of({"--help"});
  EXPECT_THAT(text, HasSubstr("[sink]\n"));
  EXPECT_THAT(text, HasSubstr("  --sink-max-lines\n"
                              "      Lines of a batch.\n"
                              "      takes: a whole number from 1 to 10000; default: 5000\n"
                              "      file: sink.max_lines, environment: KPULSE_SINK_MAX_LINES\n"));
  for (const Key& key : program().keys) EXPECT_THAT(text, HasSubstr("file: " + key.name + ",")) << key.name;
  EXPECT_EQ(text.find("--mqtt-password"), std::string::npos);
}

TEST_F(ConfigOutput, HelpAndVersionAnswerDespiteABadConfiguration) {
  set_variable("KPULSE_WINDOW", "nonsense");
  EXPECT_THAT(output_of({"-h"}), HasSubstr("default: \"10ms\""));
  EXPECT_EQ(output_of({"--version"}), "kpulse-test " + std::string(kVersion) + "\n");
}

TEST_F(ConfigOutput, PrintsTheConfigurationInEffectWithoutSecrets) {
  set_variable("KPULSE_MQTT_PASSWORD", "s3cret");
  EXPECT_EQ(output_of({"--print-config", "--window", "1500us"}),
            "window = \"1500us\"\n\n"
            "[mqtt]\nurl = \"mqtt://127.0.0.1:1883\"\n# password is a secret and set\nqueue = \"8MiB\"\n\n"
            "[sink]\nkind = \"influx\"\nmax_lines = 5000\ngzip = true\n");
}

TEST_F(ConfigOutput, PrintsAFileThatReadsBackToTheSame) {
  url = "a \"quoted\" \\ text\nwith\ta\x7f line";
  window = 123'456us;
  queue = 65537;
  gzip = false;
  const std::string printed = config_text(program());
  const std::string before = url;
  url.clear();
  window = {};
  queue = 0;
  gzip = true;
  ASSERT_TRUE(load_file(printed)) << printed;
  EXPECT_EQ(url, before);
  EXPECT_EQ(config_text(program()), printed);
}

TEST_F(ConfigOutput, DoesNotPrintABadConfiguration) {
  EXPECT_THAT(mistake_with({"--print-config", "--window", "2h"}), HasSubstr("--window"));
}

}  // namespace
}  // namespace kpulse::config::test
