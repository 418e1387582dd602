"""Takes out of a text what differs between two runs of the same code: times, addresses, places.

Rules are a table. What stands for content, a checksum for one, is left alone: it must not differ.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmrepl.errors import ConfigError

DAY = 86_400
"""Seconds by which a number may be off the moment of a run and still be taken for the time."""

ACCEPTED = "accepted: [[rule]] tables with `pattern`, a regular expression, `replace` and `name`"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is replaced: every match of `pattern`, by `replace`, which may name its groups."""

    name: str
    pattern: re.Pattern[str]
    replace: str


_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_TABLE = (
    ("address", r"\b0x[0-9a-fA-F]{6,16}\b", "<address>"),
    ("uuid", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
    ("commit", r"\b(commit|index|HEAD is now at) [0-9a-f]{7,40}(\.\.[0-9a-f]{7,40})?", r"\1 <id>"),
    (
        "time",
        r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?( ?(Z|UTC|[+-]\d\d:?\d\d))?",
        "<time>",
    ),
    (
        "time",
        rf"\b(\w{{3}} )?({_MONTHS}) +\d\d? \d\d:\d\d(:\d\d)?( [AP]M)?( [A-Z]{{3,4}})?( \d{{4}})?\b",
        "<time>",
    ),
    ("time", r"\b\d\d:\d\d:\d\d([.,]\d+)?\b", "<time>"),
    ("duration", r"\b(\d+m)?\d+\.\d+(e-?\d+)? ?(ns|us|µs|ms|s|sec|secs|seconds)\b", "<duration>"),
    ("pid", r"\b(pid|PID|process)([ =:]+)\d+\b", r"\1\2<pid>"),
    ("pid", r"(\bline \d+: +)\d+(?= [A-Z])", r"\1<pid>"),  # as bash tells of a job that was killed
    (
        "temporary",
        r"(?<=/)(tmp[a-z0-9_]{8}|sed[a-zA-Z0-9]{6}|tmp\.[a-zA-Z0-9]{10})\b",
        "<temporary>",
    ),
)

RULES = tuple(Rule(name, re.compile(pattern), to) for name, pattern, to in _TABLE)
"""What is replaced in every session, in this order."""

_EPOCH = re.compile(r"\b\d{10}(\.\d+)?\b|\b\d{13}\b|\b\d{19}\b")
_SCALES = {10: 1, 13: 1_000, 19: 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a run was.

    `paths` are directories with what to call them instead; `at` is Unix time in milliseconds.
    """

    paths: Sequence[tuple[str, str]]
    at: int


def normaliser(place: Place, rules: Iterable[Rule] = RULES) -> Callable[[str], str]:
    """Return what takes out of a text what belongs to one run alone.

    Args:
        place: where and when that run was.
        rules: what is replaced besides; the person's own come before `RULES`.
    """
    literal = sorted(((old, new) for old, new in place.paths if old), key=lambda p: -len(p[0]))
    today = time.strftime("%Y-%m-%d", time.gmtime(place.at / 1000))
    table = tuple(rules)

    def epoch(match: re.Match[str]) -> str:
        digits = match[0].partition(".")[0]
        seconds = int(digits) / _SCALES[len(digits)]
        return "<time>" if abs(seconds - place.at / 1000) < DAY else match[0]

    def normalise(text: str) -> str:
        for old, new in literal:
            text = re.sub(re.escape(old) + r"(?![\w.-])", new, text)
        for rule in table:
            text = rule.pattern.sub(rule.replace, text)
        return _EPOCH.sub(epoch, text).replace(today, "<today>")

    return normalise


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Return the rules of a TOML file.

    Raises:
        ConfigError: it cannot be read or holds something that is not accepted.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"the rules {path} cannot be read: {why}", hint=ACCEPTED) from None
    rows = data.pop("rule", [])
    if data or not isinstance(rows, list) or not rows:
        what = f"the key {next(iter(data))}" if data else "no [[rule]]"
        raise ConfigError(f"the rules {path} hold {what}", hint=ACCEPTED)
    return tuple(_rule(row, f"rule {number} of {path}") for number, row in enumerate(rows, 1))


def _rule(row: Any, where: str) -> Rule:
    texts = isinstance(row, Mapping) and all(isinstance(value, str) for value in row.values())
    if not texts or not {"pattern"} <= row.keys() <= {"name", "pattern", "replace"}:
        raise ConfigError(f"{where} is {row!r}", hint=ACCEPTED)
    replace = row.get("replace", f"<{row.get('name', 'any')}>")
    try:
        pattern = re.compile(row["pattern"], re.MULTILINE)
        pattern.sub(replace, "")  # it names only groups that there are
    except (re.error, IndexError) as error:
        raise ConfigError(f"{where}: {error}", hint=ACCEPTED) from None
    return Rule(row.get("name", "any"), pattern, replace)
