"""What is in a file: showing it, its first or last lines, a summary, and its words."""

from __future__ import annotations

import re

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.located import unquoted, with_file
from llmrepl.providers.demo.names import Name, name_in
from llmrepl.providers.demo.skill import Steps, skill
from llmrepl.providers.demo.wording import code, count, fenced, listed, names

SHOWN_LINES = 40
"""How many lines of a file are shown where nobody asks for a number."""

MOST_LINES = 500
LARGEST = 2_000_000
"""Bytes of a file that are read."""

OPEN = """
with open(path, "rb") as file:
    content = file.read(largest)
if b"\\0" in content:
    raise ValueError("it is a binary file")
text = content.decode("utf-8", "replace")
lines = text.splitlines()
"""
"""Reads the file `path` into `text` and `lines`."""

HEADS = (
    ("heading", "heading", "headings"),
    ("defined", "function or class", "functions and classes"),
)
"""What a summary lists, and what one and several of them are called."""

_SHOW = """
print("lines:", len(lines))
print("\\n".join(lines[-number:] if last else lines[:number]))
"""

_SUMMARY = """
import ast, re
print("lines:", len(lines))
print("words:", len(text.split()))
print("characters:", len(text))
defined = []
if path.endswith(".py"):
    try:
        tree = ast.parse(text)
    except SyntaxError:
        tree = ast.parse("")
    kinds = {ast.FunctionDef: "", ast.AsyncFunctionDef: "", ast.ClassDef: "class "}
    defined = [kinds[type(node)] + node.name for node in tree.body if type(node) in kinds]
heads = [line.lstrip("#").strip() for line in lines if re.match(r"#{1,6} ", line)]
if path.endswith(".py"):
    heads = []
for kind, found in (("heading", heads), ("defined", defined)):
    print(f"{kind}s:", len(found))
    for name in found[:20]:
        print(f"{kind}:", repr(name))
for line in [line for line in lines if line.strip()][:3]:
    print("begins:", repr(line[:200]))
"""

_WORDS = """
import collections, re
words = re.findall(r"[^\\W\\d_]+(?:['’][^\\W\\d_]+)*", text.lower())
counts = collections.Counter(words)
print("words:", len(words))
print("different:", len(counts))
for word, times in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number]:
    print(f"{times}:", word)
"""


def start_show(match: re.Match[str], _: Turn) -> Steps | None:
    """Return the steps that show a file, where the words name one."""
    name = name_in(match["name"])
    if not name.exact and " " in name.text:
        return None
    return show(name, SHOWN_LINES, last=False)


def start_part(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps that show the first or last lines of a file."""
    usual = 1 if (match["lines"] or "").lower() == "line" else 10
    number = max(1, min(int(match["number"] or usual), MOST_LINES))
    last = match["which"].lower() in ("last", "tail")
    return show(name_in(match["name"]), number, last=last)


def show(name: Name, number: int, *, last: bool) -> Steps:
    """Show `number` lines of a file from its beginning, or its end."""
    body = f"{OPEN.strip()}\n{_SHOW.strip()}"
    found = yield from with_file(
        name, body, "Let me read it.", number=number, last=last, largest=LARGEST
    )
    total, _, content = found.result.stdout.partition("\n")
    lines = int(total.partition(": ")[2] or 0)
    which = "" if lines <= number else f", the {'last' if last else 'first'} {number} of them"
    head = f"{code(found.path)}{found.note} has {count(lines, 'line')}{which}"
    return f"{head}:\n\n{fenced(content)}" if content.strip() else f"{head}."


def start_summary(match: re.Match[str], _: Turn) -> Steps | None:
    """Return the steps that summarise a file."""
    name = name_in(match["name"])
    return None if name.is_here else summary(name)


def summary(name: Name) -> Steps:
    """Say how long a file is, what its headings or functions are, and how it begins."""
    body = f"{OPEN.strip()}\n{_SUMMARY.strip()}"
    found = yield from with_file(name, body, "Let me read it.", largest=LARGEST)
    facts = found.result.facts
    sizes = [
        count(int(facts[kind]), kind.removesuffix("s"))
        for kind in ("lines", "words", "characters")
        if facts.get(kind, "").isdecimal()
    ]
    told = [f"{code(found.path)}{found.note} has {listed(sizes)}."]
    for kind, noun, plural in HEADS:
        items = _all(found.result.lines, kind)
        if items:
            total = int(facts.get(f"{kind}s", len(items)))
            told.append(f"It has {count(total, noun, plural)}: {names(items, total)}.")
    begins = _all(found.result.lines, "begins")
    if begins:
        text = "\n".join(begins)
        told.append(
            f"It begins:\n\n{fenced(text)}\n\nThat is by counting; I do not understand text."
        )
    return " ".join(told[:1]) + "".join(f" {item}" for item in told[1:])


def _all(lines: list[str], kind: str) -> list[str]:
    start = f"{kind}: "
    return [unquoted(line.removeprefix(start)) for line in lines if line.startswith(start)]


def start_words(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps that count the words of a file."""
    number = int(match["number"] or 5)
    return words(name_in(match["name"]), max(1, min(number, 50)))


def words(name: Name, number: int) -> Steps:
    """Count a file's words and find the `number` most frequent."""
    body = f"{OPEN.strip()}\n{_WORDS.strip()}"
    found = yield from with_file(
        name, body, "Let me count its words.", number=number, largest=LARGEST
    )
    facts = found.result.facts
    pairs = (line.partition(": ") for line in found.result.lines)
    often = [f"{code(word)} ({times})" for times, _, word in pairs if times.isdecimal()]
    total, different = (int(facts.get(kind, "0")) for kind in ("words", "different"))
    told = (
        f"{code(found.path)}{found.note} has {count(total, 'word')}, {different} of them different."
    )
    return f"{told} Most frequent: {listed(often)}." if often else told


SKILLS = (
    skill(
        r"""\A (?: (?:what|which|show|list|count|how\s+many)\b .{0,20}? )?
            (?: \b (?:top|most|first) \s+ )? (?P<number>\d{1,3})? \s*
            (?: (?:most\s+)? (?:frequent|common|used) \s+ words?
              | words? (?:\s+(?:counts?|frequenc\w+))?
              | words?\s+(?:are|is) \b .{0,20}? (?:frequent|common|used) (?:\s+most|\s+often)? )
            (?: \s+ (?:are|is|there|does|do) )* \s+ (?:(?:in|of|from|for)\s+)?
            (?P<name> .+? ) (?: \s+ (?:have|has|contain) )? \Z""",
        start_words,
        "most frequent words in README.md",
    ),
    skill(
        r"""\A (?: (?:show|print|read|give|what(?:'?s|\s+are)) (?:\s+me)? \s+ )? (?:the\s+)?
            (?P<which>first|last|head|tail) \b
            (?: \s+ (?:-n?\s*)? (?P<number>\d{1,6}) )? (?:\s+(?P<lines>lines?))?
            (?:\s+(?:of|in|from|--))?
            \s+ (?P<name> .+ )""",
        start_part,
        "first 5 lines of README.md",
    ),
    skill(
        r"""\A (?:summari[sz]e|sum\s+up|describe|outline|what(?:'?s|\s+is)\s+(?=\S+\.\w)|about
                 |(?:give\s+(?:me\s+)?)?(?:a\s+|the\s+)?summary\s+of|how\s+(?:long|big)\s+is
                 |how\s+many\s+lines\s+(?:are\s+in|does|has|in|of)) \s+
            (?P<name> .+? ) (?: \s+ have | \s+ about )? \Z""",
        start_summary,
        "summarise README",
    ),
    skill(
        r"""\A (?:read|show|cat|print|display|open|view|type|what(?:'?s|\s+is)\s+in) (?:\s+me)?
            (?:\s+(?:the|contents?|of|file))* \s+ (?P<name> .+ )""",
        start_show,
        "read README.md",
    ),
)
