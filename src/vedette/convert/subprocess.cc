#include "vedette/convert/subprocess.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgets that C++ reads it, too
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "vedette/base/error.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves the declaration to its users

namespace vedette::convert {
namespace {

constexpr size_t kErrorsKept = 4096;
constexpr std::chrono::milliseconds kTick{1000};

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw_errno(errno, "cannot make a pipe");
  Pipe pipe{Descriptor(fds[0]), Descriptor(fds[1])};
  if (::fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) throw_errno(errno, "cannot set up a pipe");
  return pipe;
}

/// A started program; killed and waited for unless it was seen to end.
class Child {
 public:
  Child(const std::vector<std::string>& arguments, const Pipe& out, const Pipe& err) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int failed = ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw_errno(failed, fmt::format("cannot start '{}'", arguments[0]));
    ended_ = Descriptor(::pidfd_open(pid_, 0));
    if (ended_.get() < 0) {
      const int why = errno;
      stop();
      throw_errno(why, fmt::format("cannot watch '{}'", arguments[0]));
    }
  }
  ~Child() { stop(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Readable once the program has ended.
  int ended() const { return ended_.get(); }

  /// Exit status of a program that ended or is ended now.
  int stop() {
    if (pid_ <= 0) return status_;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return status_;
  }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
  Descriptor ended_;
};

/// Reads what is there now; closes the descriptor at its end.
void drain(Descriptor& from, std::string& to, size_t most) {
  std::array<char, 65536> buffer;
  while (from.get() >= 0 && to.size() < most) {
    const ssize_t got = ::read(from.get(), buffer.data(), std::min(buffer.size(), most - to.size()));
    if (got > 0) {
      to.append(buffer.data(), static_cast<size_t>(got));
    } else if (got == 0) {
      from.reset();
    } else if (errno != EINTR) {
      if (errno != EAGAIN) from.reset();
      return;
    }
  }
}

void drain_errors(Descriptor& from, std::string& to) {
  std::string more;
  drain(from, more, size_t{1} << 20);
  to += more;
  if (to.size() > kErrorsKept) to.erase(0, to.size() - kErrorsKept);
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  VEDETTE_ASSERT(!arguments.empty());
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  Child child(arguments, out, err);
  out.write.reset();
  err.write.reset();

  ProcessResult result;
  const Clock& clock = Clock::system();
  const MonotonicTime start = clock.monotonic();
  // One byte more than allowed tells that there was more.
  const size_t most = options.most_output_bytes + 1;
  for (bool ended = false; !ended && !result.cut_short;) {
    std::array<pollfd, 3> watched{pollfd{out.read.get(), POLLIN, 0}, pollfd{err.read.get(), POLLIN, 0},
                                  pollfd{child.ended(), POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(start + options.deadline - clock.monotonic());
    const auto wait = std::clamp(left, std::chrono::milliseconds(0), kTick);
    if (::poll(watched.data(), watched.size(), static_cast<int>(wait.count())) < 0 && errno != EINTR)
      throw_errno(errno, "cannot wait for a program");
    ended = watched[2].revents != 0;
    drain(out.read, result.output, most);
    drain_errors(err.read, result.errors);
    result.cut_short = result.output.size() >= most;
    const Duration elapsed = clock.monotonic() - start;
    if (!ended && elapsed >= options.deadline) {
      throw Error(ErrorCode::kTimeout,
                  fmt::format("'{}' did not finish within {:.0f} s", arguments[0], to_seconds(options.deadline)));
    }
    if (!ended && options.tick) options.tick(elapsed);
  }
  if (result.cut_short) result.output.resize(options.most_output_bytes);
  result.status = child.stop();
  return result;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "vedette-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_errno(errno, fmt::format("cannot make the folder {}", name));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace vedette::convert
