"""Configurations that people and broken tools might write: a text with seeded faults in it."""

import random
import re

# Of every kind, of the wrong size, and of what is hardly a value.
VALUES = ("true", "-1", "0", "1", "99999999999999999999", "1e308", "nan", "''", "'x'", "'0s'",
          "'-5s'", "'99999d'", "'5 parsecs'", "'64TiB'", "[]", "[[]]", "[1, 'a']", "{}", "{a = 1}",
          "1979-05-27", "'${HOME}'", "'${'", "'${NONE:-}'", "'127.0.0.1:99999'", "'[::1'", "'~^('",
          "'unix:'", "'*'", "'/'", "'\\u0000'", "'../..'", "'off'", "'origin'", "\"\\uD800\"",
          "'" + "x" * 70000 + "'", "[" * 300 + "]" * 300, "[" + "1," * 3000 + "]")
SETTING = re.compile(r"^(\s*(?:# )?[a-z_0-9]+ = )(.*)$")


def settings(lines):
    """The places of `key = value`, those in comments too."""
    return [at for at, line in enumerate(lines) if SETTING.match(line)]


def other_value(rng, lines):
    at = rng.choice(settings(lines))
    lines[at] = SETTING.match(lines[at])[1].replace("# ", "") + rng.choice(VALUES)


def swap_values(rng, lines):
    one, other = (rng.choice(settings(lines)) for _ in range(2))
    first, second = SETTING.match(lines[one]), SETTING.match(lines[other])
    lines[one], lines[other] = first[1] + second[2], second[1] + first[2]


def uncomment(rng, lines):
    """What is only written down for people, for once."""
    for at in rng.sample(range(len(lines)), len(lines) // 4):
        if re.match(r"# ([a-z_0-9]+ = |\[)", lines[at]):
            lines[at] = lines[at][2:]


def duplicate(rng, lines):
    at = rng.randrange(len(lines))
    lines.insert(rng.randrange(len(lines)), lines[at])


def drop(rng, lines):
    at = rng.randrange(len(lines))
    del lines[at:at + rng.choice((1, 1, 1, 5, 20))]


def swap_lines(rng, lines):
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def rename(rng, lines):
    """A table becomes another one."""
    heads = [at for at, line in enumerate(lines) if line.startswith("[")]
    if heads:
        at = rng.choice(heads)
        lines[at] = rng.choice(("[x.y]", "[]", "[[servers]]", "[upstreams]", "[basic.x]",
                                "[locations.'a.b']", "[servers.\"\"]", lines[rng.choice(heads)]))


def cut(rng, lines):
    """The file ends too early."""
    text = "\n".join(lines)
    lines[:] = text[:rng.randrange(len(text) + 1)].split("\n")


def bite(rng, lines):
    """Characters are missing, or there are some that nobody wrote."""
    at = rng.randrange(len(lines))
    line = lines[at]
    place = rng.randrange(len(line) + 1)
    lines[at] = line[:place] + rng.choice(("", "\0", "\x1b", "\udcff", "\r", '"', "'", '"""', "]",
                                           "=", "é", "\u202e")) + line[place + rng.randrange(3):]


STEPS = (other_value, other_value, other_value, swap_values, swap_values, uncomment, duplicate,
         drop, swap_lines, rename, cut, bite)


def mutant(text, seed):
    """Always the same for the same seed: bytes, perhaps not UTF-8."""
    rng = random.Random(seed)
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 2, 3))):
        if len(lines) < 2 or not settings(lines):
            break
        rng.choice(STEPS)(rng, lines)
    return "\n".join(lines).encode("utf-8", "surrogateescape")
