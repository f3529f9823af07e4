// The lines that a formatter makes, and where the comments at their ends go. Inside of this folder.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/toml_layout.h"

namespace pingap::config {

class FormatLines {
 public:
  // Whether nothing was written yet.
  bool empty() const noexcept { return lines_.empty() && line_.blank(); }

  // Adds to the line; a string may have ends of lines in it.
  void add(std::string_view text) { line_.text += text; }

  // The comment of the line. `text` is all of the old text, for the column it stood in; it must
  // live until render().
  void comment(std::string_view text, Span span);

  // Ends the line, which may be blank.
  void end();

  // All lines. Comments that stood in one column beside each other do so again.
  std::string render();

 private:
  struct Line {
    std::string text;
    std::string_view comment;
    size_t column = 0;  // of the comment

    bool blank() const noexcept { return text.empty() && comment.empty(); }

    bool ends_with_comment() const noexcept {
      return !comment.empty() && text.find_first_not_of(' ') != std::string::npos;
    }
  };

  void align_block(size_t begin, size_t end);
  void align(const std::vector<size_t>& run, size_t begin, size_t end);
  bool is_in_comment(size_t begin, size_t end, size_t column) const noexcept;

  std::vector<Line> lines_;
  Line line_;
};

}  // namespace pingap::config
