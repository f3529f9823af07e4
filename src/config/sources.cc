// Where texts come from: stdin, a file, a folder of files.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "config/loader.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

namespace fs = std::filesystem;

std::string reason(int error) {
  return std::generic_category().message(error);
}

// All of a descriptor, at most one byte more than is allowed; empty optional after an error.
bool read_all(int fd, std::string& out) {
  constexpr size_t kStep = 64 * 1024;
  while (out.size() <= kMaxConfigSize) {
    const size_t had = out.size();
    out.resize(had + kStep);
    const ssize_t got = ::read(fd, out.data() + had, kStep);
    out.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) {
      return true;
    }
    if (got < 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

class SourceReader {
 public:
  explicit SourceReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  std::vector<Text> run(const fs::path& path) {
    std::error_code error;
    if (path == "-") {
      add(STDIN_FILENO, "<stdin>", std::string(kWholePath));
    } else if (fs::is_directory(path, error)) {
      add_folder(path);
    } else {
      add_file(path, std::string(kWholePath));
    }
    return std::move(texts_);
  }

 private:
  void add(int fd, const std::string& name, std::string path) {
    Text text{name, {}, std::move(path)};
    if (!read_all(fd, text.text)) {
      diagnostics_.error({}, "cannot read " + quote_path(name) + ": " + reason(errno));
      return;
    }
    total_ += text.text.size();
    if (total_ > kMaxConfigSize) {
      diagnostics_.error({}, "the configuration is too large at " + quote_path(name),
                         "8 MiB in all");
      return;
    }
    texts_.push_back(std::move(text));
  }

  void add_file(const fs::path& path, std::string place) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat info{};
    if (fd < 0 || ::fstat(fd, &info) != 0) {
      const int error = errno;
      diagnostics_.error({}, "cannot open " + quote_path(path.native()) + ": " + reason(error));
    } else {
      warn_if_writable(path, info.st_mode);
      add(fd, path.native(), std::move(place));
    }
    if (fd >= 0) {
      ::close(fd);
    }
  }

  void add_folder(const fs::path& root) {
    std::error_code error;
    std::vector<fs::path> files;
    struct stat info{};
    if (::stat(root.c_str(), &info) == 0) {
      warn_if_writable(root, info.st_mode);
    }
    auto it = fs::recursive_directory_iterator(root, error);
    for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      visit(root, it, files);
    }
    if (error) {
      diagnostics_.error(
          {}, "cannot read folder " + quote_path(root.native()) + ": " + error.message());
    }
    if (files.empty() && !error) {
      diagnostics_.error({}, "there is no *.toml file in " + quote_path(root.native()));
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) {
      add_file(file, file.lexically_relative(root).generic_string());
    }
  }

  // Hidden names are skipped: editors and Kubernetes keep their copies there.
  void visit(const fs::path& root, fs::recursive_directory_iterator& it,
             std::vector<fs::path>& files) {
    const fs::path& path = it->path();
    std::error_code error;
    if (path.filename().native().starts_with('.')) {
      it.disable_recursion_pending();
      return;
    }
    if (path.extension() != ".toml" || it->is_directory(error)) {
      return;
    }
    if (!it->is_regular_file(error)) {
      diagnostics_.error({}, quote_path(path.native()) + " is not a regular file");
    } else if (!is_inside(root, path)) {
      diagnostics_.error({}, quote_path(path.native()) + " links to a file outside of the folder",
                         {}, "give that file with --config, or copy it");
    } else {
      files.push_back(path);
    }
  }

  // CF-03: what is configured is what lies in the folder.
  static bool is_inside(const fs::path& root, const fs::path& path) {
    std::error_code error;
    const fs::path folder = fs::canonical(root, error);
    const fs::path file = fs::canonical(path, error);
    const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
    return !error && end == folder.end();
  }

  void warn_if_writable(const fs::path& path, mode_t mode) {
    if ((mode & S_IWOTH) != 0 && (S_ISREG(mode) || (S_ISDIR(mode) && (mode & S_ISVTX) == 0))) {
      diagnostics_.warning({}, quote_path(path.native()) + " can be written by everyone", {},
                           "chmod o-w");
    }
  }

  Diagnostics& diagnostics_;
  std::vector<Text> texts_;
  size_t total_ = 0;
};

}  // namespace

std::vector<Text> read_sources(const fs::path& path, Diagnostics& diagnostics) {
  return SourceReader(diagnostics).run(path);
}

}  // namespace pingap::config
