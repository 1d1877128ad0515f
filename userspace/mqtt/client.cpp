#include "mqtt/client.h"

#include <pthread.h>

#include <system_error>

#include "base/signals.h"
#include "mqtt/connection.h"

namespace kpulse::mqtt {
namespace {

// How much longer than its limit stop() waits for the thread before it leaves it behind.
constexpr std::chrono::milliseconds kGrace{150};

}  // namespace

Client::Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Client>> Client::start(ClientOptions options) {
  auto impl = std::make_shared<Impl>(std::move(options));
  if (auto opened = impl->open(); !opened) return fail(std::move(opened).error());
  try {
    const BlockSignals block;
    impl->thread = std::thread([impl] { impl->run(); });
  } catch (const std::system_error& error) {
    return fail(std::string("mqtt: cannot start the network thread: ") + error.what());
  }
  pthread_setname_np(impl->thread.native_handle(), "kp-mqtt");
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Client::~Client() {
  stop(std::chrono::milliseconds(0));
}

void Client::publish(Message message) {
  impl_->publish(std::move(message));
}

void Client::set_on_connect(std::vector<Message> messages) {
  impl_->set_on_connect(std::move(messages));
}

bool Client::stop(std::chrono::milliseconds limit, std::vector<Message> farewell) {
  if (!impl_->thread.joinable()) return false;
  impl_->request_stop(limit, std::move(farewell));
  const std::optional<bool> delivered = impl_->wait_ended(limit + kGrace);
  if (delivered) {
    impl_->thread.join();
    return *delivered;
  }
  impl_->abandon();
  impl_->thread.detach();
  return false;
}

ClientStats Client::stats() const {
  return impl_->stats();
}

}  // namespace kpulse::mqtt
