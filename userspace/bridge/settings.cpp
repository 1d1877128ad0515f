#include "bridge/settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "codec/frame_codec.h"
#include "http/url.h"
#include "influx/query.h"

namespace kpulse::bridge {
namespace {

using namespace std::chrono_literals;
using config::Bytes;
using config::Choice;
using config::Duration;
using config::Flag;
using config::Integer;
using config::Text;

constexpr std::chrono::hours kMaxRetention{24 * 365 * 10};

std::vector<config::Key> influx_keys(Settings& s) {
  return {
      {"influx.url", Text{&s.influx.url}, "The database: http://host:port or https://host:port."},
      {"influx.version", Choice{&s.influx_version, {"auto", "1", "2", "3"}}, "Which API it speaks; auto asks it."},
      {"influx.database", Text{&s.influx.database}, "Database of InfluxDB 1.x and 3."},
      {"influx.org", Text{&s.influx.org}, "Organisation of InfluxDB 2.x."},
      {"influx.bucket", Text{&s.influx.bucket}, "Bucket of InfluxDB 2.x."},
      {"influx.token", Text{&s.influx.token}, "Token; better given as influx.token_file.", true},
      {"influx.token_file", Text{&s.token_file}, "File whose first line is the token."},
      {"influx.username", Text{&s.influx.username}, "User of InfluxDB 1.x; empty for none."},
      {"influx.password", Text{&s.influx.password}, "Password of that user.", true},
      {"influx.create_database", Flag{&s.create_database},
       "1.x: create the database and its retention policies when missing."},
      {"influx.retention", Duration{&s.retention, 1h, kMaxRetention},
       "1.x: how long a created database keeps every window."},
      {"influx.connections", Integer{&s.connections, 1, 16}, "Writes under way at the same time."},
      {"influx.rollup", Flag{&s.rollup}, "Write a 10 s rollup (1.x: policy rollup, 2.x: bucket <bucket>_rollup)."},
      {"influx.rollup_retention", Duration{&s.rollup_retention, 1h, kMaxRetention},
       "1.x: how long it keeps the rollup."},
  };
}

std::vector<config::Key> own_keys(Settings& s) {
  return {
      {"sink", Choice{&s.sink, {"influx", "stdout", "file"}}, "Where lines go."},
      {"sink_file", Text{&s.sink_file}, "File that sink = file appends to."},
      {"batch.lines", Integer{&s.batch_lines, 1, 1'000'000}, "Lines after which a batch is written."},
      {"batch.interval", Duration{&s.batch_interval, 1ms, 60s}, "Longest time a line waits for its batch to fill."},
      {"batch.queue", Bytes{&s.batch_queue, 2U << 20U, 16ULL << 30U},
       "Frames that may wait for the sink; when it is full the oldest go and are counted."},
      {"gzip", Choice{&s.gzip, {"auto", "on", "off"}}, "Compress writes; auto: unless the database is on this host."},
      {"metrics.listen", Text{&s.metrics_listen}, "Address of the Prometheus endpoint, or off."},
      {"log.level", Choice{&s.log_level, {"debug", "info", "warning", "error"}}, "Least important message to log."},
  };
}

tl::unexpected<Error> wrong(std::string message) {
  return fail(std::move(message), ErrorKind::usage);
}

Result<> read_token(Settings& settings) {
  if (settings.token_file.empty()) return {};
  if (!settings.influx.token.empty()) return wrong("influx.token and influx.token_file: give only one of them");
  errno = 0;
  std::ifstream file(settings.token_file);
  if (!std::getline(file, settings.influx.token) && !file.eof()) {
    return wrong(fmt::format("influx.token_file: cannot read {}: {}", settings.token_file, std::strerror(errno)));
  }
  if (settings.influx.token.ends_with('\r')) settings.influx.token.pop_back();
  if (settings.influx.token.empty())
    return wrong(fmt::format("influx.token_file: {} has no token in its first line", settings.token_file));
  return {};
}

Result<> check_influx(const Settings& settings) {
  if (const auto url = influx::check_url(settings.influx.url); !url)
    return wrong(fmt::format("influx.url: {}", url.error().message));
  if (settings.influx.token.find_first_of("\r\n") != std::string::npos) return wrong("influx.token: must be one line");
  const bool is_v2 = settings.influx_version == "2";
  if (is_v2 && (settings.influx.org.empty() || settings.influx.bucket.empty())) {
    return wrong("influx.version 2 needs influx.org and influx.bucket");
  }
  if (settings.influx_version != "2" && settings.influx.database.empty())
    return wrong("influx.database: must not be empty");
  return {};
}

std::chrono::seconds seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time);
}

}  // namespace

config::Program program(Settings& settings) {
  config::Program program{.name = "kpulse-bridge",
                          .description = "Takes frames from MQTT, checks them and writes them to InfluxDB.",
                          .keys = own_keys(settings),
                          .default_file = "/etc/kpulse/bridge.toml"};
  for (auto& keys : {influx_keys(settings), mqtt::keys(settings.mqtt)}) {
    program.keys.insert(program.keys.end(), keys.begin(), keys.end());
  }
  return program;
}

Result<> complete(Settings& settings) {
  if (settings.sink == "file" && settings.sink_file.empty()) return wrong("sink = file needs sink_file");
  if (settings.mqtt.client_id.empty()) settings.mqtt.client_id = "kpulse-bridge-" + machine_name();
  if (settings.create_database) settings.influx.policy = influx::kHiresPolicy;
  if (auto token = read_token(settings); !token) return token;
  return check_influx(settings);
}

influx::WriterOptions writer_options(const Settings& settings) {
  influx::WriterOptions options{.server = settings.influx, .version = {}};
  if (settings.influx_version != "auto")
    options.version = static_cast<influx::Version>(settings.influx_version[0] - '0');
  options.gzip = settings.gzip == "on" || (settings.gzip == "auto" && !http::is_loopback(settings.influx.url));
  options.create_database = settings.create_database;
  options.retention = {.hires = seconds(settings.retention), .rollup = seconds(settings.rollup_retention)};
  return options;
}

BatchLimits batch_limits(const Settings& settings) {
  return {.lines = static_cast<std::size_t>(settings.batch_lines), .age = settings.batch_interval};
}

std::string machine_name() {
  std::array<char, 256> name{};
  const bool known = gethostname(name.data(), name.size() - 1) == 0 && valid_host(name.data());
  return known ? name.data() : "unknown";
}

}  // namespace kpulse::bridge
