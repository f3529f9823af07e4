#include "plugin/condition.h"

#include <fmt/format.h>

#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

// Of `when = { path = ["..."] }`.
class Meant {
 public:
  explicit Meant(std::string_view path) {
    const std::string text =
        fmt::format("[plugins.p]\ntype = \"ping\"\n\n[plugins.p.when]\npath = [\"{}\"]\n", path);
    config::Diagnostics rest;  // that there is no server, and the like
    const config::Model model = config::load({{"t", text}}, rest);
    diagnostics_.add_source("t", text);
    config::Reader reader(diagnostics_);
    conditions_ = Conditions(model.plugins.at(0).conditions, reader);
  }

  std::string errors() const { return diagnostics_.render(); }

  bool holds(const std::string& target) const { return conditions_.hold(Asked(target).x); }

 private:
  config::Diagnostics diagnostics_;
  Conditions conditions_;
};

TEST(Condition, KnowsAPathInEverySpelling) {
  for (const auto& [path, target] : {std::pair{"/%61dmin", "/admin"},
                                     {"//two", "/two"},
                                     {"//two", "//two/x"},
                                     {"/%c3%a4", "/%C3%A4"},
                                     {"/%c3%a4", "/%c3%a4/x"},
                                     {"/ä", "/%C3%A4"},
                                     {"/x/../admin/", "/admin/y"},
                                     {"= /%61", "/a"},
                                     {"=/./a", "/a;x=1"}}) {
    const Meant meant(path);
    EXPECT_EQ(meant.errors(), "") << path;
    EXPECT_TRUE(meant.holds(target)) << path;
    EXPECT_FALSE(meant.holds("/other")) << path;
  }
  EXPECT_FALSE(Meant("= /%61").holds("/a/b"));
  EXPECT_FALSE(Meant("/admin").holds("/administrator"));
}

TEST(Condition, IsNotMadeOfAPathThatNoRequestHas) {
  for (const auto& [path, what] :
       {std::pair{"/a b", "path `/a b` is not the path of a URL"},
        {"/../a", "path `/../a` is not the path of a URL"},
        {"/%zz", "path `/%zz` is not the path of a URL"},
        {"= /a b", "path `/a b` is not the path of a URL"},
        {"/c;d", "path `/c;d`: parameters (`;`) and blanks at the end of a segment are not"},
        {"/c%20/d", "path `/c%20/d`: parameters (`;`) and blanks"},
        {"/a//b", R"(t:5:9: error: path `/a//b`: most servers make `//` one slash)"}}) {
    EXPECT_NE(Meant(path).errors().find(what), std::string::npos)
        << path << ": " << Meant(path).errors();
  }
}

}  // namespace
}  // namespace pingap::plugin
