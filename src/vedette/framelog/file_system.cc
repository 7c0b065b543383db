#include "vedette/framelog/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "vedette/base/error.h"

namespace vedette::framelog {
namespace {

/// An open file descriptor.
class File {
 public:
  File(const std::string& path, int flags, const char* verb) : path_(path) {
    do {
      fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    } while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) throw_errno(errno, fmt::format("cannot {} {}", verb, path));
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return fd_; }
  void sync() const {
    if (::fsync(fd_) != 0) throw_errno(errno, fmt::format("cannot write {}", path_));
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_ = -1;
};

class SystemFileWriter final : public FileWriter {
 public:
  explicit SystemFileWriter(const std::string& path) : file_(path, O_WRONLY | O_CREAT | O_TRUNC, "create") {}
  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(file_.get(), bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) throw_errno(errno, fmt::format("cannot write {}", file_.path()));
      bytes = bytes.subspan(static_cast<size_t>(wrote));
    }
  }
  void sync() override { file_.sync(); }

 private:
  File file_;
};

class SystemFiles final : public FileSystem {
 public:
  std::vector<FileInfo> list(const std::string& folder) override {
    std::vector<FileInfo> files;
    std::error_code fault;
    std::filesystem::directory_iterator entries(folder, fault);
    for (; !fault && entries != std::filesystem::directory_iterator(); entries.increment(fault)) {
      std::error_code gone;
      if (!entries->is_regular_file(gone)) continue;
      const uint64_t size = entries->file_size(gone);
      if (!gone) files.push_back({entries->path().filename().string(), size});
    }
    if (fault) throw_errno(fault.value(), fmt::format("cannot list {}", folder));
    return files;
  }
  void make_folder(const std::string& folder) override {
    std::error_code fault;
    if (std::filesystem::is_directory(folder, fault)) return;
    const auto above = std::filesystem::path(folder).lexically_normal().parent_path().string();
    if (!above.empty() && above != folder) make_folder(above);
    if (::mkdir(folder.c_str(), 0777) != 0) {
      const int cause = errno == EEXIST ? ENOTDIR : errno;
      if (!std::filesystem::is_directory(folder, fault)) {
        throw_errno(cause, fmt::format("cannot create the folder {}", folder));
      }
    }
    sync_folder(above.empty() ? "." : above);  // else what is kept in it may be gone with it
  }
  std::unique_ptr<FileWriter> create(const std::string& path) override {
    return std::make_unique<SystemFileWriter>(path);
  }
  void read(const std::string& path, uint64_t offset, std::span<std::byte> into) override {
    const File file(path, O_RDONLY, "read");
    while (!into.empty()) {
      const ssize_t got = ::pread(file.get(), into.data(), into.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno(errno, fmt::format("cannot read {}", path));
      if (got == 0) throw Error(ErrorCode::kInvalidData, fmt::format("{} ends before byte {}", path, offset));
      into = into.subspan(static_cast<size_t>(got));
      offset += static_cast<uint64_t>(got);
    }
  }
  uint64_t size_bytes(const std::string& path) override {
    struct stat about{};
    if (::stat(path.c_str(), &about) != 0) throw_errno(errno, fmt::format("cannot read {}", path));
    return static_cast<uint64_t>(about.st_size);
  }
  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) throw_errno(errno, fmt::format("cannot rename {} to {}", from, to));
  }
  void remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) throw_errno(errno, fmt::format("cannot remove {}", path));
  }
  void sync_folder(const std::string& folder) override { File(folder, O_RDONLY | O_DIRECTORY, "open").sync(); }
};

}  // namespace

FileSystem& FileSystem::system() {
  static SystemFiles files;
  return files;
}

}  // namespace vedette::framelog
