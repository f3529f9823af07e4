"""The byte notation of the vector tables: escapes and macros, expanded at load time.

    \\r \\n \\t \\xNN   bytes; a backslash before any other character is itself
    {V} {SMUG} ...   the macros below
    {a*65000}        that many `a`
    {32 x 0}         that many `0`
    {100 x 'X-i: y'} 100 times the quoted text; with a bare `i` in a header name: lines numbered
                     0..99, each ended by CRLF
"""

import re

MACROS = {
    "V": "HTTP/1.1\\r\\nHost: a.test\\r\\n",
    "SMUG": "GET /smug HTTP/1.1\\r\\nHost: a.test\\r\\n\\r\\n",
    "CHK": "5\\r\\nabcde\\r\\n0\\r\\n\\r\\n",
    "OK": "HTTP/1.1 200 OK\\r\\n",
    "CL2": "Content-Length: 2\\r\\n\\r\\nok",
}
_MACRO = re.compile(r"\{([A-Z0-9]+)\}")
_REPEAT = re.compile(r"\{(.)\*(\d+)\}|\{(\d+) x '([^']*)'\}|\{(\d+) x (.)\}")
_ESCAPE = re.compile(r"\\(r|n|t|x[0-9a-fA-F]{2})")
_NUMBERED = re.compile(r"^(X-?)i: ")


def expand(text):
    """Notation to bytes."""
    text = _MACRO.sub(lambda match: MACROS[match[1]], text)
    text = _REPEAT.sub(_repeat, text)
    return _ESCAPE.sub(_escape, text).encode("latin-1")


def _repeat(match):
    if match[1]:
        return match[1] * int(match[2])
    if match[5]:
        return match[6] * int(match[5])
    count, quoted = int(match[3]), match[4]
    if _NUMBERED.match(quoted):
        return "".join(_NUMBERED.sub(rf"\g<1>{number}: ", quoted) + "\\r\\n"
                       for number in range(count))
    return quoted * count


def _escape(match):
    code = match[1]
    if code[0] == "x":
        return chr(int(code[1:], 16))
    return {"r": "\r", "n": "\n", "t": "\t"}[code]
