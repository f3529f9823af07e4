#include "config/editor.h"

#include <initializer_list>

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

ItemPath split(std::string_view dotted) {
  ItemPath path;
  while (!dotted.empty()) {
    const size_t dot = dotted.find('.');
    path.emplace_back(dotted.substr(0, dot));
    dotted = dot == std::string_view::npos ? "" : dotted.substr(dot + 1);
  }
  return path;
}

std::string shown(const Edited& edited) {
  return edited ? *edited : "error: " + edited.error().what;
}

struct SetCase {
  const char* what;
  std::string_view text;
  const char* path;
  std::string_view value;
  std::string_view after;
};

void expect_set(std::initializer_list<SetCase> cases) {
  for (const SetCase& one : cases) {
    EXPECT_EQ(shown(set_value(one.text, split(one.path), one.value)), one.after) << one.what;
  }
}

TEST(SetValue, ReplacesAValueAndNothingElse) {
  expect_set({
      {"below a header", "# top\n[a]\n  x  =  1   # why\ny = 2\n", "a.x", "[1, 2]",
       "# top\n[a]\n  x  =  [1, 2]   # why\ny = 2\n"},
      {"of the root", "x=1#c\n[a]\nx = 2\n", "x", "'q'", "x='q'#c\n[a]\nx = 2\n"},
      {"in dotted keys", "[a]\nb . c = 1\nb.d = 2\n", "a.b.d", "3", "[a]\nb . c = 1\nb.d = 3\n"},
      {"with quotes around keys", "[\"a\".'b.c']\n\"x\\u0041\" = 1\n[z]\n", "a", "1",
       "error: `a` is a table of several rows, not a value"},
      {"in an inline table", "a = { x = 1 , y = { z = \"}\" } } # c\n", "a.y.z", "2",
       "a = { x = 1 , y = { z = 2 } } # c\n"},
      {"a value over lines", "[a]\nx = [ # one\n  1, # ]\n  2,\n] # two\ny = 1\n", "a.x", "5",
       "[a]\nx = 5 # two\ny = 1\n"},
      {"a string over lines", "x = \"\"\"a # \\\"\"\" b\n\"\"\"\" # c\n", "x", "5", "x = 5 # c\n"},
      {"a date with a blank", "x = 1979-05-27 07:32:00 # c\n", "x", "5", "x = 5 # c\n"},
      {"without an end of line", "x = 1", "x", "22", "x = 22"},
      {"with CRLF", "x = 1\r\ny = 2 # c\r\n", "x", "[\n1]", "x = [\r\n1]\r\ny = 2 # c\r\n"},
      {"with a byte order mark", "\xEF\xBB\xBFx = 1\n", "x", "2", "\xEF\xBB\xBFx = 2\n"},
      {"the header of a super table behind", "[a.b]\nx = 1\n[c]\n[a]\nx = 2\n", "a.x", "3",
       "[a.b]\nx = 1\n[c]\n[a]\nx = 3\n"},
  });
}

TEST(SetValue, PutsANewKeyBelowTheLastOneOfItsTable) {
  expect_set({
      {"with its indentation", "[a]\n\tx = 1 # c\n# y = 2\n\n[b]\nx = 1\n", "a.z", "true",
       "[a]\n\tx = 1 # c\n\tz = true\n# y = 2\n\n[b]\nx = 1\n"},
      {"into an empty table", "[a] # c\n\n[b]\n", "a.z", "1", "[a] # c\nz = 1\n\n[b]\n"},
      {"at the end without an end of line", "[a]\nx = 1", "a.z", "1", "[a]\nx = 1\nz = 1"},
      {"behind a header without an end of line", "[a]", "a.z", "1", "[a]\nz = 1"},
      {"with CRLF", "[a]\r\nx = 1\r\n", "a.z", "1", "[a]\r\nx = 1\r\nz = 1\r\n"},
      {"not below tables of the table", "[a]\nx = 1\n[a.b]\ny = 1\n", "a.z", "1",
       "[a]\nx = 1\nz = 1\n[a.b]\ny = 1\n"},
      {"into dotted keys", "[a]\nb.x = 1\nc = 1\n", "a.b.z", "1", "[a]\nb.x = 1\nb.z = 1\nc = 1\n"},
      {"deeper into dotted keys", "a.b.x = 1\n", "a.b.c.z", "1", "a.b.x = 1\na.b.c.z = 1\n"},
      {"into an inline table", "a = {x = 1}\n", "a.z", "1", "a = {x = 1, z = 1}\n"},
      {"into an empty inline table", "a = {}\n", "a.z.y", "1", "a = { z.y = 1 }\n"},
      {"with a key to be quoted", "[a]\n", "a.x y\"", "1", "[a]\n\"x y\\\"\" = 1\n"},
      {"into the root", "x = 1\n\n[a]\n", "z", "1", "x = 1\nz = 1\n\n[a]\n"},
      {"into a root without keys", "# file\n\n# a\n[a]\n", "z", "1",
       "# file\n\nz = 1\n\n# a\n[a]\n"},
      {"into nothing", "", "z", "1", "z = 1\n"},
      {"into a comment", "# c", "z", "1", "# c\nz = 1\n"},
  });
}

TEST(SetValue, MakesTheTableThatIsMissing) {
  expect_set({
      {"at the end", "[b]\nx = 1\n", "a.z", "1", "[b]\nx = 1\n\n[a]\nz = 1\n"},
      {"in nothing", "", "a.z", "1", "[a]\nz = 1\n"},
      {"in nothing but a mark", "\xEF\xBB\xBF", "a.z", "1", "\xEF\xBB\xBF[a]\nz = 1\n"},
      {"at the end of what has no end", "[b]\nx = 1", "a.z", "1", "[b]\nx = 1\n\n[a]\nz = 1\n"},
      {"behind those of its kind", "[u.a]\nx = 1\n# y = 1\n\n# --- l ---\n\n[l.a]\nx = 1\n",
       "u.b.z", "1", "[u.a]\nx = 1\n# y = 1\n\n[u.b]\nz = 1\n\n# --- l ---\n\n[l.a]\nx = 1\n"},
      {"close to what follows", "[u.a]\n# l\n[l.a]\n", "u.b.z", "1",
       "[u.a]\n\n[u.b]\nz = 1\n\n# l\n[l.a]\n"},
      {"above what is below it", "[x]\n\n# b\n[a.b]\ny = 1\n", "a.z", "1",
       "[x]\n\n[a]\nz = 1\n\n# b\n[a.b]\ny = 1\n"},
      {"behind the table it is in", "[l.a]\nx = 1\n\n[l.b]\nx = 1\n", "l.a.h.z", "1",
       "[l.a]\nx = 1\n\n[l.a.h]\nz = 1\n\n[l.b]\nx = 1\n"},
      {"with CRLF", "[u.a]\r\nx = 1\r\n\r\n[l]\r\n", "u.b.z", "1",
       "[u.a]\r\nx = 1\r\n\r\n[u.b]\r\nz = 1\r\n\r\n[l]\r\n"},
  });
}

TEST(SetValue, RefusesWhatItCannotDo) {
  struct Case {
    std::string_view text;
    const char* path;
    std::string_view value;
    EditFault fault;
    const char* what;
  };

  for (const Case& one : std::initializer_list<Case>{
           {"x = \n", "x", "1", EditFault::broken_text, "not valid TOML"},
           {"x = 1\n", "x", "30s", EditFault::bad_input, "not valid TOML"},
           {"x = 1\n", "x", "", EditFault::bad_input, "not valid TOML"},
           {"x = 1\n", "x", "1\ny = 2", EditFault::bad_input, "not one TOML value"},
           {"x = 1\n", "x", "1\n[y]", EditFault::bad_input, "not one TOML value"},
           {"x = 1\n", "x", "1 # c", EditFault::bad_input, "not one TOML value"},
           {"x = 1\n", "x", "\n1", EditFault::bad_input, "not valid TOML"},
           {"x = 1\n", "x", "{ a = 1, a = 2 }", EditFault::bad_input, "not valid TOML"},
           {"x = 1\n", "", "1", EditFault::bad_input, "path of the item is empty"},
           {"x = 1\n", "x.y", "1", EditFault::conflict, "`x.y` cannot be set: `x` is no table"},
           {"a = { x = 1 }\n", "a.x.y", "1", EditFault::conflict, "cannot be set: `a"},
           {"a = { x.y = 1 }\n", "a.x", "1", EditFault::conflict, "a table of several rows"},
           {"a.x.y = 1\n", "a.x", "1", EditFault::conflict, "`a.x` is a table of several rows"},
           {"[a.x.y]\n", "a.x", "1", EditFault::conflict, "`a.x` is a table of several rows"},
           {"[[a]]\nx = 1\n", "a.x", "1", EditFault::conflict, "[[a]] is an array of tables"},
           {"[[a]]\n[a.b]\nx = 1\n", "a.b.x", "1", EditFault::conflict, "[[a]] is an array"},
           {"[[a]]\nx = 1\n", "a", "1", EditFault::conflict, "[[a]] is an array of tables"},
           {"a = [{ x = 1 }]\n", "a.x", "1", EditFault::conflict, "cannot be set: `a"}}) {
    const Edited edited = set_value(one.text, split(one.path), one.value);
    ASSERT_FALSE(edited) << one.text << "->\n" << *edited;
    EXPECT_EQ(edited.error().fault, one.fault) << one.text << edited.error().what;
    EXPECT_NE(edited.error().what.find(one.what), std::string::npos) << edited.error().what;
  }
}

TEST(SetValue, TellsWhereABrokenTextIsBroken) {
  const Edited edited = set_value("[a]\nx = 1\ny = 30s\n", split("a.x"), "2");
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().at.line, 3U);
  EXPECT_EQ(edited.error().hint, "did you mean \"30s\"?");
}

struct RemoveCase {
  const char* what;
  std::string_view text;
  const char* path;
  std::string_view after;
};

TEST(RemoveItem, TakesAKeyWithItsCommentsOut) {
  for (const RemoveCase& one : std::initializer_list<RemoveCase>{
           {"one of several", "[a]\nx = 1 # c\n# y\n# y too\ny = 2 # d\nz = 3\n", "a.y",
            "[a]\nx = 1 # c\nz = 3\n"},
           {"the only one", "[a]\nx = 1\n\n[b]\n", "a.x", "[a]\n\n[b]\n"},
           {"with blank lines around", "[a]\nx = 1\n\ny = 2\n\nz = 3\n", "a.y",
            "[a]\nx = 1\n\nz = 3\n"},
           {"not comments that stand apart", "[a]\n# c\n\ny = 2\nz = 3\n", "a.y",
            "[a]\n# c\n\nz = 3\n"},
           {"the last, without an end of line", "x = 1\ny = 2", "y", "x = 1\n"},
           {"behind a blank line at the end", "x = 1\n\ny = 2\n", "y", "x = 1\n"},
           {"a value over lines", "x = [\n1, # [\n]\ny = 2\n", "x", "y = 2\n"},
           {"of an inline table, first", "a = { x = 1, y = 2, z = 3 } # c\n", "a.x",
            "a = { y = 2, z = 3 } # c\n"},
           {"of an inline table, between", "a = { x = 1, y = 2, z = 3 }\n", "a.y",
            "a = { x = 1, z = 3 }\n"},
           {"of an inline table, last", "a = { x = 1, y = 2, z = 3 }\n", "a.z",
            "a = { x = 1, y = 2 }\n"},
           {"of an inline table, only one", "a = { x = 1 }\n", "a.x", "a = {}\n"},
           {"dotted in an inline table", "a = { x.p = 1, y = 2, x.q = 3, x.r = 4 }\n", "a.x",
            "a = { y = 2 }\n"},
           {"all dotted in an inline table", "a = { x.p = 1, x.q = 3 }\n", "a.x", "a = {}\n"},
           {"deep in an inline table", "a = { b = { x = 1, y = '}' } }\n", "a.b.y",
            "a = { b = { x = 1 } }\n"},
           {"dotted", "a.x = 1\na.y = 2\n", "a.x", "a.y = 2\n"},
           {"the last dotted one", "a.x = 1\nb = 2\n", "a.x", "b = 2\n"},
           {"with CRLF", "[a]\r\n# c\r\nx = 1\r\ny = 2\r\n", "a.x", "[a]\r\ny = 2\r\n"}}) {
    EXPECT_EQ(shown(remove_item(one.text, split(one.path))), one.after) << one.what;
  }
}

TEST(RemoveItem, TakesATableWithAllBelowItOut) {
  for (const RemoveCase& one : std::initializer_list<RemoveCase>{
           {"between others",
            "[s.a]\nx = 1\n\n# web\n[s.web] # h\nx = 1\n\n# in it\n\ny = 2\n# z = 3\n\n# --- next "
            "---\n\n[l.a]\nx = 1\n",
            "s.web", "[s.a]\nx = 1\n\n# --- next ---\n\n[l.a]\nx = 1\n"},
           {"with tables of its own, all over the text",
            "[s.web.t]\nx = 1\n\n[l]\nx = 1\n\n[s.web]\nx = 1\n\n[s.other]\nx = 1\n\n[s.web.u]\n",
            "s.web", "[l]\nx = 1\n\n[s.other]\nx = 1\n"},
           {"the first", "[a]\nx = 1\n\n\n[b]\nx = 1\n", "a", "[b]\nx = 1\n"},
           {"below the comment of the file", "# file\n\n# a\n[a]\nx = 1\n\n[b]\n", "a",
            "# file\n\n[b]\n"},
           {"the last", "[b]\nx = 1\n\n[a]\nx = 1\n", "a", "[b]\nx = 1\n"},
           {"the only one", "[a]\nx = 1\n", "a", ""},
           {"not the comment of the next one", "[a]\nx = 1\n# b\n[b]\n", "a", "# b\n[b]\n"},
           {"close to the one above", "[b]\nx = 1\n[a]\ny = 1\n\n[c]\n", "a",
            "[b]\nx = 1\n\n[c]\n"},
           {"dotted", "a.x.p = 1\na.y = 1\na.x.q = 1\n", "a.x", "a.y = 1\n"},
           {"dotted and by header", "[a]\nx.p = 1\n[a.x.q]\nz = 1\n", "a.x", "[a]\n"},
           {"inline", "[a]\nx = { y = 1 } # c\n", "a.x", "[a]\n"},
           {"an array of tables", "[[a]]\nx = 1\n\n[a.b]\ny = 1\n\n[c]\n\n[[a]]\nx = 2\n", "a",
            "[c]\n"},
           {"a category", "[u.a]\n[u.b]\n[l.a]\n", "u", "[l.a]\n"}}) {
    EXPECT_EQ(shown(remove_item(one.text, split(one.path))), one.after) << one.what;
  }
}

TEST(RemoveItem, SaysWhatIsNotThere) {
  for (const RemoveCase& one : std::initializer_list<RemoveCase>{
           {"", "[a]\nx = 1\n", "a.y", "error: there is no `a.y`"},
           {"", "[a]\nx = { y = 1 }\n", "a.x.z", "error: there is no `a.x.z`"},
           {"", "[a]\nx = 1\n", "a.x.z", "error: there is no `a.x.z`"},
           {"", "", "a b", "error: there is no `\"a b\"`"},
           {"", "[[a]]\nx = 1\n", "a.x",
            "error: [[a]] is an array of tables: its items cannot be changed one by one"}}) {
    EXPECT_EQ(shown(remove_item(one.text, split(one.path))), one.after);
  }
}

struct PutCase {
  const char* what;
  std::string_view text;
  const char* path;
  std::string_view body;
  std::string_view after;
};

void expect_put(Comments comments, std::initializer_list<PutCase> cases) {
  for (const PutCase& one : cases) {
    EXPECT_EQ(shown(put_table(one.text, split(one.path), one.body, comments)), one.after)
        << one.what;
  }
}

constexpr std::string_view kWeb =
    "# web\n[u.web] # h\n# where\naddrs = ['a:1',  # one\n  'b:2']\ntimeout = \"5s\"   # long\n"
    "# off = 1\n\n[u.web.health]\npath = \"/\" # p\n\n# other\n[u.other]\nx = 1\n";

TEST(PutTable, KeepsCommentsAndTheTextOfWhatDidNotChange) {
  expect_put(
      Comments::kept,
      {{"nothing changes", kWeb, "u.web",
        "timeout = \"5s\"\naddrs = [\"a:1\", \"b:2\"]\nhealth = { path = \"/\" }\n", kWeb},
       {"one value, one new, one gone", kWeb, "u.web",
        "addrs = [\"a:1\", \"b:2\"]\nretries = 3\nhealth.path = \"/h\"\n",
        "# web\n[u.web] # h\n# where\naddrs = ['a:1',  # one\n  'b:2']\nretries = 3\n# off = 1\n\n"
        "[u.web.health]\npath = \"/h\" # p\n\n# other\n[u.other]\nx = 1\n"},
       {"a table more", kWeb, "u.other", "x = 1\n[health]\ny = 2\n[empty]\n",
        std::string(kWeb) + "\n[u.other.health]\ny = 2\n\n[u.other.empty]\n"},
       {"a value for a table", "[a]\nx = 1\n[a.b]\ny = 1\n", "a", "x = 1\nb = 2\n",
        "[a]\nx = 1\nb = 2\n"},
       {"a table for a value", "[a]\nx = 1\nb = 2 # c\n", "a", "x = 1\n[b]\ny = 1\n",
        "[a]\nx = 1\n\n[a.b]\ny = 1\n"},
       {"in an inline table", "a = { x = 1, y = 2 } # c\n", "a", "y = 2\nz = 3\n",
        "a = { y = 2, z = 3 } # c\n"},
       {"in dotted keys", "a.x = 1 # c\na.y = 2\n", "a", "x = 1\nz = 3\n",
        "a.x = 1 # c\na.z = 3\n"},
       {"a new item", "[u.a]\nx = 1\n\n# l\n[l.a]\n", "u.b", "\n# c\nx = 1\n",
        "[u.a]\nx = 1\n\n[u.b]\n# c\nx = 1\n\n# l\n[l.a]\n"},
       {"an array of tables", "[a]\nx = 1 # c\n", "a", "x = 1\n[[b]]\ny = 1\n",
        "[a]\nx = 1\n[[a.b]]\ny = 1\n"}});
}

TEST(PutTable, TakesTheBodyAsItIs) {
  expect_put(
      Comments::replaced,
      {{"a whole item", kWeb, "u.web",
        "\n\n# new\naddrs = [ \"c:3\" ]# c\n\n  # h\n  [health] # d\n  y = 1\n\n",
        "# web\n[u.web] # h\n# new\naddrs = [ \"c:3\" ]# c\n\n  # h\n  [u.web.health] # d\n  y = "
        "1\n\n# other\n[u.other]\nx = 1\n"},
       {"nothing", kWeb, "u.web", "", "# web\n[u.web] # h\n\n# other\n[u.other]\nx = 1\n"},
       {"the last item", "[a]\nx = 1", "a", "y = 2", "[a]\ny = 2\n"},
       {"a header at the end", "[a]", "a", "y = 2", "[a]\ny = 2\n"},
       {"other ends of lines", "[a]\r\nx = 1\r\n\r\n[b]\r\n", "a", "y = '''\nz'''\n",
        "[a]\r\ny = '''\r\nz'''\r\n\r\n[b]\r\n"},
       {"where it was dotted", "a.x = 1\nb = 1\n", "a", "# c\ny = 2\n",
        "b = 1\n\n[a]\n# c\ny = 2\n"},
       {"where there were only tables below it", "[l]\n\n[u.a.h]\nx = 1\n", "u.a", "y = 1\n",
        "[l]\n\n[u.a]\ny = 1\n"},
       {"quoted names", "[u.\"a b\"]\nx = 1\n", "u.a b", "[\"c d\"]\ny = 1\n",
        "[u.\"a b\"]\n[u.\"a b\".\"c d\"]\ny = 1\n"}});
}

TEST(PutTable, RefusesWhatItCannotDo) {
  expect_put(
      Comments::replaced,
      {{"", "a = { x = { y = 1 } }\n", "a.x", "y = 2\n",
        "error: this cannot be changed without changing something else (not valid TOML "
        "(table header): cannot insert 'a.x' into existing inline table)"},
       {"", "a = 1\n", "a.x", "y = 2\n", "error: something on the way to the item is not a table"},
       {"", "[a]\n", "a", "x = 30s\n",
        "error: not valid TOML (decimal integer): expected digit, saw 's'"}});
  const Edited edited = put_table("[a]\n", split("a"), "x = 1\ny = 30s\n", Comments::kept);
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().fault, EditFault::bad_input);
  EXPECT_EQ(edited.error().at.line, 2U);
}

TEST(RenameItem, ChangesTheNameWhereverItStands) {
  struct Case {
    std::string_view text;
    const char* path;
    const char* name;
    std::string_view after;
  };

  for (const Case& one : std::initializer_list<Case>{
           {"# c\n[ s . web ] # h\nx = 1\n[s.web.t]\n[s.webb]\n[[s.web.u]]\n[[s.web.u]]\n", "s.web",
            "new", "# c\n[ s . new ] # h\nx = 1\n[s.new.t]\n[s.webb]\n[[s.new.u]]\n[[s.new.u]]\n"},
           {"[s]\nweb.x = 1\nweb.y = 2\n[s.web.z]\n", "s.web", "a b",
            "[s]\n\"a b\".x = 1\n\"a b\".y = 2\n[s.\"a b\".z]\n"},
           {"s = { web = { x = 1 }, y.web = 1 } # c\n", "s.web", "n",
            "s = { n = { x = 1 }, y.web = 1 } # c\n"},
           {"s = { web.x = 1, web.y = 1 }\n", "s.web", "n", "s = { n.x = 1, n.y = 1 }\n"},
           {"[s.\"we\\u0062\"]\n", "s.web", "\xC3\xA4", "[s.\"\xC3\xA4\"]\n"},
           {"[a]\nx = 1 # c\n", "a.x", "y", "[a]\ny = 1 # c\n"},
           {"[a]\nx = 1\n", "a", "a", "[a]\nx = 1\n"},
           {"[a]\n[b]\n", "a", "b", "error: there is a `b` already"},
           {"[a]\n", "c", "d", "error: there is no `c`"},
           {"[a]\nx = { y = 1 }\n", "a.x.z", "d", "error: there is no `a.x.z`"},
           {"[[a]]\nx = 1\n", "a.x", "d",
            "error: [[a]] is an array of tables: its items cannot be changed one by one"}}) {
    EXPECT_EQ(shown(rename_item(one.text, split(one.path), one.name)), one.after);
  }
}

TEST(TableBody, IsWhatPutTableTakes) {
  EXPECT_EQ(shown(table_body(kWeb, split("u.web"))),
            "# where\naddrs = ['a:1',  # one\n  'b:2']\ntimeout = \"5s\"   # long\n# off = 1\n\n"
            "[health]\npath = \"/\" # p\n");
  EXPECT_EQ(shown(table_body("[a]", split("a"))), "");
  EXPECT_EQ(shown(table_body("[a.b]\nx = 1\n[[a.c]] # c\nx = 1", split("a"))),
            "error: `a` is not written below a header");
  EXPECT_EQ(shown(table_body("[a]\n[[ a . c ]] # c\nx = 1", split("a"))), "[[ c ]] # c\nx = 1\n");
  EXPECT_EQ(shown(table_body("a.x = 1\n", split("a"))), "error: `a` is not written below a header");
  EXPECT_EQ(shown(table_body("", split("a"))), "error: there is no `a`");
  const auto body = table_body(kWeb, split("u.web"));
  EXPECT_EQ(shown(put_table(kWeb, split("u.web"), *body, Comments::replaced)), kWeb);
}

TEST(FindText, PicksTheTextOfAnItem) {
  const std::vector<Text> texts = {{"basic.toml", "[basic]\nthreads = 1\n"},
                                   {"u.toml", "[upstreams.a]\n[upstreams.b]\n"},
                                   {"u2.toml", "[upstreams.c]\n"},
                                   {"l.toml", "[locations.a]\n"}};

  struct Case {
    const char* path;
    size_t index;
    bool found;
  };

  for (const Case& one :
       {Case{"upstreams.b", 1, true}, Case{"upstreams.c", 2, true}, Case{"upstreams.new", 1, false},
        Case{"locations.a.health", 3, false}, Case{"basic.threads", 0, true},
        Case{"basic.name", 0, false}, Case{"servers.a", 3, false}}) {
    const auto found = find_text(texts, split(one.path));
    ASSERT_TRUE(found) << one.path;
    EXPECT_EQ(found->index, one.index) << one.path;
    EXPECT_EQ(found->found, one.found) << one.path;
  }
  const auto none = find_text({}, split("a"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().fault, EditFault::not_found);
  const std::vector<Text> broken = {{"a.toml", "x = \n"}};
  const auto error = find_text(broken, split("x"));
  ASSERT_FALSE(error);
  EXPECT_TRUE(error.error().what.starts_with("a.toml: not valid TOML")) << error.error().what;
}

TEST(TomlWrite, RendersWhatIsReadAgain) {
  const std::string text = "a\"\\\n\t\r\b\f\x01\x7F # \xC3\xA4";
  EXPECT_EQ(toml_string(text), "\"a\\\"\\\\\\n\\t\\r\\b\\f\\u0001\\u007F # \xC3\xA4\"");
  EXPECT_EQ(toml_integer(-5), "-5");
  EXPECT_EQ(toml_boolean(true), "true");
  EXPECT_EQ(toml_strings({}), "[]");
  const std::vector<std::string> items = {"a", "b\""};
  EXPECT_EQ(toml_strings(items), "[\"a\", \"b\\\"\"]");
  EXPECT_EQ(toml_key("a-B_9"), "a-B_9");
  EXPECT_EQ(toml_key(""), "\"\"");
  EXPECT_EQ(toml_key("a.b"), "\"a.b\"");
  Diagnostics diagnostics;
  const Value tree = read_toml("x = " + toml_string(text), 0, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(tree.members[0].value.text, text);
}

}  // namespace
}  // namespace pingap::config
