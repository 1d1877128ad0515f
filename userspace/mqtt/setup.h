// From checked options to a configured libmosquitto handle.
#pragma once

#include "base/result.h"
#include "mqtt/client.h"
#include "mqtt/library.h"

namespace kpulse::mqtt {

/// Checks the options (an Error of kind usage names the wrong one) and sets up a handle that is ready to connect.
[[nodiscard]] Result<Mosquitto> create_handle(const ClientOptions& options, void* context);

}  // namespace kpulse::mqtt
