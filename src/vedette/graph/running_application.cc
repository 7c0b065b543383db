#include "vedette/graph/running_application.h"

#include <optional>

#include "vedette/base/log.h"

namespace vedette::graph {
namespace {

std::string_view state_name(RunningApplication::State state) {
  using State = RunningApplication::State;
  switch (state) {
    case State::kRunning: return "running";
    case State::kDraining: return "draining";
    case State::kStopping: return "stopping";
    case State::kFinished: return "finished";
    case State::kStopped: return "stopped";
  }
  return "?";
}

}  // namespace

RunningApplication::RunningApplication(const Application& application, WorkerPool& pool,
                                       std::shared_ptr<BufferPool> buffers, const ModuleContext::Services* services)
    : spec_(application), buffers_(std::move(buffers)) {
  build_stages(pool, services);
  add_sources();
  start_modules();
  try {
    for (auto& feed : feeds_) feed->start();
  } catch (...) {  // no more threads
    stop();
    throw;
  }
}

RunningApplication::~RunningApplication() { stop(); }

void RunningApplication::build_stages(WorkerPool& pool, const ModuleContext::Services* services) {
  for (const auto& module : spec_.modules) {
    ModuleContext context;
    context.application = spec_.name;
    context.module = module.name;
    context.pool = buffers_.get();
    context.set_services(services);
    Stage::Options options{.name = module.name,
                           .traits = module.type->traits,
                           .factory = module.factory,
                           .parallel = static_cast<size_t>(module.parallel)};
    stages_.push_back(std::make_unique<Stage>(std::move(options), pool, std::move(context)));
    stages_.back()->on_delivered([this](const Observation& observation) { delivered(observation); });
    stages_.back()->on_stream_done([this] { stream_done(); });
  }
  for (size_t i = 0; i < stages_.size(); ++i)
    for (const size_t input : spec_.modules[i].inputs) stages_[input]->add_downstream(*stages_[i]);
}

void RunningApplication::add_sources() {
  std::vector<Stage*> readers;
  for (size_t i = 0; i < stages_.size(); ++i)
    if (spec_.modules[i].from_source) readers.push_back(stages_[i].get());
  for (const auto& source : spec_.sources) {
    auto stream = std::make_shared<StreamInfo>();
    stream->name = source.name;
    stream->index = static_cast<uint32_t>(feeds_.size());
    std::unique_ptr<media::Source> opened;
    std::optional<Error> failure;
    try {
      opened = media::open_source(source.options, stream, buffers_);
    } catch (const Error& e) {
      failure = e;
    }
    const bool live = opened && opened->live();
    for (size_t i = 0; i < stages_.size(); ++i) {
      const ModuleSpec& module = spec_.modules[i];
      stages_[i]->add_stream(stream, module.queue.resolve(live && module.from_source));
    }
    const std::string url = media::without_credentials(source.options.url);
    feeds_.push_back(std::make_unique<SourceFeed>(std::move(opened), std::move(failure), stream, url, readers));
    for (Stage* reader : readers) reader->add_feed(stream->index, *feeds_.back());
  }
  ends_missing_ = stages_.size() * feeds_.size();
}

void RunningApplication::start_modules() {
  for (size_t i = 0; i < stages_.size(); ++i) {
    try {
      stages_[i]->start();
    } catch (...) {
      for (size_t started = 0; started < i; ++started) stages_[started]->stop();
      throw;
    }
  }
}

void RunningApplication::delivered(const Observation& observation) {
  latency_.record(Clock::system().monotonic() - observation.frame().arrival);
}

void RunningApplication::stream_done() {
  const std::lock_guard lock(mutex_);
  if (--ends_missing_ == 0) changed_.notify_all();
}

bool RunningApplication::wait_finished(const std::stop_token& stop) {
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop,
                       [&] { return ends_missing_ == 0 || state_ == State::kStopped || state_ == State::kFinished; }))
      return false;
  }
  close(State::kFinished);
  return true;
}

void RunningApplication::drain(Duration limit) {
  {
    std::unique_lock lock(mutex_);
    if (state_ != State::kRunning) return;
    state_ = State::kDraining;
  }
  for (auto& feed : feeds_) feed->request_stop();
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, limit, [&] { return ends_missing_ == 0 || state_ != State::kDraining; }))
      log::warn("{}: not everything came out within {:.1f} s; the rest is dropped", spec_.name, to_seconds(limit));
  }
  close(State::kStopped);
}

bool RunningApplication::ended() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kFinished || state_ == State::kStopped;
}

void RunningApplication::stop() { close(State::kStopped); }

/// Ends everything that still runs, in the order of the flow, and joins it. Idempotent; a second caller waits for the
/// first.
void RunningApplication::close(State end) {
  const std::lock_guard only_one(closing_);
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kFinished || state_ == State::kStopped) return;
    state_ = State::kStopping;
  }
  for (auto& feed : feeds_) feed->request_stop();
  for (auto& stage : stages_) stage->abandon();
  for (auto& feed : feeds_) feed->join();
  for (auto& stage : stages_) stage->wait_idle();
  for (auto& stage : stages_) stage->stop();
  const std::lock_guard lock(mutex_);
  state_ = end;
  changed_.notify_all();
}

ApplicationStatus RunningApplication::status() const {
  ApplicationStatus status;
  status.name = spec_.name;
  status.tenant = spec_.tenant;
  status.objective_latency_p95_ms = spec_.objective.latency_p95_ms;
  status.latency = latency_.snapshot();
  {
    const std::lock_guard lock(mutex_);
    status.state = state_name(state_);
  }
  for (const auto& feed : feeds_) status.streams.push_back(feed->status());
  for (size_t i = 0; i < stages_.size(); ++i) {
    status.modules.push_back(stages_[i]->status());
    auto& inputs = status.modules.back().inputs;
    if (spec_.modules[i].from_source) inputs.emplace_back("source");
    for (const size_t input : spec_.modules[i].inputs) inputs.push_back(spec_.modules[input].name);
  }
  return status;
}

}  // namespace vedette::graph
