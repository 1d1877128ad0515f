#include "mqtt/settings.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string_view>

namespace kpulse::mqtt {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 1883;
constexpr std::uint16_t kTlsPort = 8883;

tl::unexpected<Error> wrong(std::string message) {
  return fail(std::move(message), ErrorKind::usage);
}

tl::unexpected<Error> wrong_url(const std::string& url, std::string_view what) {
  return wrong(fmt::format("mqtt.url \"{}\": {}; it is mqtt://host[:port] or mqtts://host[:port], IPv6 as mqtt://[::1]",
                           url, what));
}

/// Splits "host", "host:port", "[v6]" and "[v6]:port"; nothing when it is none of them.
bool split_address(std::string_view address, std::string_view& host, std::string_view& port) {
  std::size_t end = 0;
  if (address.starts_with('[')) {
    end = address.find(']');
    if (end == std::string_view::npos) return false;
    host = address.substr(1, end - 1);
    ++end;
  } else {
    end = std::min(address.find(':'), address.size());
    host = address.substr(0, end);
  }
  const std::string_view rest = address.substr(end);
  if (!rest.empty() && !rest.starts_with(':')) return false;
  port = rest.empty() ? rest : rest.substr(1);
  return !host.empty() && (rest.empty() || !port.empty()) && port.find(':') == std::string_view::npos;
}

Result<> parse_url(const std::string& url, Broker& broker) {
  std::string_view rest = url;
  broker.tls = rest.starts_with("mqtts://");
  if (!broker.tls && !rest.starts_with("mqtt://")) return wrong_url(url, "unknown scheme");
  rest.remove_prefix(broker.tls ? 8 : 7);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  // The URL is printed and logged, so it is not repeated here either.
  if (rest.find('@') != std::string_view::npos) {
    return wrong("mqtt.url: no user or password in the URL; use mqtt.username and mqtt.password_file");
  }
  std::string_view host;
  std::string_view port;
  const bool clean = rest.find_first_of("/?# \t\r\n") == std::string_view::npos;
  if (!clean || !split_address(rest, host, port)) return wrong_url(url, "host or port is malformed");
  broker.host = host;
  broker.port = broker.tls ? kTlsPort : kPort;
  if (port.empty()) return {};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), broker.port);
  if (error != std::errc() || end != port.data() + port.size() || broker.port == 0) {
    return wrong_url(url, "the port is a number from 1 to 65535");
  }
  return {};
}

Result<std::string> read_password(const std::string& path) {
  errno = 0;
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line) && !in.eof()) {
    return wrong(fmt::format("mqtt.password_file: cannot read {}: {}", path, std::strerror(errno)));
  }
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return wrong(fmt::format("mqtt.password_file: {} has no password in its first line", path));
  return line;
}

}  // namespace

std::vector<config::Key> keys(Settings& settings) {
  using config::Text;
  return {
      {"mqtt.url", Text{&settings.url}, "The broker: mqtt://host:port, or mqtts://host:port for TLS."},
      {"mqtt.username", Text{&settings.username}, "User name; empty for none."},
      {"mqtt.password", Text{&settings.password}, "Password; better given as mqtt.password_file.", true},
      {"mqtt.password_file", Text{&settings.password_file}, "File whose first line is the password."},
      {"mqtt.ca_file", Text{&settings.ca_file},
       "Certificates that may sign the broker's; empty: the system's. TLS only."},
      {"mqtt.cert_file", Text{&settings.cert_file}, "Client certificate, for brokers that ask for one. TLS only."},
      {"mqtt.key_file", Text{&settings.key_file}, "Key of the client certificate, not encrypted. TLS only."},
      {"mqtt.client_id", Text{&settings.client_id},
       "Name of the session at the broker; empty: made from program and host."},
      {"mqtt.queue", config::Bytes{&settings.queue_bytes, 64U << 10U, 1U << 30U},
       "What may wait for the broker; when it is full the oldest messages go and are counted."},
      {"mqtt.keepalive", config::Duration{&settings.keepalive, 5s, 1h}, "How soon a dead connection is noticed."},
  };
}

Result<Broker> broker(const Settings& settings) {
  Broker broker{.username = settings.username,
                .password = settings.password,
                .ca_file = settings.ca_file,
                .cert_file = settings.cert_file,
                .key_file = settings.key_file};
  if (auto parsed = parse_url(settings.url, broker); !parsed) return fail(parsed.error());
  if (!settings.password_file.empty()) {
    if (!settings.password.empty()) return wrong("mqtt.password and mqtt.password_file: give only one of them");
    auto password = read_password(settings.password_file);
    if (!password) return fail(password.error());
    broker.password = std::move(*password);
  }
  if (!broker.password.empty() && broker.username.empty()) return wrong("mqtt.password needs mqtt.username");
  const bool has_files = !broker.ca_file.empty() || !broker.cert_file.empty() || !broker.key_file.empty();
  if (has_files && !broker.tls) return wrong("mqtt.ca_file, mqtt.cert_file and mqtt.key_file need an mqtts:// URL");
  if (broker.cert_file.empty() != broker.key_file.empty()) {
    return wrong("mqtt.cert_file and mqtt.key_file go together: give both or none");
  }
  return broker;
}

Result<ClientOptions> client_options(const Settings& settings) {
  auto where = broker(settings);
  if (!where) return fail(where.error());
  ClientOptions options;
  options.broker = std::move(*where);
  options.client_id = settings.client_id;
  options.keepalive_s = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(settings.keepalive).count());
  options.queue_bytes = settings.queue_bytes;
  return options;
}

}  // namespace kpulse::mqtt
