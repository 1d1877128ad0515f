#include "influx/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "influx/schema.h"

namespace kpulse::influx {
namespace {

constexpr std::chrono::seconds kProbeTimeout{5};
constexpr std::size_t kMaxSample = 200;
constexpr std::size_t kMaxCreations = 2;

/// The first line of a batch, short enough for a log. Lines hold no control characters.
std::string_view sample_of(std::string_view body) noexcept {
  return body.substr(0, std::min(body.find('\n'), kMaxSample));
}

std::string answer_of(const http::Response& response) {
  if (response.status == 0) return response.error;
  const std::string error = error_in_body(response.body);
  return error.empty() ? fmt::format("HTTP {}", response.status) : fmt::format("HTTP {}: {}", response.status, error);
}

std::string_view advice_for(long status) noexcept {
  switch (status) {
    case 401:
    case 403:
      return "check influx.token or influx.username and influx.password; the bridge keeps trying";
    case 404:
      return "create the database or bucket, or set influx.create_database (1.x); the bridge keeps trying";
    default:
      return "the bridge keeps trying";
  }
}

}  // namespace

Writer::Writer(WriterOptions options, std::shared_ptr<WriterStats> stats)
    : options_(std::move(options)),
      backoff_(options_.backoff_min, options_.backoff_max),
      random_(static_cast<std::minstd_rand::result_type>(monotonic_ns())),
      max_body_(std::numeric_limits<std::size_t>::max()),
      stats_(std::move(stats)) {}

Written Writer::write(std::string_view body, std::uint64_t lines) {
  Written written;
  write_part(body, lines, written);
  return written;
}

void Writer::write_part(std::string_view body, std::uint64_t lines, Written& written) {
  if (lines == 0) return;
  if (body.size() > max_body_ && lines > 1) return write_halves(body, lines, written);
  for (std::uint32_t tries = 1; !interrupt_.aborted(); ++tries) {
    const http::Response response = send(body);
    Verdict verdict = judge(response.status, response.body);
    if (interrupt_.aborted()) break;
    ++stats_->outcomes[static_cast<std::size_t>(verdict.outcome)];
    if (verdict.outcome == Outcome::retry && verdict.max_tries > 0 && tries >= verdict.max_tries)
      verdict = {.outcome = Outcome::drop};
    if (settle(verdict, response, body, lines, written)) return;
    if (verdict.outcome == Outcome::create_database && create_missing(response)) continue;
    stats_->reachable = false;
    complain(verdict.outcome == Outcome::hold ? "the database refuses us" : "cannot write", response);
    if (pause(response)) break;
    ++stats_->retries;
  }
  written.abandoned += lines;
}

/// True when nothing is left to be done for these lines.
bool Writer::settle(const Verdict& verdict, const http::Response& response, std::string_view body, std::uint64_t lines,
                    Written& written) {
  switch (verdict.outcome) {
    case Outcome::retry:
    case Outcome::hold:
    case Outcome::create_database:
      return false;
    case Outcome::too_large:
      max_body_ = std::min(max_body_, body.size() / 2);
      if (lines > 1) {
        write_halves(body, lines, written);
      } else {
        written.too_large += 1;
      }
      return true;
    case Outcome::ok:
      written.committed += lines;
      break;
    case Outcome::partial:
    case Outcome::drop: {
      const std::uint64_t refused = verdict.outcome == Outcome::drop ? lines : std::min(verdict.dropped, lines);
      written.refused += refused;
      written.committed += lines - refused;
      std::uint64_t suppressed = 0;
      if (refusals_.allow(suppressed)) {
        spdlog::warn("influx: {} of {} lines refused for good ({}); {} such batches not shown; first line: {}", refused,
                     lines, answer_of(response), suppressed, sample_of(body));
      }
      break;
    }
  }
  if (!stats_->reachable.exchange(true)) spdlog::info("influx: writing to {}", options_.server.url);
  last_complaint_.clear();
  backoff_.reset();
  creations_ = 0;
  return true;
}

void Writer::write_halves(std::string_view body, std::uint64_t lines, Written& written) {
  std::size_t middle = body.rfind('\n', body.size() / 2 - 1) + 1;
  if (middle == 0) middle = body.find('\n') + 1;  // the first line is longer than half
  if (middle == 0 || middle == body.size()) {
    written.too_large += lines;
    return;
  }
  const auto first = static_cast<std::uint64_t>(std::ranges::count(body.substr(0, middle), '\n'));
  write_part(body.substr(0, middle), first, written);
  write_part(body.substr(middle), lines - first, written);
}

http::Response Writer::send(std::string_view body) {
  if (!know_version()) return {.error = "no answer to /ping"};
  const std::string_view packed = options_.gzip ? gzip_.compress(body) : body;
  ++stats_->requests;
  stats_->body_bytes += packed.size();
  return http_.post(*request_, packed, options_.timeout);
}

/// Asks the server once what it is; true when it is known or can be guessed.
bool Writer::know_version() {
  if (request_) return true;
  std::optional<Version> version = options_.version;
  if (!version) {
    const http::Response ping = http_.get(get_request(options_.server, "/ping"), kProbeTimeout);
    if (ping.status == 0) return false;
    version = parse_version(ping.header);
    if (!version) version = version_in_body(ping.body);
  }
  if (!version) {
    const http::Response health = http_.get(get_request(options_.server, "/health"), kProbeTimeout);
    version = version_in_body(health.body);
    if (!version) version = guess_version(options_.server);
  }
  request_ = write_request(*version, options_.server);
  if (options_.gzip) request_->headers.emplace_back("Content-Encoding: gzip");
  stats_->version = static_cast<int>(*version);
  spdlog::info("influx: {} speaks version {}", options_.server.url, stats_->version.load());
  return true;
}

/// True when the database was made, so that the write can be tried again at once.
bool Writer::create_missing(const http::Response& response) {
  const bool can = options_.create_database && stats_->version == static_cast<int>(Version::v1);
  if (!can || creations_ >= kMaxCreations) return false;
  ++creations_;
  spdlog::info("influx: {}; creating database {}", answer_of(response), options_.server.database);
  const auto made = create_database(http_, options_.server, options_.retention);
  if (!made) spdlog::error("influx: cannot create database {}: {}", options_.server.database, made.error().message);
  return made.has_value();
}

/// One line for every new reason, not one for every attempt.
void Writer::complain(std::string_view what, const http::Response& response) {
  std::string complaint = fmt::format("{}: {}: {}", options_.server.url, what, answer_of(response));
  if (complaint == last_complaint_) return;
  spdlog::warn("influx: {}; {}", complaint, advice_for(response.status));
  last_complaint_ = std::move(complaint);
}

/// Waits before the next attempt; true when there is to be none.
bool Writer::pause(const http::Response& response) {
  if (interrupt_.hurried()) return true;
  const double chance = std::generate_canonical<double, 32>(random_);
  interrupt_.wait_for(delay_of(response.retry_after, backoff_.next(chance)));
  return interrupt_.aborted();
}

}  // namespace kpulse::influx
