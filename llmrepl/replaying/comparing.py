"""Compares how a call ended with how the log says it did, field by field, as diffs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from llmrepl.events import ToolFinished
from llmrepl.parts import Output

ARTIFACTS = "/artifacts/"
SHOWN = 40
"""Lines of a diff that a person is shown."""

Normalise = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs: versions, status, exit_code, reason, a stream, artifacts or dropped.

    `diff` are the lines of a unified diff of the normalised texts, without line ends.
    """

    field: str
    recorded: str
    now: str

    @property
    def diff(self) -> list[str]:
        """A unified diff of the two."""
        before, after = self.recorded.splitlines(), self.now.splitlines()
        lines = list(difflib.unified_diff(before, after, "recorded", "now", lineterm="", n=2))
        return lines or [f"-{self.recorded!r}", f"+{self.now!r}"]  # they differ in line ends


def differences(
    recorded: ToolFinished, now: ToolFinished, then: Normalise, here: Normalise
) -> tuple[Difference, ...]:
    """Return what differs between two ends of the same call, the most telling first.

    Args:
        recorded: how it ended by the log.
        now: how it ended when it was run again.
        then: normalises the recorded texts.
        here: normalises the others.
    """
    before, after = dict(_fields(recorded, then)), dict(_fields(now, here))
    names = dict.fromkeys((*before, *after))
    return tuple(
        Difference(name, before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name, "") != after.get(name, "")
    )


@dataclass(slots=True)
class Versions:
    """Versions of Python and packages, as far as calls told them; each of the two runs has its own.

    A package is told by the call that imports it first, which need not be the same in both runs.
    """

    recorded: dict[str, str]
    now: dict[str, str]

    def take(self, recorded: Mapping[str, str], now: Mapping[str, str]) -> tuple[Difference, ...]:
        """Return how versions of packages differ that a call, in either run, told as the first."""
        self.recorded.update(recorded)
        self.now.update(now)
        fresh = [name for name in self.changed if name in recorded or name in now]
        names = [name for name in fresh if name != "python"]
        if not names:
            return ()
        before, after = (
            "\n".join(f"{name} {versions[name]}" for name in names)
            for versions in (self.recorded, self.now)
        )
        return (Difference("versions", before, after),)

    @property
    def changed(self) -> dict[str, tuple[str, str]]:
        """What has another version now: both by name."""
        return {
            name: (version, self.now[name])
            for name, version in sorted(self.recorded.items())
            if self.now.get(name, version) != version
        }


def _fields(event: ToolFinished, normalise: Normalise) -> Iterator[tuple[str, str]]:
    yield "status", event.status
    yield "exit_code", "" if event.exit_code is None else str(event.exit_code)
    texts: dict[str, str] = {}
    for part in event.parts:
        if isinstance(part, Output):
            texts[part.stream] = texts.get(part.stream, "") + part.text
    for stream, text in texts.items():
        yield stream, normalise(text)
    yield "reason", normalise(event.reason)
    yield "dropped", str(event.dropped_bytes or "")
    names = (path.rpartition(ARTIFACTS)[2] for path in event.artifacts)
    yield "artifacts", "\n".join(sorted(names))
