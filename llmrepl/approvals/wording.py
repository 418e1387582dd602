"""Says touches in plain words, and shows what a block wrote so that it passes for nothing else.

A line break, a control character or a quote in a target is escaped: one sentence is one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llmrepl.approvals.touches import ELEVATED, KINDS, OPEN, PATTERN, Touch

LONGEST = 80
"""Characters of a target that are shown."""

MOST = 6
"""Targets that are named in one sentence; of dangers all are."""

_VERBS = {
    "delete": "deletes",
    "write": "writes",
    "network": "talks to",
    "execute": "starts",
    "read": "reads",
}
_NOWHERE = {
    "delete": "files",
    "write": "files",
    "network": "the network",
    "execute": "a program",
    "read": "files",
}
_PLAIN = re.compile(r"[\w@%+=:,./~$*?{}()\[\]!#^…-]+", re.ASCII)


def shown(text: str) -> str:
    """Return `text` on one line, quoted where it holds more than a plain word."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    if _PLAIN.fullmatch(text):
        return cut
    escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
    quote = '"' if "'" in escaped else "'"
    return f"{quote}{escaped}{quote}"


def sentence(touch: Touch) -> str:
    """Return what `touch` is in one line."""
    return _said([touch])


def sentences(touches: Iterable[Touch]) -> tuple[str, ...]:
    """Return each thing that is touched in one line, alike ones together, the worst first.

    A command whose effects are told by other touches is named only where it runs as another user.
    """
    groups: dict[tuple[object, ...], list[Touch]] = {}
    for touch in touches:
        if touch.kind == "execute" and touch.told and not touch.danger:
            continue
        alike = (not touch.danger, KINDS.index(touch.kind), touch.detail, touch.form, touch.whole)
        through = touch.command.through if touch.command and touch.kind == "execute" else ()
        groups.setdefault((*alike, through), []).append(touch)
    ordered = sorted(groups, key=lambda alike: (alike[0], alike[1]))
    return tuple(dict.fromkeys(_said(groups[alike]) for alike in ordered))


def _said(alike: Sequence[Touch]) -> str:
    first = alike[0]
    targets = dict.fromkeys(_target(touch) for touch in alike if touch.target)
    named = listed(list(targets), len(targets) if first.danger else MOST)
    if first.kind not in _VERBS:
        return f"{first.detail} {named}".strip()
    words = [_VERBS[first.kind], named or _NOWHERE[first.kind]]
    if first.whole:
        words.append("and everything in it" if len(targets) == 1 else "and everything in them")
    notes = [first.detail, _through(first)]
    if first.form == OPEN and first.target:
        notes.append("known only when it runs")
    told = ", ".join(filter(None, notes))
    return " ".join(words) + (f" ({told})" if told else "")


def _target(touch: Touch) -> str:
    folder = touch.whole and touch.form != PATTERN and not touch.target.endswith("/")
    return shown(touch.target + "/" if folder else touch.target)


def _through(touch: Touch) -> str:
    if touch.kind != "execute" or touch.command is None:
        return ""
    through = touch.command.through
    users = [f"as another user, with {name}" for name in through if name in ELEVATED]
    names = [shown(name[:-1]) for name in through if name.endswith("=")]
    return ", ".join(users + ([f"with {listed(names)} set"] if names else []))


def listed(names: Sequence[str], most: int = MOST) -> str:
    """Return `names` as a person lists them: "a, b and c", or "a, b and 5 more"."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
