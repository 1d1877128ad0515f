// The plain loader: the lines of recorded frames, ready in memory, into InfluxDB 1.x over one connection, in batches.
#include <atomic>

#include "base/clock.h"
#include "base/log.h"
#include "bench/feed_options.h"
#include "http/client.h"
#include "influx/dialect.h"
#include "influx/line.h"

namespace {

using namespace kpulse;

using Batches = std::vector<std::unique_ptr<influx::LineBuffer>>;

Batches render(bench::RecordedFeed& feed, std::size_t lines) {
  Batches batches;
  const auto next = [&]() -> influx::LineBuffer& {
    return *batches.emplace_back(std::make_unique<influx::LineBuffer>());
  };
  next();
  influx::LineRenderer renderer;
  for (std::uint64_t index = 0; index < feed.frames(); ++index) {
    renderer.render(feed.frame(index), *batches.back(), lines, next);
  }
  if (batches.back()->lines() == 0) batches.pop_back();
  return batches;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Loads the lines of recorded frames into InfluxDB 1.x over one connection.");
  bench::FeedCommand command;
  influx::Server server{.policy = "hires"};
  std::size_t batch = 5'000;
  command.add_to(app);
  app.add_option("--url", server.url, "of the database")->required();
  app.add_option("--batch", batch, "lines in a request")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  init_log("warning");
  bench::RecordedFeed feed(command.recording, command.feed);
  const Batches batches = render(feed, batch);
  http::Client http(http::Options{});
  const http::Request request = influx::write_request(influx::Version::v1, server);
  bench::announce(feed);
  const std::uint64_t begin = monotonic_ns();
  for (const auto& lines : batches) {
    const http::Response response = http.post(request, lines->view(), std::chrono::seconds(60));
    if (response.status == 204) continue;
    std::cerr << "write failed: " << response.status << ' ' << response.error << response.body << '\n';
    return 1;
  }
  const double seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  std::cout << nlohmann::json{{"seconds", seconds}}.dump() << std::endl;
  return 0;
}
