#include "vedette/cli/log.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "vedette/base/error.h"
#include "vedette/base/nearest.h"
#include "vedette/cli/quantities.h"
#include "vedette/cli/signals.h"
#include "vedette/cli/table.h"
#include "vedette/cli/terminal.h"
#include "vedette/framelog/archive.h"
#include "vedette/framelog/export.h"
#include "vedette/framelog/log.h"
#include "vedette/framelog/log_set.h"
#include "vedette/framelog/moment.h"
#include "vedette/framelog/replay.h"

namespace vedette::cli {
namespace {

namespace fl = vedette::framelog;
using nlohmann::ordered_json;

struct LogArguments {
  std::string folder;
  std::string camera;
  std::string key;
  std::string from, to;
  std::string out;
  std::string form;
  double speed = 1;
  int lines = 10;
  int quality = 90;
  bool follow = false;
};

struct Found {
  std::string camera;
  std::string folder;
};

/// Cameras below a store's folder. A folder that holds segments itself is the one camera's own.
std::vector<Found> cameras_in(const std::string& folder) {
  std::error_code fault;
  std::vector<Found> found;
  bool own = false;
  std::filesystem::directory_iterator entries(folder, fault);
  for (; !fault && entries != std::filesystem::directory_iterator(); entries.increment(fault)) {
    std::error_code gone;
    if (entries->is_directory(gone)) {
      const std::string name = entries->path().filename().string();
      found.push_back({fl::camera_of_folder(name), entries->path().string()});
    } else if (entries->path().extension() == ".seg") {
      own = true;
    }
  }
  if (fault) throw_errno(fault.value(), fmt::format("cannot list {}", folder));
  if (own) {
    auto name = std::filesystem::path(folder).lexically_normal();
    if (name.filename().empty()) name = name.parent_path();
    return {{fl::camera_of_folder(name.filename().string()), folder}};
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.camera < b.camera; });
  return found;
}

/// The one that was asked for; the only one when none was.
Found camera_of(const LogArguments& arguments) {
  const auto found = cameras_in(arguments.folder);
  std::vector<std::string> names;
  for (const auto& camera : found) {
    if (camera.camera == arguments.camera) return camera;
    names.push_back(camera.camera);
  }
  if (found.empty()) throw Error(ErrorCode::kNotFound, fmt::format("{} holds no frame log", arguments.folder));
  if (arguments.camera.empty() && found.size() == 1) return found.front();
  if (arguments.camera.empty()) {
    throw Error(ErrorCode::kUsage, fmt::format("{} holds {} cameras", arguments.folder, found.size()),
                fmt::format("choose with --camera: {}", fmt::join(names, ", ")));
  }
  throw Error(ErrorCode::kNotFound, fmt::format("{} holds no camera '{}'", arguments.folder, arguments.camera),
              did_you_mean(arguments.camera, names));
}

std::shared_ptr<fl::Archive> open_archive(const LogArguments& arguments, const Found& found, bool read_only = true) {
  fl::ArchiveOptions options;
  options.folder = found.folder;
  options.camera = found.camera;
  options.keys = fl::Keyring::from(arguments.key, "VEDETTE_LOG_KEY");
  options.verify_bytes = 0;  // each file is checked when it is read
  options.read_only = read_only;
  return std::make_shared<fl::Archive>(std::move(options));
}

/// For what cannot be done without frames. Throws Error when there are some and no key opens any.
std::shared_ptr<fl::Archive> open_frames(const LogArguments& arguments, const Found& found, bool read_only = true) {
  auto archive = open_archive(arguments, found, read_only);
  const auto rejected = archive->rejected();
  const auto locked = std::count_if(rejected.begin(), rejected.end(), [](const fl::RejectedFile& file) {
    return file.reason == fl::RejectedFile::Reason::kUnknownKey;
  });
  if (archive->segments().empty() && locked > 0) {
    throw Error(
        ErrorCode::kPermissionDenied,
        fmt::format("no key that was given opens what is stored of '{}' ({} sealed files)", found.camera, locked),
        "give it with --key FILE or in VEDETTE_LOG_KEY");
  }
  return archive;
}

/// An archive as a log, without frames of its own.
std::shared_ptr<fl::Log> log_over(const std::shared_ptr<fl::Archive>& archive) {
  fl::LogOptions options;
  options.camera = archive->camera();
  options.segment_bytes = size_t{64} << 10;
  options.capacity_bytes = 2 * options.segment_bytes;
  options.first_sequence = archive->next_sequence();
  auto log = fl::Log::make(options);
  log->set_history(archive);
  return log;
}

fl::Cursor range_of(const LogArguments& arguments, const fl::Log& log) {
  const Timestamp now = Clock::system().now();
  const Timestamp from = fl::time_of(fl::parse_moment(arguments.from.empty() ? "start" : arguments.from), now);
  const Timestamp to =
      arguments.to.empty() ? fl::from_micros(int64_t{1} << 52) : fl::time_of(fl::parse_moment(arguments.to), now);
  return log.range(from, to);
}

std::string span_text(int64_t first_us, int64_t last_us) {
  return fmt::format("{:.1f} s", static_cast<double>(last_us - first_us) * 1e-6);
}

ordered_json json_of(const fl::FrameRef& frame) {
  const fl::RecordInfo info = frame.info();
  return {{"sequence", frame.sequence()},
          {"time", to_rfc3339(frame.time())},
          {"codec", fl::to_string(info.codec)},
          {"bytes", frame.size_bytes()},
          {"width", info.width},
          {"height", info.height},
          {"original_width", info.original_width},
          {"original_height", info.original_height},
          {"knob", info.knob},
          {"key_frame", info.key_frame}};
}

void print_frame(const LogArguments& arguments, const fl::FrameRef& frame) {
  if (arguments.form == "json") {
    fmt::print("{}\n", json_of(frame).dump());
    return;
  }
  const fl::RecordInfo info = frame.info();
  fmt::print("{} #{} {} {}x{} {} knob {}{}\n", to_rfc3339(frame.time()), frame.sequence(), fl::to_string(info.codec),
             info.width, info.height, bytes_text(static_cast<double>(frame.size_bytes())), info.knob,
             info.key_frame ? "" : " inter");
}

void list(const LogArguments& arguments) {
  const bool as_json = arguments.form == "json";
  const auto all = arguments.camera.empty() ? cameras_in(arguments.folder) : std::vector{camera_of(arguments)};
  const bool files = !arguments.camera.empty();
  ordered_json out = ordered_json::array();
  Table table({{files ? "SEGMENT" : "CAMERA"},
               {"FRAMES", true},
               {"FROM"},
               {"LASTS", true},
               {"SIZE", true},
               {files ? "KEY" : "SEGMENTS", true},
               {"NOT SERVED", true}});
  for (const auto& found : all) {
    const auto archive = open_archive(arguments, found);
    const auto segments = archive->segments();
    if (files) {
      for (const auto& file : segments) {
        table.add({{file.name},
                   {count_text(file.records)},
                   {to_rfc3339(fl::from_micros(file.range.first_time_us))},
                   {span_text(file.range.first_time_us, file.range.last_time_us)},
                   {bytes_text(static_cast<double>(file.file_bytes))},
                   {file.key_id == 0 ? "" : fmt::format("{:016x}", file.key_id)},
                   {}});
        out.push_back({{"file", file.name},
                       {"frames", file.records},
                       {"from", to_rfc3339(fl::from_micros(file.range.first_time_us))},
                       {"to", to_rfc3339(fl::from_micros(file.range.last_time_us))},
                       {"bytes", file.file_bytes},
                       {"key", file.key_id == 0 ? "" : fmt::format("{:016x}", file.key_id)}});
      }
      for (const auto& bad : archive->rejected()) {
        table.add({{bad.name, Colour::kRed}, {}, {}, {}, {}, {}, {std::string(to_string(bad.reason)), Colour::kRed}});
        out.push_back({{"file", bad.name}, {"not_served", to_string(bad.reason)}, {"why", bad.line}});
      }
      continue;
    }
    uint64_t frames = 0;
    for (const auto& file : segments) frames += file.records;
    const int64_t first = segments.empty() ? 0 : segments.front().range.first_time_us;
    const int64_t last = segments.empty() ? 0 : segments.back().range.last_time_us;
    const size_t bad = archive->rejected().size();
    table.add({{printable(found.camera)},
               {count_text(frames)},
               {segments.empty() ? "" : to_rfc3339(fl::from_micros(first))},
               {span_text(first, last)},
               {bytes_text(static_cast<double>(archive->file_bytes()))},
               {count_text(segments.size())},
               {bad == 0 ? "" : count_text(bad), Colour::kRed}});
    out.push_back({{"camera", found.camera},
                   {"frames", frames},
                   {"segments", segments.size()},
                   {"bytes", archive->file_bytes()},
                   {"not_served", bad}});
    if (!segments.empty()) {
      out.back()["from"] = to_rfc3339(fl::from_micros(first));
      out.back()["to"] = to_rfc3339(fl::from_micros(last));
    }
  }
  fmt::print("{}", as_json ? out.dump(2) + "\n" : table.text(Paint::for_stdout()));
}

void tail(const LogArguments& arguments) {
  const Signals signals;
  const auto found = camera_of(arguments);
  uint64_t next = 0;
  for (bool first = true;; first = false) {
    const auto archive = open_frames(arguments, found);
    const auto log = log_over(archive);
    uint64_t begin = next;
    if (first) {
      // Numbers may have gaps: walk back by files until there are enough frames.
      const auto segments = archive->segments();
      auto file = segments.end();
      for (uint64_t frames = 0; file != segments.begin() && frames < static_cast<uint64_t>(arguments.lines);) {
        frames += (--file)->records;
      }
      begin = file == segments.end() ? archive->next_sequence() : file->range.first_sequence;
    }
    auto cursor = log->follow_sequence(begin);
    std::vector<fl::FrameRef> newest;  // at most `lines`, and of few segments
    while (const auto frame = cursor.next()) {
      newest.push_back(*frame);
      if (first && newest.size() > static_cast<size_t>(arguments.lines)) newest.erase(newest.begin());
    }
    for (const auto& frame : newest) print_frame(arguments, frame);
    std::fflush(stdout);
    next = std::max(begin, archive->next_sequence());
    if (!arguments.follow) return;
    for (int i = 0; i < 10 && !signals.token().stop_requested(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (signals.token().stop_requested()) return;
  }
}

void run_export(const LogArguments& arguments) {
  const auto archive = open_frames(arguments, camera_of(arguments));
  const auto log = log_over(archive);
  auto cursor = range_of(arguments, *log);
  const bool shown = stdout_is_terminal();
  const auto progress = [&](const fl::ExportResult& so_far, const fl::FrameRef& frame) {
    if (!shown || so_far.frames % 25 != 0) return;
    fmt::print(stderr, "\r{} frames, {}", so_far.frames, to_rfc3339(frame.time()));
  };
  const auto result = arguments.out.ends_with(".mp4")
                          ? fl::export_mp4(cursor, arguments.out, progress)
                          : fl::export_jpegs(cursor, arguments.out, arguments.quality, progress);
  if (shown) fmt::print(stderr, "\r");
  if (result.frames == 0) {
    throw Error(ErrorCode::kNotFound, fmt::format("no frames of '{}' between these times", archive->camera()),
                "vedette log list says which there are");
  }
  fmt::print("{}: {} frames ({}) of '{}'{}{}\n", arguments.out, result.frames,
             bytes_text(static_cast<double>(result.bytes)), archive->camera(),
             result.missing == 0 ? "" : fmt::format(", {} missing", result.missing),
             result.broken == 0 ? "" : fmt::format(", {} left out because they do not decode", result.broken));
}

void run_replay(const LogArguments& arguments) {
  const Signals signals;
  const auto archive = open_frames(arguments, camera_of(arguments));
  const auto log = log_over(archive);
  auto cursor = range_of(arguments, *log);
  if (!arguments.out.empty() && arguments.out != "-") std::filesystem::create_directories(arguments.out);
  const auto consumer = [&](const fl::FrameRef& frame) {
    const auto bytes = frame.bytes();
    if (arguments.out.empty()) {
      print_frame(arguments, frame);
      std::fflush(stdout);
      return;
    }
    // The bytes as they were kept: JPEGs in a row are what `ffmpeg -f mjpeg -i -` reads.
    const bool pipe = arguments.out == "-";
    const std::string path = pipe ? "standard output" : arguments.out + "/" + fl::jpeg_name(frame);
    std::FILE* file = pipe ? stdout : std::fopen(path.c_str(), "wb");
    const bool good =
        file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size() && std::fflush(file) == 0;
    const int cause = errno;
    if (!pipe && file != nullptr) std::fclose(file);
    if (!good) throw_errno(cause, fmt::format("cannot write {}", path));
  };
  const auto result = fl::replay(cursor, {.speed = arguments.speed, .stop = signals.token()}, consumer);
  fmt::print(stderr, "{} frames of '{}'{}\n", result.frames, archive->camera(),
             result.missed == 0 ? "" : fmt::format(", {} missing", result.missed));
}

void verify(const LogArguments& arguments) {
  const auto all = arguments.camera.empty() ? cameras_in(arguments.folder) : std::vector{camera_of(arguments)};
  size_t files = 0, bad = 0;
  uint64_t frames = 0;
  for (const auto& found : all) {
    const auto archive = open_frames(arguments, found);
    for (const auto& file : archive->rejected()) {
      ++files;
      if (file.reason != fl::RejectedFile::Reason::kLeftover) ++bad;
    }
    bad += archive->verify([&](const fl::ArchivedSegment& file, const std::string& fault) {
      ++files;
      frames += fault.empty() ? file.records : 0;
      if (!fault.empty()) fmt::print(stderr, "{}/{}: {}\n", found.folder, file.name, fault);
    });
  }
  fmt::print("{} of {} files are good: {} frames\n", files - bad, files, frames);
  if (bad > 0) throw Error(ErrorCode::kInvalidData, fmt::format("{} of {} files are not good", bad, files));
}

void reseal(const LogArguments& arguments) {
  const auto archive = open_frames(arguments, camera_of(arguments), false);
  fmt::print("{} files of '{}' were sealed again\n", archive->reseal(), archive->camera());
}

}  // namespace

void add_log_command(CLI::App& parent) {
  auto arguments = std::make_shared<LogArguments>();
  CLI::App* command = parent.add_subcommand("log", "Stored frames: list, look at, export, replay and verify them");
  command->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& what, void (*run)(const LogArguments&)) {
    CLI::App* one = command->add_subcommand(name, what);
    one->add_option("folder", arguments->folder, "Folder of a store, or of one of its cameras")->required();
    one->add_option("--camera", arguments->camera, "Which camera; needless where there is only one");
    one->add_option("--key", arguments->key, "File with the keys of the segments; else VEDETTE_LOG_KEY holds them");
    one->final_callback([arguments, run] { run(*arguments); });
    return one;
  };
  const auto add_form = [&](CLI::App* one, const char* usual) {
    one->add_option("-o,--output", arguments->form, fmt::format("{} (default) or json", usual))
        ->check(CLI::IsMember({usual, "json"}));
  };
  const auto add_times = [&](CLI::App* one) {
    one->add_option("--from", arguments->from, "2026-01-31T12:00:00Z, seconds since 1970, or an age: 5m");
    one->add_option("--to", arguments->to, "The first time that is not part of it");
  };
  add_form(add("list", "Cameras and what is stored of them; with --camera its segments", list), "table");
  CLI::App* last = add("tail", "The newest frames that reached the disk", tail);
  last->add_option("-n,--lines", arguments->lines, "How many")->capture_default_str()->check(CLI::Range(0, 10'000));
  last->add_flag("-f,--follow", arguments->follow, "Go on with those that come");
  add_form(last, "text");
  CLI::App* out = add("export", "Write frames as an MP4 or a folder of JPEGs", run_export);
  add_times(out);
  out->add_option("--quality", arguments->quality, "Of JPEGs, where the frames are kept in another form")
      ->capture_default_str()
      ->check(CLI::Range(1, 100));
  out->add_option("out", arguments->out, "OUT.mp4, or a folder")->required();
  CLI::App* again = add("replay", "Hand frames on in their own rhythm", run_replay);
  add_times(again);
  again->add_option("--speed", arguments->speed, "2: twice as fast; 0: flat out")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  add_form(again, "text");
  again->add_option("out", arguments->out, "A folder for the frames, or - for a pipe; a line a frame when absent");
  add("verify", "Check every byte", verify);
  add("reseal", "Seal segments again with the first key", reseal);
  CLI::App* key = command->add_subcommand("key", "Make a secret key that segments are sealed with");
  key->add_option("file", arguments->out, "Where to write it, readable by its owner only")->required();
  key->final_callback([arguments] { fl::make_segment_key_file(arguments->out); });
}

}  // namespace vedette::cli
