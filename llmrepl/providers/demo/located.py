"""Getting at a file whose name may be inexact: read it, else find it, else say what is like it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from llmrepl.providers.demo.about import LIMITS
from llmrepl.providers.demo.names import Name
from llmrepl.providers.demo.results import Result
from llmrepl.providers.demo.skill import Block, Told, explain, program
from llmrepl.providers.demo.wording import code, names

PASSED_OVER = (".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache")
"""Folders that are not searched: what is in them is seldom meant."""

MOST_FILES = 20_000
"""How many files a search looks at."""

WALK = """
import os
def files(top):
    seen = 0
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(set(folders) - set(passed_over))
        for name in sorted(names):
            seen += 1
            if seen > most:
                return
            path = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(path):
                yield path
"""
"""Defines `files`, which goes through the files of a folder; its values are in `walking`."""

_SEARCH = """
import difflib
wanted = os.path.basename(name).lower()
def rank(path):
    base = os.path.basename(path).lower()
    same = base == wanted or base.rpartition(".")[0] == wanted
    return 0 if same else 1 if wanted in base else 2
found = list(files("."))
close = set(difflib.get_close_matches(wanted, {os.path.basename(p).lower() for p in found}, 5, 0.7))
near = [p for p in found if rank(p) < 2 or os.path.basename(p).lower() in close]
near.sort(key=lambda path: (rank(path), path.count(os.sep), path))
if os.path.exists(name):
    print("same:", repr(name))
for path in near[:20]:
    print("same:" if rank(path) == 0 else "near:", repr(path))
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that was got at: its path, what the program printed, and how it was found."""

    path: str
    result: Result
    note: str = ""


def walking() -> dict[str, object]:
    """Return the values `WALK` needs, for `program`."""
    return {"passed_over": list(PASSED_OVER), "most": MOST_FILES}


def with_file(name: Name, body: str, say: str, **values: object) -> Generator[Block, Result, Found]:
    """Run `body` with `path` set to the file that `name` means.

    An exact name is tried first and then searched for; any other is searched for at once.

    Raises:
        Told: there is no such file, or it cannot be used.
    """
    if not name.text:
        raise Told("Which file? Give its name, as in `read README.md`.")
    if name.exact:
        result = yield Block(program(body, path=name.text, **values), say, may_fail=True)
        if result.ok:
            return Found(name.text, result)
        if not result.complaint.startswith("FileNotFoundError"):
            raise Told(_refused(name.text, result))
    path = yield from _search(name)
    result = yield Block(program(body, path=path, **values), say, may_fail=True)
    if not result.ok:
        raise Told(_refused(path, result))
    return Found(path, result, "" if path == name.text else f" (I took it for {code(name.text)})")


def _search(name: Name) -> Generator[Block, Result, str]:
    """Return the path of the file that `name` most likely means."""
    source = f"{program('', name=name.text, **walking())}\n{WALK.strip()}\n{_SEARCH.strip()}"
    say = (
        f"There is no {code(name.text)}; let me look for it."
        if name.exact
        else (f"Let me look for {code(name.text)}.")
    )
    result = yield Block(source, say)
    same = [path for kind, path in paths(result) if kind == "same"]
    near = [path for _, path in paths(result)]
    if same:
        return same[0]
    if len(near) == 1:
        return near[0]
    if near:
        raise Told(f"There is no {code(name.text)} here. What comes near it: {names(near)}.")
    told = f"There is no file {code(name.text)} here, and none with a name like it."
    raise Told(told if name.exact else f"{told} Did you mean something else? {LIMITS}")


def paths(result: Result) -> list[tuple[str, str]]:
    """Return the `word: 'path'` lines that a program printed, as pairs."""
    pairs = (line.partition(": ") for line in result.lines)
    return [(word, unquoted(path)) for word, colon, path in pairs if colon]


def unquoted(text: str) -> str:
    """Return the string that `text` is the repr of, or `text` where it is none."""
    import ast  # 10 ms, and only answers about files need it

    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, str) else text


def _refused(path: str, result: Result) -> str:
    if result.complaint.startswith("IsADirectoryError"):
        return (
            f"{code(path)} is a directory; `list files in {path}` shows what is in it."
            if (path.isprintable() and "`" not in path)
            else f"{code(path)} is a directory."
        )
    return explain(result)
