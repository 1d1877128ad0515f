#include "agent/agent.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <thread>

#include "agent/memory_lock.h"
#include "agent/trim.h"
#include "base/clock.h"
#include "base/priority.h"
#include "base/version.h"
#include "bpf/kernel.h"
#include "codec/frame_codec.h"
#include "mqtt/topics.h"

namespace kpulse::agent {
namespace {

using namespace std::chrono_literals;

/// Most frames made in one go, so that signals are seen soon after a long pause of the machine.
constexpr int kMaxFramesPerTick = 64;
/// Frames that nobody took for this long are of no use on a live panel.
constexpr std::uint32_t kFrameExpirySeconds = 3600;
constexpr std::uint64_t kUrgentIntervalNs = 50'000'000;
constexpr std::uint64_t kSelfIntervalNs = 1'000'000'000;
constexpr auto kFarewellLimit = 1200ms;

std::uint64_t ns(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(time.count());
}

timespec to_timespec(std::uint64_t time_ns) {
  return {.tv_sec = static_cast<time_t>(time_ns / 1'000'000'000),
          .tv_nsec = static_cast<long>(time_ns % 1'000'000'000)};
}

}  // namespace

/// Loading takes a second of CPU time, and is wanted most on a machine that has none to spare: there it would take as
/// many seconds as there are tasks that want the CPU.
Result<std::unique_ptr<Sampler>> Agent::start_sampler(const Options& options) {
  std::optional<RaisedMeanwhile> raised;
  if (options.realtime == "auto") raised.emplace();
  return Sampler::start({.host = options.host,
                         .window_ns = ns(options.window),
                         .publish_ns = ns(options.publish),
                         .probes = options.probes,
                         .record = options.record},
                        probes::make_probes());
}

Result<std::unique_ptr<Agent>> Agent::start(const Options& options) {
  std::unique_ptr<Agent> agent(new Agent(options));
  auto sampler = start_sampler(options);
  if (!sampler) return fail(std::move(sampler).error());
  agent->sampler_ = std::move(*sampler);
  if (auto done = agent->connect(); !done) return fail(std::move(done).error());
  if (auto done = agent->open_events(); !done) return fail(std::move(done).error());
  release_startup_memory();
  return agent;
}

Result<> Agent::connect() {
  auto client = mqtt::client_options(options_.mqtt);
  if (!client) return fail(std::move(client).error());
  if (client->client_id.empty()) client->client_id = "kpulse-agent-" + options_.host;
  client->protocol = 5;  // for the expiry of frames that nobody takes
  client->on_connect = {state_message(true)};
  client->last_will = {state_message(false)};
  auto started = mqtt::Client::start(std::move(*client));
  if (!started) return fail(std::move(started).error());
  client_ = std::move(*started);

  self_ = std::make_unique<Self>(*client_);
  self_->register_metrics(registry_);
  self_->register_priority(priority_, registry_);
  auto endpoint = metrics::Endpoint::start(options_.metrics_listen, registry_);
  if (!endpoint) return fail(std::move(endpoint).error());
  endpoint_ = std::move(*endpoint);
  return {};
}

Result<> Agent::open_events() {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGINT);
  epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  timer_ = FileDescriptor(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  signals_ = FileDescriptor(signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC));
  std::vector<int> watched = sampler_->ring_fds();
  watched.insert(watched.end(), {timer_.get(), signals_.get()});
  for (const int fd : watched) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (fd < 0 || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return fail(std::string("cannot set up the event loop: ") + std::strerror(errno));
    }
  }
  return {};
}

mqtt::Message Agent::state_message(bool online) const {
  const State state{.host = options_.host,
                    .stream = sampler_->stream(),
                    .online = online,
                    .window_ns = ns(options_.window),
                    .publish_ns = ns(options_.publish),
                    .agent_version = std::string(kVersion),
                    .kernel_release = bpf::kernel_release(),
                    .programs = sampler_->programs()};
  return {.topic = mqtt::state_topic(options_.host), .payload = encode(state), .retain = true};
}

void Agent::tick() {
  priority_.check();
  const std::uint64_t wall = wall_ns();
  if (wall > due_ns_ + ns(options_.publish)) self_->count_late_tick();
  sampler_->drain(wall);
  for (int count = 0; count < kMaxFramesPerTick; ++count) {
    auto frame = sampler_->next_frame(wall);
    if (!frame) break;
    publish(std::move(*frame));
  }
  publish_urgent(wall);
  if (const auto step = sampler_->follow_clock()) {
    spdlog::warn("the wall clock was stepped by {:+.3f} ms: a new stream begins", static_cast<double>(*step) / 1e6);
    self_->set_clock_steps(sampler_->clock_steps());
    client_->set_on_connect({state_message(true)});
  }
}

/// Not more often than makes sense to a reader: a storm of events must not become a storm of frames.
void Agent::publish_urgent(std::uint64_t wall) {
  if (wall < urgent_after_ns_) return;
  auto frame = sampler_->urgent_frame(wall);
  if (!frame) return;
  publish(std::move(*frame));
  urgent_after_ns_ = wall + kUrgentIntervalNs;
}

void Agent::publish(Frame frame) {
  self_->set_intake(sampler_->intake());
  if (const std::uint64_t now = monotonic_ns(); frame.windows > 0 && !frame.late && now >= self_due_ns_) {
    self_due_ns_ = now + kSelfIntervalNs;
    frame.series.push_back(self_->series());
  }
  encode(frame, payload_);
  client_->publish({.topic = mqtt::frame_topic(options_.host), .payload = payload_, .expiry_s = kFrameExpirySeconds});
  sampler_->take_back(std::move(frame));
}

void Agent::arm_timer() {
  const std::uint64_t wall = wall_ns();
  due_ns_ = sampler_->next_drain(wall);
  if (wall < urgent_after_ns_) due_ns_ = std::min(due_ns_, urgent_after_ns_);
  const itimerspec when{.it_interval = {}, .it_value = to_timespec(due_ns_)};
  // Cancelled when the wall clock is set: the loop then looks at it at once.
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
}

Result<> Agent::run() {
  spdlog::info("measuring {} in windows of {} us, a frame every {} ms", options_.host, ns(options_.window) / 1000,
               ns(options_.publish) / 1'000'000);
  // Of this thread alone: what is said to the broker may wait, what the kernel has to say may not.
  if (options_.realtime == "auto") priority_.take();
  if (!lock_memory()) spdlog::info("memory cannot be locked: {}", std::strerror(errno));
  for (;;) {
    arm_timer();
    std::array<epoll_event, 4> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) return fail(std::string("cannot wait for events: ") + std::strerror(errno));
    for (int index = 0; index < count; ++index) {
      if (events[static_cast<std::size_t>(index)].data.fd == signals_.get()) {
        finish();
        return {};
      }
    }
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto cleared = read(timer_.get(), &expirations, sizeof(expirations));
    tick();
  }
}

void Agent::finish() {
  // What was whole when the signal came is whole for sure after the grace period.
  std::this_thread::sleep_for(std::chrono::nanoseconds(Schedule::kGraceNs));
  const std::uint64_t wall = wall_ns();
  sampler_->drain(wall);
  while (auto frame = sampler_->next_frame(wall)) publish(std::move(*frame));
  if (auto frame = sampler_->rest(wall)) publish(std::move(*frame));
  const bool all = client_->stop(kFarewellLimit, {state_message(false)});
  spdlog::info("stopped after {} frames{}", sampler_->sequence(), all ? "" : "; some could not be delivered in time");
}

}  // namespace kpulse::agent
