#include "influxd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/handle.h"
#include "http/client.h"
#include "influx/query.h"
#include "support/net.h"

namespace kpulse::influx::test {
namespace {

using namespace std::chrono_literals;

bool is_version_one() {
  const Handle<FILE, pclose> pipe(popen("influxd version 2>/dev/null", "r"));
  std::array<char, 256> line{};
  if (!pipe || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) return false;
  return std::string_view(line.data()).starts_with("InfluxDB v1.") ||
         std::string_view(line.data()).starts_with("InfluxDB 1.");
}

}  // namespace

std::unique_ptr<Influxd> Influxd::start() {
  if (!is_version_one()) return nullptr;
  std::unique_ptr<Influxd> server(new Influxd);
  server->folder_ = (std::filesystem::temp_directory_path() / "kpulse-influxd-XXXXXX").string();
  if (mkdtemp(server->folder_.data()) == nullptr) return nullptr;
  const auto port = kpulse::test::free_port();
  server->url_ = fmt::format("http://127.0.0.1:{}", port);
  std::ofstream(server->folder_ + "/influxdb.conf") << fmt::format(
      "reporting-disabled = true\nbind-address = \"127.0.0.1:{0}\"\n[meta]\ndir = \"{1}/meta\"\n[data]\ndir = "
      "\"{1}/data\"\nwal-dir = \"{1}/wal\"\n"
      "index-version = \"tsi1\"\n[http]\nbind-address = \"127.0.0.1:{2}\"\nlog-enabled = "
      "false\n[monitor]\nstore-enabled = false\n",
      kpulse::test::free_port(), server->folder_, port);
  return server->run() ? std::move(server) : nullptr;
}

bool Influxd::run() {
  std::string config = folder_ + "/influxdb.conf";
  std::array<char*, 4> arguments{const_cast<char*>("influxd"), const_cast<char*>("-config"), config.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  const int failed = posix_spawnp(&pid_, "influxd", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return false;
  http::Client http{http::Options{}};
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (http.get({.url = url_ + "/ping", .headers = {}, .username = {}, .password = {}}, 1s).status != 204) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

void Influxd::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Influxd::~Influxd() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

nlohmann::json Influxd::query(const std::string& text) const {
  http::Client http{http::Options{}};
  const http::Response response = http.post(query_request(Version::v1, {.url = url_}), form_of(text), 10s);
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  if (!json.is_object() || !json.contains("results")) return nlohmann::json::array();
  return json["results"][0].value("series", nlohmann::json::array());
}

}  // namespace kpulse::influx::test
