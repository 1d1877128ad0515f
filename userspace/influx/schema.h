// Makes a missing 1.x database with its retention policies.
#pragma once

#include "base/result.h"
#include "http/client.h"
#include "influx/dialect.h"
#include "influx/query.h"

namespace kpulse::influx {

/// Creates what is missing and leaves alone what exists. The error is the database's answer.
[[nodiscard]] Result<> create_database(http::Client& http, const Server& server, const Retention& retention);

/// The text of the first "error" of a JSON answer, cut short and made printable; empty when there is none.
[[nodiscard]] std::string error_in_body(std::string_view body);

}  // namespace kpulse::influx
