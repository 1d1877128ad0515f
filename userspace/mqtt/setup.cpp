#include "mqtt/setup.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <limits>

namespace kpulse::mqtt {
namespace {

// Hashed certificates of Debian, Ubuntu and Arch alike. libmosquitto wants a folder even when told to use the system's.
constexpr const char* kSystemCertificates = "/etc/ssl/certs";

tl::unexpected<Error> wrong(std::string message) {
  return fail(std::move(message), ErrorKind::usage);
}

const char* or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

// Without it OpenSSL would ask for the password of an encrypted key on the terminal.
int no_password(char*, int, int, void*) {
  return 0;
}

Result<> check_readable(const std::string& what, const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return {};
  return wrong(fmt::format("{}: cannot read {}: {}", what, path, std::strerror(errno)));
}

Result<> check_session(const ClientOptions& options) {
  if (options.protocol != 4 && options.protocol != 5) return wrong("the MQTT protocol is 4 (3.1.1) or 5");
  if (options.keepalive_s != 0 && options.keepalive_s < 5) return wrong("the MQTT keepalive is 0 or at least 5 s");
  if (options.max_inflight == 0) return wrong("at least one MQTT message must be allowed in flight");
  if (options.broker.username.empty() && !options.broker.password.empty()) {
    return wrong("an MQTT password needs a user name");
  }
  if (options.last_will.size() > 1) return wrong("there can be only one MQTT last will");
  if (options.clean_session) return {};
  if (options.client_id.empty()) return wrong("an MQTT session that lasts needs a client id");
  if (options.protocol == 5) return wrong("MQTT 5 is supported with clean sessions only");
  return {};
}

Result<> check_tls(const Broker& broker) {
  if (!broker.tls) return {};
  if (broker.cert_file.empty() != broker.key_file.empty()) {
    return wrong("a TLS client certificate and its key go together: give both or none");
  }
  const std::initializer_list<std::pair<const char*, const std::string*>> files = {
      {"CA file", &broker.ca_file}, {"client certificate", &broker.cert_file}, {"client key", &broker.key_file}};
  for (const auto& [what, path] : files) {
    if (auto readable = check_readable(what, *path); !readable) return readable;
  }
  return {};
}

Result<> apply(int status, const char* what) {
  if (status == MOSQ_ERR_SUCCESS) return {};
  return wrong(fmt::format("{}: {}", what, mosquitto_strerror(status)));
}

Result<> set_tls(mosquitto* handle, const Broker& broker) {
  if (!broker.tls) return {};
  const char* folder = broker.ca_file.empty() ? kSystemCertificates : nullptr;
  const int status = mosquitto_tls_set(handle, or_null(broker.ca_file), folder, or_null(broker.cert_file),
                                       or_null(broker.key_file), no_password);
  if (auto done = apply(status, "TLS"); !done) return done;
  if (!broker.ca_file.empty()) return {};
  return apply(mosquitto_int_option(handle, MOSQ_OPT_TLS_USE_OS_CERTS, 1), "TLS with the system's certificates");
}

Result<> set_will(mosquitto* handle, const ClientOptions& options) {
  if (options.last_will.empty()) return {};
  const Message& will = options.last_will.front();
  const int status = mosquitto_will_set(handle, will.topic.c_str(), static_cast<int>(will.payload.size()),
                                        will.payload.data(), will.qos, will.retain);
  return apply(status, "MQTT last will");
}

}  // namespace

Result<Mosquitto> create_handle(const ClientOptions& options, void* context) {
  if (auto checked = check_session(options); !checked) return fail(checked.error());
  if (auto checked = check_tls(options.broker); !checked) return fail(checked.error());
  Mosquitto handle(mosquitto_new(or_null(options.client_id), options.clean_session, context));
  if (!handle) return wrong(fmt::format("MQTT client id \"{}\": {}", options.client_id, std::strerror(errno)));
  mosquitto_int_option(handle.get(), MOSQ_OPT_PROTOCOL_VERSION,
                       options.protocol == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
  mosquitto_int_option(handle.get(), MOSQ_OPT_TCP_NODELAY, 1);
  // The window is ours (ClientOptions::max_inflight): the library must never hold back what it was given.
  mosquitto_int_option(handle.get(), MOSQ_OPT_SEND_MAXIMUM, std::numeric_limits<std::uint16_t>::max());
  const Broker& broker = options.broker;
  const int login = mosquitto_username_pw_set(handle.get(), or_null(broker.username), or_null(broker.password));
  if (auto set = apply(login, "MQTT user name"); !set) return fail(set.error());
  if (auto set = set_tls(handle.get(), broker); !set) return fail(set.error());
  if (auto set = set_will(handle.get(), options); !set) return fail(set.error());
  return handle;
}

}  // namespace kpulse::mqtt
