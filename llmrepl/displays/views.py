"""What is shown of a session beside its timeline: the status line, its usage, its context.

Each is drawn by the entry point of the group `llmrepl.status` that is called like it; another
package's comes before llmrepl's own. Where there is none, or it fails, it is drawn plainly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

from llmrepl.errors import PluginError
from llmrepl.figures import duration, money, spent, tokens
from llmrepl.sanitise import clean
from llmrepl.standing import Filling, Fragment, Standing, StepUsage, spend_of

GROUP = "llmrepl.status"
OWN = "llmrepl"
"""The distribution that brings llmrepl's own views."""

Line = Sequence[Fragment]
Draw = Callable[[Any, int], Any]

STYLES: Mapping[str, str] = {
    "strong": "1",
    "dim": "2",
    "bar": "36",
    "warn": "33",
    "hot": "1;33",
    "bad": "1;31",
    "alarm": "97;41",
}
"""What a fragment's style looks like, in SGR codes; others look like nothing."""

THEMES: Mapping[str, Mapping[str, str]] = {
    "dark": STYLES,
    "light": {**STYLES, "dim": "90", "bar": "34", "warn": "35", "hot": "1;35"},
    "contrast": {
        **dict.fromkeys(("strong", "bar"), "1"),
        "warn": "1;93",
        "hot": "1;93;4",
        "bad": "1;91",
        "alarm": "1;97;41",
    },
    "none": {},
}
"""The same in each theme."""


class Views:
    """Draws what is shown beside the timeline.

    A view is looked up when it is first drawn, which takes some milliseconds. One that fails is
    given up, and said so in `problems`, which are for whoever can tell them to take away.
    """

    def __init__(self) -> None:
        self.problems: list[PluginError] = []
        self._draw: dict[str, Draw | None] = {}

    def load(self) -> None:
        """Look up every view, so that the first drawing does not wait; for a thread."""
        for name in PLAIN:
            self._view(name)

    def line(self, standing: Standing, width: int) -> list[Fragment]:
        """Return the status line, in at most `width` cells if its view keeps to it."""
        return self._drawn("line", standing, width, _line)

    def usage(self, steps: Sequence[StepUsage], width: int) -> list[Line]:
        """Return what the steps of a session took, as lines."""
        return self._drawn("usage", steps, width, _lines)

    def context(self, filling: Filling, width: int) -> list[Line]:
        """Return what fills the context, as lines."""
        return self._drawn("context", filling, width, _lines)

    def _drawn(
        self, name: str, value: object, width: int, checked: Callable[[Any], list[Any]]
    ) -> list[Any]:
        draw = self._view(name)
        if draw is not None:
            try:
                return checked(draw(value, width))
            except Exception as error:  # noqa: BLE001 - a plugin boundary
                self._give_up(name, f"failed: {error!r}")
        return checked(PLAIN[name](value, width))

    def _view(self, name: str) -> Draw | None:
        if name not in self._draw:
            self._draw[name] = None
            entry = _entry(name)
            try:
                self._draw[name] = entry and entry.load()
            except Exception as error:  # noqa: BLE001 - a plugin boundary
                self._give_up(name, f"could not be loaded from {entry.value}: {error!r}")
        return self._draw[name]

    def _give_up(self, name: str, why: str) -> None:
        self._draw[name] = None
        problem = f"the view {name!r} of {GROUP} {why}"
        self.problems.append(
            PluginError(problem, hint="it is drawn plainly; update or remove its package")
        )


def _entry(name: str) -> Any:
    from importlib.metadata import entry_points

    found = sorted(
        entry_points(group=GROUP, name=name),
        key=lambda entry: entry.dist is not None and entry.dist.name == OWN,
    )
    return found[0] if found else None


def _line(drawn: Iterable[Fragment]) -> list[Fragment]:
    """Return fragments that are safe to show and have no line's end."""
    return [(str(style), clean(text.expandtabs()).replace("\n", " ")) for style, text in drawn]


def _lines(drawn: Iterable[Iterable[Fragment]]) -> list[Line]:
    return [_line(line) for line in drawn]


def write(stream: TextIO, lines: Iterable[Line], theme: str) -> None:
    """Write lines to a terminal, in a theme of `THEMES`."""
    codes = THEMES.get(theme, STYLES)
    for line in lines:
        stream.writelines([*(_painted(codes.get(style, ""), text) for style, text in line), "\n"])
    stream.flush()


def _painted(codes: str, text: str) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def _plain_line(standing: Standing, _: int) -> Iterable[Fragment]:
    model = f"{standing.model} ({standing.remark})" if standing.remark else standing.model
    sandbox = ": ".join(filter(None, (standing.sandbox, standing.policy)))
    yield ("alarm" if standing.alarm else "", f"{model} · {sandbox}")


def _plain_usage(steps: Sequence[StepUsage], _: int) -> Iterable[Line]:
    for step in steps:
        usage, cost = step.usage, step.cost
        sent = tokens(usage.input_tokens, estimated=usage.estimated)
        said = tokens(usage.output_tokens, estimated=usage.estimated)
        paid = money(None) if cost is None else money(cost.total, estimated=cost.estimated)
        took = duration(step.total_ms)
        yield [("", f"{step.turn}.{step.step} {step.model} ↑ {sent} ↓ {said} · {took} · {paid}")]
    spend = spend_of(steps)
    yield [("", f"session {spent(spend.cost, spend.unpriced)}")]


def _plain_context(filling: Filling, _: int) -> Iterable[Line]:
    for what, count in filling.parts.items():
        yield [("", f"{what}: {tokens(count, estimated=True)} tokens")]


PLAIN: Mapping[str, Draw] = {
    "line": _plain_line,
    "usage": _plain_usage,
    "context": _plain_context,
}
"""Every view there is, as it is drawn without a plugin."""
