"""Files by name: what is here, finding by name or by what is inside, the largest, counting them."""

from __future__ import annotations

import re

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.located import WALK, paths, unquoted, walking
from llmrepl.providers.demo.names import name_in
from llmrepl.providers.demo.skill import Block, Steps, explain, program, shell_word, skill
from llmrepl.providers.demo.wording import code, count, listed, names, size

KINDS = {
    "python": "*.py",
    "markdown": "*.md",
    "javascript": "*.js",
    "typescript": "*.ts",
    "rust": "*.rs",
    "go": "*.go",
    "c": "*.c",
    "java": "*.java",
    "shell": "*.sh",
    "text": "*.txt",
    "json": "*.json",
    "csv": "*.csv",
    "yaml": "*.yaml",
    "toml": "*.toml",
    "html": "*.html",
    "image": "*.png",
}
"""What kinds of files are called, and the names they have."""

_KIND = rf"(?P<kind>{'|'.join(sorted(KINDS, key=len, reverse=True))})"


def start_list(match: re.Match[str], _: Turn) -> Steps | None:
    """Return the steps that list a directory; the contents of a file are not for listing."""
    name = name_in(re.sub(r"\s+(?:folder|directory)\Z", "", match["name"] or ""))
    if name.exact and re.search(r"\bcontents?\b", match[0], re.IGNORECASE):
        return None
    return listing("." if name.is_here else name.text)


def listing(folder: str) -> Steps:
    """List the directory `folder`."""
    body = """
import os
for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
    kind = "directory:" if entry.is_dir() else "file:"
    print(kind, repr(entry.name), entry.stat(follow_symlinks=False).st_size)
"""
    result = yield Block(program(body, folder=folder), "Let me look.", may_fail=True)
    where = "here" if folder == "." else f"in {code(folder)}"
    if result.complaint.startswith("FileNotFoundError"):
        entries = yield Block(program(body, folder="."), "That is not there; let me see what is.")
        return f"There is no directory {code(folder)} here, but: {_entries(entries.lines)[0]}."
    if not result.ok:
        return explain(result)
    shown, files, folders, octets = _entries(result.lines)
    if not shown:
        return f"There is nothing {where}."
    counted = listed(
        [
            *([count(files, "file")] if files else []),
            *([count(folders, "directory", "directories")] if folders else []),
        ]
    )
    verb = "is" if files + folders == 1 else "are"
    amount = f", {size(octets)} in all" if files else ""
    return f"There {verb} {counted} {where}{amount}: {shown}."


def _entries(lines: list[str]) -> tuple[str, int, int, int]:
    """Return the names as a list, the numbers of files and directories, and the files' bytes."""
    found, files, folders, octets = [], 0, 0, 0
    for line in lines:
        kind, _, rest = line.partition(": ")
        quoted, _, amount = rest.rpartition(" ")
        if kind == "directory":
            folders += 1
            found.append(unquoted(quoted) + "/")
        elif kind == "file":
            files += 1
            found.append(unquoted(quoted))
            octets += int(amount) if amount.isdecimal() else 0
    return names(found), files, folders, octets


def start_find(match: re.Match[str], _: Turn) -> Steps | None:
    """Return the steps that find files by name."""
    name = name_in(match["name"])
    return None if name.is_here else finding(name.text)


def start_find_kind(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps that find the files of a kind."""
    return finding(KINDS[match["kind"].lower()])


def finding(pattern: str) -> Steps:
    """Find files whose name matches `pattern`, or holds it where it has no * or ?."""
    body = """
import fnmatch
glob = pattern if "*" in pattern or "?" in pattern else "*" + pattern + "*"
glob = glob.replace("[", "[[]").lower()
found = [path for path in files(".") if fnmatch.fnmatchcase(os.path.basename(path).lower(), glob)]
print("total:", len(found))
for path in found[:50]:
    print("file:", repr(path))
"""
    result = yield Block(_walk(body, pattern=pattern), "Let me look for that.")
    found = [path for kind, path in paths(result) if kind == "file"]
    total = int(result.facts.get("total", "0"))
    if not total:
        return f"There is no file here whose name has {code(pattern)} in it."
    return f"I found {count(total, 'file')}: {names(found, total)}."


def start_grep(match: re.Match[str], _: Turn) -> Steps | None:
    """Return the steps that find files by what is in them."""
    wanted = name_in(match["text"])
    return grepping(wanted.text) if wanted.text else None


def grepping(wanted: str) -> Steps:
    """Find files that hold the text `wanted`, without regard to case."""
    body = """
for path in files("."):
    try:
        with open(path, encoding="utf-8", errors="strict") as file:
            hits = [n for n, line in enumerate(file, 1) if wanted.lower() in line.lower()]
    except (OSError, UnicodeError):
        continue
    if hits:
        print(f"{len(hits)}/{hits[0]}:", repr(path))
"""
    result = yield Block(_walk(body, wanted=wanted), "Let me search the files.")
    places = ((*at.partition("/"), path) for at, path in paths(result))
    found = [(int(hits), int(first), path) for hits, slash, first, path in places if slash]
    if not found:
        return f"No text file here has {code(wanted)} in it."
    lines = sum(hits for hits, _, _ in found)
    first = names([f"{path}:{line}" for _, line, path in found])
    return (
        f"{code(wanted)} stands in {count(lines, 'line')} of {count(len(found), 'file')};"
        f" first at {first}."
    )


def start_largest(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps that find the largest files."""
    return largest(min(int(match["number"] or 5), 50))


def largest(number: int) -> Steps:
    """Find the `number` largest files."""
    body = """
sizes = sorted(((os.lstat(path).st_size, path) for path in files(".")), reverse=True)
print("total:", len(sizes))
for octets, path in sizes[:number]:
    print(f"{octets}:", repr(path))
"""
    result = yield Block(_walk(body, number=number), "Let me measure the files.")
    found = [(int(octets), path) for octets, path in paths(result) if octets.isdecimal()]
    if not found:
        return "There are no files here."
    first, *rest = [f"{code(path)} ({size(octets)})" for octets, path in found]
    return f"The largest file is {first}" + (f"; then come {listed(rest)}." if rest else ".")


def start_count_lines(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps that count the lines of all files of a kind."""
    return counting_lines(KINDS[match["kind"].lower()])


def counting_lines(glob: str) -> Steps:
    """Count the lines of the files whose names match `glob`."""
    word = shell_word(glob)
    source = (
        f"matching() {{ find . -name .git -prune -o -name {word} -type f -print0; }}\n"
        "matching | tr -cd '\\0' | wc -c\n"
        "matching | xargs -0 -r cat | wc -l"
    )
    result = yield Block(source, "I'll count them.", "bash")
    files, lines = (int(line) for line in [*result.lines, "0", "0"][:2])
    return (
        f"The {code(glob)} files here, {count(files, 'file')}, have {count(lines, 'line')} in all."
    )


def _walk(body: str, **values: object) -> str:
    return f"{program('', **values, **walking())}\n{WALK.strip()}\n{body.strip()}"


SKILLS = (
    skill(
        rf"\A how\s+many\s+lines \b .{{0,40}} \b {_KIND} \s+ (?:files|code|source)",
        start_count_lines,
        "how many lines do the Python files here have",
    ),
    skill(
        rf"""\A (?:find|list|show(?:\s+me)?|where\s+are|what|which|how\s+many) \b .{{0,20}}?
             \b {_KIND} \s+ (?:files?|scripts?)""",
        start_find_kind,
    ),
    skill(
        r"""\b (?P<number>\d{1,3})? \s* (?:largest|biggest|longest) \b .{0,20} \b files? \b
            | \b takes? \b .{0,20} \b (?:most|much) \b .{0,10} \b (?:space|room|disk)""",
        start_largest,
        "which are the 3 largest files",
    ),
    skill(
        r"""\A (?: (?:find|search|list|which|what) \b .{0,30}? \b files? .{0,20}?
                   \b (?:contain(?:s|ing)?|mention(?:s|ing)?|hav(?:e|ing)|with) (?:\s+the)?
                   (?:\s+(?:text|word|string))?
              | grep (?:\s+for)? | (?:search|look) \s+ for )
            \s+ (?P<text> .+?) (?: \s+ in \s+ (?:the\s+|all\s+|these\s+|my\s+)* files? )? \Z""",
        start_grep,
        "which files contain TODO",
    ),
    skill(
        r"""\A (?: ls (?:\s+-[a-z]+)? | dir
                 | (?:what|which|how\s+many) \s+ (?:files|things) \b .{0,20}?
                   \b (?:here|there|are|in)
                 | what(?:'?s|\s+is) \s+ (?:here|in (?=\s+(?:here|(?:the|this|my)\s|\.|\S+/)))
                 | (?:list|show)(?:\s+me)? \b (?:\s+(?:all|the|my|of))* \s+
                   (?:files|directory|folder|contents?|everything) )
            (?: \s+ (?:here|there|are|of|in
                       |(?:the|this|my|current|working)? \s* (?:directory|folder)) )*
            (?: \s+ (?P<name> .+ ) )? \Z""",
        start_list,
        "what files are here",
    ),
    skill(
        r"""\A (?:find|locate|where(?:'?s|\s+is|\s+are)) \s+ (?:all\s+|every\s+|me\s+|any\s+)*
            (?P<name> .+ )""",
        start_find,
        "find *.py",
    ),
)
