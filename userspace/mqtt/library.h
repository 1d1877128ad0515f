// libmosquitto's handles and its process-wide set-up.
#pragma once

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <memory>
#include <mutex>

#include "base/handle.h"

namespace kpulse::mqtt {

using Mosquitto = Handle<mosquitto, mosquitto_destroy>;

/// Keeps libmosquitto initialised while one of these lives. Any thread; the library itself counts, but without a lock.
class Library {
 public:
  Library() {
    const std::lock_guard lock(mutex_);
    mosquitto_lib_init();
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    const std::lock_guard lock(mutex_);
    mosquitto_lib_cleanup();
  }

 private:
  static inline std::mutex mutex_;
};

/// A property list of MQTT 5.
class Properties {
 public:
  Properties() = default;
  Properties(const Properties&) = delete;
  Properties& operator=(const Properties&) = delete;
  ~Properties() { mosquitto_property_free_all(&list_); }

  void add_expiry(std::uint32_t seconds) {
    mosquitto_property_add_int32(&list_, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, seconds);
  }
  [[nodiscard]] const mosquitto_property* get() const noexcept { return list_; }

 private:
  mosquitto_property* list_ = nullptr;
};

}  // namespace kpulse::mqtt
