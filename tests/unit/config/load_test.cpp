#include "config/value.h"
#include "fixture.h"

namespace kpulse::config::test {
namespace {

using ConfigLoad = ConfigTest;

TEST_F(ConfigLoad, LeavesTheDefaultsWhenNothingIsGiven) {
  const auto started = load_with({});
  ASSERT_TRUE(started);
  EXPECT_EQ(*started, Start::run);
  EXPECT_EQ(window, 10ms);
  EXPECT_EQ(url, "mqtt://127.0.0.1:1883");
}

TEST_F(ConfigLoad, LetsTheEnvironmentOverrideTheFileAndFlagsOverrideBoth) {
  const std::string file = folder_.write("c.toml", "window = '20ms'\n[sink]\nmax_lines = 2\nkind = 'stdout'\n");
  set_variable("KPULSE_WINDOW", "30ms");
  set_variable("KPULSE_SINK_MAX_LINES", "3");
  ASSERT_TRUE(load_with({"--config", file, "--window", "40ms"}));
  EXPECT_EQ(window, 40ms);
  EXPECT_EQ(lines, 3);
  EXPECT_EQ(kind, "stdout");
}

TEST_F(ConfigLoad, TakesFlagsInEveryUsualForm) {
  ASSERT_TRUE(load_with({"--sink-max-lines=7", "--mqtt-queue", "1MiB", "--sink-gzip=false", "--mqtt-url", ""}));
  EXPECT_EQ(lines, 7);
  EXPECT_EQ(queue, 1U << 20U);
  EXPECT_FALSE(gzip);
  EXPECT_EQ(url, "");
  ASSERT_TRUE(load_with({"--sink-gzip", "--window", "1ms", "--window", "2ms"}));
  EXPECT_TRUE(gzip);
  EXPECT_EQ(window, 2ms);
}

TEST_F(ConfigLoad, TreatsAnEmptyVariableAsUnsetAndIgnoresUnknownOnes) {
  set_variable("KPULSE_WINDOW", "");
  set_variable("KPULSE_NEVER_HEARD_OF", "x");
  ASSERT_TRUE(load_with({}));
  EXPECT_EQ(window, 10ms);
}

TEST_F(ConfigLoad, NamesTheVariableWithABadValueAndWhatIsAllowed) {
  set_variable("KPULSE_WINDOW", "2s");
  EXPECT_EQ(mistake_with({}), "KPULSE_WINDOW: window takes a duration from 1ms to 1s, got \"2s\"");
}

TEST_F(ConfigLoad, NamesTheFlagWithABadValueAndWhatIsAllowed) {
  EXPECT_EQ(mistake_with({"--sink-kind", "file"}), "--sink-kind: sink.kind takes one of influx, stdout, got \"file\"");
  EXPECT_EQ(mistake_with({"--sink-max-lines", "0"}),
            "--sink-max-lines: sink.max_lines takes a whole number from 1 to 10000, got \"0\"");
  EXPECT_THAT(mistake_with({"--sink-max-lines", "12x"}), HasSubstr("got \"12x\""));
  EXPECT_THAT(mistake_with({"--sink-gzip=maybe"}), HasSubstr("takes true or false"));
  EXPECT_THAT(mistake_with({"--mqtt-queue", "1"}), HasSubstr("a size from 64KiB to 1GiB"));
  EXPECT_THAT(mistake_with({"--window"}), HasSubstr("--window"));
}

TEST_F(ConfigLoad, RejectsUnknownFlagsWithTheNearestOne) {
  EXPECT_EQ(mistake_with({"--mqtt-ulr=x"}), "unknown flag --mqtt-ulr; did you mean \"--mqtt-url\"?");
  EXPECT_EQ(mistake_with({"--zzzzzzzzzzzz"}), "unknown flag --zzzzzzzzzzzz");
  EXPECT_THAT(mistake_with({"stray"}), HasSubstr("unexpected argument \"stray\""));
}

TEST_F(ConfigLoad, TakesASecretFromFileAndEnvironmentButNotFromAFlag) {
  set_variable("KPULSE_MQTT_PASSWORD", "s3cret");
  ASSERT_TRUE(load_with({}));
  EXPECT_EQ(password, "s3cret");
  const std::string mistake = mistake_with({"--mqtt-password", "s3cret"});
  EXPECT_THAT(mistake, HasSubstr("KPULSE_MQTT_PASSWORD"));
  EXPECT_EQ(mistake.find("s3cret"), std::string::npos);
}

TEST_F(ConfigLoad, DoesNotRepeatABadSecret) {
  std::int64_t pin = 0;
  const Key key{"pin", Integer{&pin, 0, 10}, "A secret number.", true};
  const auto assigned = assign(key, "4711");
  ASSERT_FALSE(assigned);
  EXPECT_EQ(assigned.error().message, "pin takes a whole number from 0 to 10");
}

TEST_F(ConfigLoad, NeedsTheFileItWasToldButNotItsDefaultOne) {
  EXPECT_THAT(mistake_with({"--config", "/no/such/file"}), HasSubstr("/no/such/file: cannot read it: No such file"));
  EXPECT_THAT(mistake_with({"--config", folder_.path().string()}), HasSubstr("cannot read it: Is a directory"));
  Program with_default = program();
  const char* argv[] = {"kpulse-test"};
  with_default.default_file = "/no/such/file";
  EXPECT_TRUE(load(with_default, 1, argv));
  with_default.default_file = folder_.write("default.toml", "window = '50ms'");
  EXPECT_TRUE(load(with_default, 1, argv));
  EXPECT_EQ(window, 50ms);
}

}  // namespace
}  // namespace kpulse::config::test
