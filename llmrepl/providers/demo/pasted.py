"""Runs the code blocks in a message: ```python and ```bash fences, or `code` after "run"."""

from __future__ import annotations

import re

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.skill import Block, Steps, Told, explain, skill
from llmrepl.providers.demo.wording import code, fenced

MOST = 5
"""How many blocks of one message are run."""

LANGUAGES = {"python": "python", "py": "python", "python3": "python"} | dict.fromkeys(
    ("bash", "sh", "shell", "console"), "bash"
)

_FENCE = re.compile(r" {0,3}(?P<ticks>`{3,}|~{3,})[ \t]*(?P<language>[^\s`~]*)[^`]*")
_TAG = re.compile(r"^[ \t]*</?helpers\b.*$", re.MULTILINE | re.IGNORECASE)


def fences(text: str) -> list[tuple[str, str]]:
    """Return the language and the content of every fence in `text` that is closed."""
    found = []
    ticks, language, inside = "", "", [""]
    for line in text.split("\n"):
        opening = _FENCE.fullmatch(line)
        if not ticks and opening:
            ticks, language, inside = opening["ticks"], opening["language"].lower(), []
        elif ticks and opening and line.strip().strip(ticks[0]) == "" and ticks in line:
            found.append((language, "\n".join(inside)))
            ticks = ""
        else:
            inside.append(line)
    return found


def start(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps where the question has fences in a language that can run."""
    found = fences(turn.question)
    known = [(LANGUAGES[language], source) for language, source in found if language in LANGUAGES]
    if known:
        return steps(known[:MOST])
    others = [language for language, _ in found if language not in ("json", "csv")]
    if not others:
        return None
    marked = f"marked {code(others[0])}" if others[0] else "not marked"
    raise Told(f"I run code in fences that are marked `python` or `bash`, and this is {marked}.")


def start_inline(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps for code in backticks."""
    language = LANGUAGES.get((match["language"] or "bash").lower(), "bash")
    return steps([(language, match["code"])])


def steps(blocks: list[tuple[str, str]]) -> Steps:
    """Run each of `blocks`, which are pairs of language and code, until one fails."""
    said = []
    for place, (language, source) in enumerate(blocks, start=1):
        if _TAG.search(source):
            raise Told(
                "I do not run code in which a line is a `helpers` tag, because that tag would end"
                " the block early. Write the line in another way."
            )
        which = "it" if len(blocks) == 1 else f"block {place} of {len(blocks)}"
        result = yield Block(source, f"I'll run {which}.", language, may_fail=True)
        printed = "\n".join(filter(None, (result.stdout, result.streams.get("value"))))
        if not result.ok:
            said.append(explain(result))
        elif printed:
            said.append("It printed:" if result.stdout else "Its value is:")
        else:
            said.append("It ran and printed nothing.")
        if printed:
            said.append(fenced(printed))
        if not result.ok:
            break
    return "\n\n".join(said)


SKILLS = (
    skill(r"(?:```|~~~)", start),
    skill(
        r"""\A (?:run|execute|eval(?:uate)?) \s+ (?: (?:the|this|that|it) \s+ )?
            (?: (?P<language>bash|python|shell) \s+ )? (?:code|command|script|line)? [\s:]*
            (?<!`) ` (?P<code> [^`\n]+ ) ` (?!`) \Z""",
        start_inline,
        "run `uname -a`",
    ),
)
