#include "config/formatter.h"

#include <fstream>
#include <initializer_list>
#include <iterator>

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

struct Case {
  const char* what;
  std::string_view text;
  std::string_view after;
};

std::string formatted(std::string_view text) {
  const Edited edited = format_toml(text);
  return edited ? *edited : "error: " + edited.error().what;
}

void expect(std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    const std::string after = formatted(one.text);
    EXPECT_EQ(after, one.after) << one.what;
    EXPECT_EQ(formatted(after), after) << one.what << ", again";
  }
}

TEST(FormatToml, PutsOneBlankLineBetweenTables) {
  expect({
      {"nothing", "", ""},
      {"blanks", " \n\t\n", ""},
      {"only a comment", "\n\n#c  ", "#c\n"},
      {"none, too many, at both ends", "\n\n[a]\n\n\nx=1\n[b]\n[c]\n\n\n\n[d]\ny=1\n\n\n",
       "[a]\nx = 1\n\n[b]\n\n[c]\n\n[d]\ny = 1\n"},
      {"above the comment of the next one", "[a]\nx = 1\n# b\n# b\n[b]\n",
       "[a]\nx = 1\n\n# b\n# b\n[b]\n"},
      {"a comment that stands apart", "[a]\n\n# c\n\n\n\n[b]\n", "[a]\n\n# c\n\n[b]\n"},
      {"between keys as written, but one", "x = 1\n\n\n# c\n\ny = 1\nz = 1\n",
       "x = 1\n\n# c\n\ny = 1\nz = 1\n"},
      {"below a header", "[a]\n# c\n\nx = 1\n", "[a]\n# c\n\nx = 1\n"},
      {"arrays of tables", "[[a]]\nx=1\n[[a]]\nx=2\n[a.b]\n",
       "[[a]]\nx = 1\n\n[[a]]\nx = 2\n\n[a.b]\n"},
  });
}

TEST(FormatToml, SpacesKeysAndValues) {
  expect({
      {"equals", "a=1\nb  =\t2\n", "a = 1\nb = 2\n"},
      {"indentation", "  [a]\n\tx = 1\n   # c\n", "[a]\nx = 1\n# c\n"},
      {"dotted keys", "a . \"b c\" .'d'=1\n[ x . y ]\n[[ z ]]\n",
       "a.\"b c\".'d' = 1\n\n[x.y]\n\n[[z]]\n"},
      {"arrays", "a=[ 1,2 ,3 , ]\nb = [ ]\nc=[[1,2],[ ]]\n",
       "a = [1, 2, 3,]\nb = []\nc = [[1, 2], []]\n"},
      {"inline tables", "a={x=1,y . z=[1,2]}\nb={ }\nc=[{a=1},{b={c=1}}]\n",
       "a = { x = 1, y.z = [1, 2] }\nb = {}\nc = [{ a = 1 }, { b = { c = 1 } }]\n"},
      {"numbers and dates", "a=0xFF\nb=1_000\nc=1e3\nd=1979-05-27 07:32:00\ne=-inf\n",
       "a = 0xFF\nb = 1_000\nc = 1e3\nd = 1979-05-27 07:32:00\ne = -inf\n"},
      {"strings", "a='  x , = [ # '\nb=\"\\u0041 \\\"\"\nc=\"\"\"\n  x  \n\n\n  # y\"\"\"\"\n",
       "a = '  x , = [ # '\nb = \"\\u0041 \\\"\"\nc = \"\"\"\n  x  \n\n\n  # y\"\"\"\"\n"},
      {"ends of lines",
       "\xEF\xBB\xBF"
       "a=1\r\nb='''x\r\ny'''\r\n# c\r\n",
       "a = 1\nb = '''x\ny'''\n# c\n"},
      {"no end", "a=1", "a = 1\n"},
  });
}

TEST(FormatToml, IndentsArraysOverLines) {
  expect({
      {"one level", "a = [\n1,\n      2, 3\n]\n", "a = [\n  1,\n  2, 3\n]\n"},
      {"the first on the line of the bracket", "a = [ 1,\n2 ]\n", "a = [1,\n  2]\n"},
      {"comments", "a = [ # one\n# two\n1,# three\n2 # four\n# five\n, 3 ] # six\n",
       "a = [  # one\n  # two\n  1,  # three\n  2   # four\n  # five\n  , 3]  # six\n"},
      {"blank lines", "a = [\n\n1,\n\n\n\n2\n\n]\n", "a = [\n  1,\n\n  2\n]\n"},
      {"two levels", "a = [\n[\n1\n],\n[ 2,\n3 ]\n]\n",
       "a = [\n  [\n    1\n  ],\n  [2,\n    3]\n]\n"},
      {"brackets in one", "a = [{ x = [\n1\n] }, { y = 1 }]\n",
       "a = [{ x = [\n  1\n] }, { y = 1 }]\n"},
      {"strings over lines", "a = [\n  '''\n x\n''',\n'y' ]\n", "a = [\n  '''\n x\n''',\n  'y']\n"},
  });
}

TEST(FormatToml, PlacesCommentsAtTheEndsOfLines) {
  expect({
      {"alone", "a=1#c\nb = 22    # d\n[x]#e\n", "a = 1  #c\nb = 22  # d\n\n[x]  #e\n"},
      {"in one column", "a = 1      # c\n# x\nbb = 22    # d\nc = 3\nd = 4      # e\n",
       "a = 1      # c\n# x\nbb = 22    # d\nc = 3\nd = 4      # e\n"},
      {"in one column, too tight", "a=[1,2,3,4] # c\nb=1         # d\n",
       "a = [1, 2, 3, 4]  # c\nb = 1             # d\n"},
      {"beside keys that are commented out", "a = 1      # c\n# b = 22   # d\n# c = 22 # d\n",
       "a = 1      # c\n# b = 22   # d\n# c = 22 # d\n"},
      {"beside a comment elsewhere", "a = 1      # c\n# b = 22    # d\n",
       "a = 1  # c\n# b = 22    # d\n"},
      {"in one column without a blank", "a = 12# c\nb = 34# d\n", "a = 12  # c\nb = 34  # d\n"},
      {"with a blank line between", "a = 1    # c\n\nb = 1    # d\n", "a = 1  # c\n\nb = 1  # d\n"},
      {"two columns", "a = 1   # c\nb = 1   # d\nc = 1     # e\nd = 1     # f\n",
       "a = 1   # c\nb = 1   # d\nc = 1     # e\nd = 1     # f\n"},
      {"behind tabs", "a = 1\t# c\nbbb = 1\t\t# d\nc = 1 # e\n",
       "a = 1    # c\nbbb = 1  # d\nc = 1  # e\n"},
      {"behind letters of several bytes", "a = '\xC3\xA4'  # c\nb = 'x'  # d\n",
       "a = '\xC3\xA4'  # c\nb = 'x'  # d\n"},
      {"in an array", "a = [\n  1,   # c\n  22,  # d\n]\n", "a = [\n  1,   # c\n  22,  # d\n]\n"},
      {"behind a string over lines", "a = '''x\ny'''# c\n", "a = '''x\ny'''  # c\n"},
      {"blanks behind them", "# c \t \na = 1  # d  \n", "# c\na = 1  # d\n"},
  });
}

TEST(FormatToml, RefusesWhatIsNoToml) {
  const Edited edited = format_toml("[a]\nx = 1\ny = 30s\n");
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().fault, EditFault::broken_text);
  EXPECT_EQ(edited.error().at.line, 3U);
}

TEST(FormatToml, LeavesTheShippedFilesAsTheyAre) {
  for (const char* name : {"configs/example.toml", "configs/reference.toml"}) {
    std::ifstream in(std::string(PINGAP_SOURCE_DIR "/") + name, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    ASSERT_FALSE(text.empty()) << name;
    EXPECT_EQ(formatted(text), text) << name;
  }
}

}  // namespace
}  // namespace pingap::config
