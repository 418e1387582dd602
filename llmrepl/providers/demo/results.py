"""Reads the message that brings results back, as the context writes it.

Whatever is not in the expected form is passed over; nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

OPENING = "<results>"
NOTE = "Note: "
NOTED = "Note from llmrepl: "
TYPED = "The person ran this themselves"

_RESULT = re.compile(r"<result(?:\s[^>]*)?>\s*")
_ATTRIBUTE = re.compile(r'([a-z_]+)="([^"]*)"')
_STREAM = re.compile(r"([a-z]+)(?: \(.*\))?:\s*")
_FENCE = re.compile(r"(`{3,})\s*")


@dataclass(frozen=True, slots=True)
class Result:
    """How one block ended.

    `streams` has what it wrote by name (`stdout`, `stderr`, `value`, `error`), without the last
    line's end.
    """

    status: str = "unknown"
    tool: str = ""
    exit_code: int | None = None
    ms: float = 0.0
    reason: str = ""
    streams: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it ran to its end without an error."""
        return self.status == "ok"

    @property
    def stdout(self) -> str:
        """What it printed."""
        return self.streams.get("stdout", "")

    @property
    def lines(self) -> list[str]:
        """The lines it printed."""
        return self.stdout.split("\n") if self.stdout else []

    @property
    def facts(self) -> dict[str, str]:
        """Its printed `name: value` lines."""
        pairs = (line.partition(": ") for line in self.lines)
        return {name: value for name, colon, value in pairs if colon}

    @property
    def complaint(self) -> str:
        """The last line of its traceback or of its error output; empty where there is none."""
        told = self.streams.get("error") or self.streams.get("stderr") or ""
        lines = [line.strip() for line in told.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def is_results(text: str) -> bool:
    """Return whether a user message comes from the runtime and not from the person."""
    return text.startswith((OPENING, NOTE))


def said(text: str) -> str:
    """Return a user message without commands that were run before it, and notes below it."""
    while text.startswith(TYPED):
        _, _, text = text.partition("\n</results>\n\n")
    return text.partition(f"\n\n{NOTED}")[0]


def parse_results(text: str) -> list[Result]:
    """Return the results of a message, in order."""
    lines = iter(text.split("\n"))
    return [_result(line, lines) for line in lines if _RESULT.fullmatch(line)]


def _result(opening: str, lines: Iterator[str]) -> Result:
    attributes = dict(_ATTRIBUTE.findall(opening))
    reason, streams, stream = "", {}, "stdout"
    for line in lines:
        fence = _FENCE.fullmatch(line)
        if line.strip() == "</result>":
            break
        if fence:
            streams[stream] = _fenced(fence[1], lines)
        elif line.startswith("reason: "):
            reason = line.removeprefix("reason: ")
        elif match := _STREAM.fullmatch(line):
            stream = match[1]
    return Result(
        status=attributes.get("status", "unknown"),
        tool=attributes.get("tool", ""),
        exit_code=_whole(attributes.get("exit_code", "")),
        ms=float(_whole(attributes.get("ms", "")) or 0),
        reason=reason,
        streams=streams,
    )


def _fenced(ticks: str, lines: Iterator[str]) -> str:
    inside = []
    for line in lines:
        if line.rstrip() == ticks:
            break
        inside.append(line)
    return "\n".join(inside)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None
