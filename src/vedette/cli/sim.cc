#include "vedette/cli/sim.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "vedette/base/error.h"
#include "vedette/cli/signals.h"
#include "vedette/sim/simulation.h"

namespace vedette::cli {
namespace {

struct SimArguments {
  std::string file;
  std::optional<uint64_t> seed;
  std::string mode;
  std::string json;
  bool quiet = false;
};

/// A bar on standard error, when that is a terminal; a few times a second, so that it costs nothing.
class Bar {
 public:
  Bar(double whole, bool shown) : whole_(whole), shown_(shown) {}
  ~Bar() {
    if (drawn_) fmt::print(stderr, "\r\033[K");
  }

  void at(double done) {
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    drawn_ = true;
    const double share = whole_ > 0 ? done / whole_ : 1, spent = std::chrono::duration<double>(now - begin_).count();
    const auto filled = static_cast<size_t>(share * kWidth);
    fmt::print(stderr, "\r\033[K[{}{}] {:3.0f} %  {:.0f} of {:.0f} s, {:.0f} × real time", std::string(filled, '#'),
               std::string(kWidth - filled, '.'), share * 100, done, whole_, spent > 0 ? done / spent : 0);
  }

 private:
  static constexpr size_t kWidth = 30;
  double whole_;
  bool shown_, drawn_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now(), last_{};
};

void write_json(const std::string& path, const std::string& text) {
  if (path == "-") {
    fmt::print("{}", text);
    return;
  }
  errno = 0;
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  if (!out) throw_errno(errno ? errno : EIO, "cannot write " + path);
}

void simulate(const SimArguments& arguments) {
  static const std::map<std::string, sim::Mode> kModes = {
      {"auto", sim::Mode::kAuto}, {"frames", sim::Mode::kFrames}, {"slots", sim::Mode::kSlots}};
  sim::FleetFile file = sim::load_fleet(arguments.file);
  const Signals signals;
  const std::stop_token stop = signals.token();
  std::optional<sim::Result> result;
  {
    Bar bar(file.duration_s, !arguments.quiet && isatty(STDERR_FILENO));
    sim::SimulationOptions options;
    options.seed = arguments.seed;
    if (!arguments.mode.empty()) options.mode = kModes.at(arguments.mode);
    options.progress = [&](double done) {
      bar.at(done);
      return !stop.stop_requested();
    };
    result = sim::Simulation(std::move(file), std::move(options)).run();
  }
  if (!arguments.quiet && arguments.json != "-") fmt::print("{}", result->to_table());
  if (!arguments.json.empty()) write_json(arguments.json, result->to_json());
  if (result->violations.empty()) return;
  throw Error(ErrorCode::kInternal,
              fmt::format("the simulation broke what must always hold, {} times; first {}", result->violations.size(),
                          result->violations.front()),
              fmt::format("vedette sim {} --seed {} shows it again", arguments.file, result->seed));
}

}  // namespace

void add_sim_command(CLI::App& parent) {
  auto arguments = std::make_shared<SimArguments>();
  CLI::App* command =
      parent.add_subcommand("sim", "simulate a fleet: applications, nodes, links, and what happens to them");
  command->add_option("fleet", arguments->file, "fleet file (docs/simulator.md)")->required();
  command->add_option("--seed", arguments->seed, "instead of the file's");
  command->add_option("--mode", arguments->mode, "frame by frame, or in slots; auto: by the number of cameras")
      ->check(CLI::IsMember({"auto", "frames", "slots"}));
  command->add_option("--json", arguments->json,
                      "write everything there as JSON; -: to standard output, without the table");
  command->add_flag("--quiet", arguments->quiet, "no table and no progress");
  command->callback([arguments] { simulate(*arguments); });
}

}  // namespace vedette::cli
