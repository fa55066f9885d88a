"""Files that are made to cost more than they should: names and bytes. Each is refused, or taken, in little time and
little memory."""


def _laughs():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for letter in "bcdefghij":
        lines.append("%s: &%s [%s]" % (letter, letter, ", ".join(["*" + chr(ord(letter) - 1)] * 9)))
    return "\n".join(lines) + "\n"


def _projects(count, line):
    return "version: 3\nprojects:\n" + "".join("  - {%s}\n" % (line % {"i": i}) for i in range(count))


def files():
    brackets = 200000
    texts = {
        "open brackets": "[" * brackets,
        "open braces": "{" * brackets,
        "dashes": "- " * brackets,
        "question marks": "? " * brackets,
        "a text of 10 MiB": "a: \"" + "x" * (10 << 20) + "\"",
        "a word of a megabyte": "a: " + "x" * 1000000,
        "lines of a quoted text": "a: \"" + "x\n" * 400000 + "\"",
        "tabs": "a:\n" + "\t" * 900000,
        "line ends of another system": "# x\r\n" * 200000,
        "a byte order mark and comments": "\ufeff" + "# x\n" * 200000,
        "nine of nine of nine": _laughs(),
        "a ladder of aliases": "k0: &a0 [x]\n" + "".join("k%d: &a%d [*a%d]\n" % (i, i, i - 1) for i in range(1, 150)),
        "merges": "a: &a {" + ", ".join("k%d: 1" % i for i in range(200)) + "}\n" +
                  "".join("b%d: {<<: *a}\n" % i for i in range(120)),
        "keys that nobody knows": "".join("key%d: 1\n" % i for i in range(24000)),
        "tags": "".join("%%TAG !t%d! x\n" % i for i in range(60000)) + "--- a\n",
        "anchors": "".join("a%d: &a%d x\n" % (i, i) for i in range(40000)),
        "projects without a folder": _projects(12000, "name: p%(i)d"),
        "projects of one folder": _projects(5000, "dir: a"),
        "a chain of projects": _projects(5000, "dir: a, name: p%(i)d, depends_on: [p%(i)d]"),
        "dependencies that are not there": _projects(4000, "dir: a%(i)d, name: p%(i)d, depends_on: [q%(i)d]"),
        "environments that are not there": "environments: {" + ", ".join("e%d: {}" % i for i in range(200)) + "}\n" +
                                           _projects(4000, "dir: a%(i)d, environment: x%(i)d"),
        "patterns of projects": _projects(4000, "dir: '*a*b*c*/%(i)d*'"),
        "regular expressions": _projects(3000, "dir: a%(i)d, branch: '/((((a{1,99}){1,99}){1,99}){1,9}){1,9}/'"),
        "discovery of everything": "version: 3\ndiscover:\n" +
                                   "".join("  - {dirs: '*%da*a*a*a*a*a*a*/**/*a*a*a*'}\n" % i for i in range(100)),
        "steps": "version: 3\nworkflows: {w: {plan: {steps: [" + "init, " * 24000 + "init]}}}\n",
        "rules": "version: 3\nenvironments: {e: {approvals: [" +
                 ", ".join("{name: n%d, require: {count: 1}}" % i for i in range(8000)) + "]}}\n",
    }
    found = {name: text.encode() for name, text in texts.items()}
    found["NUL bytes"] = b"\0" * 1000000
    found["bytes that are no UTF-8"] = b"a: \xff\xfe" * 150000
    found["UTF-16"] = "version: 3\n".encode("utf-16") * 30000
    return found
