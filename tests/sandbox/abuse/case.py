"""A case: what blocks try, and what must be true on the host afterwards."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.sandbox.session import Result

if TYPE_CHECKING:
    from tests.sandbox.abuse.stage import Stage


@dataclass(frozen=True)
class Step:
    """A block, or something the host does: `act` returns what it saw.

    `<<word>>` in code stands for a fact of the world; see `World.words`.
    """

    language: str
    code: str = ""
    timeout: float | None = None
    act: Callable[[Stage], Any] | None = None
    while_running: str = ""
    """What a block has written when `act` is called."""


def python(code: str, timeout: float | None = None) -> Step:
    """A Python block, which finds `tried`, `call` and more: see `stage.PRELUDE`."""
    return Step("python", code.strip("\n"), timeout)


def bash(code: str, timeout: float | None = None) -> Step:
    return Step("bash", code.strip("\n"), timeout)


def host(act: Callable[[Stage], Any]) -> Step:
    """Something the host does between two blocks."""
    return Step("host", act=act)


def meanwhile(step: Step, until: str, act: Callable[[Stage], Any]) -> Step:
    """A block, and an asynchronous act of the host's as soon as it has written `until`."""
    return Step(step.language, step.code, step.timeout, act, until)


@dataclass(frozen=True)
class Seen:
    """What came of the steps, in their order: a block's result, or what an act returned."""

    results: tuple[Any, ...]
    stage: Stage

    @property
    def last(self) -> Result:
        return self.results[-1]


@dataclass(frozen=True)
class Check:
    """What must be true, in words and as a function."""

    words: str
    holds: Callable[[Seen], bool]


@dataclass(frozen=True)
class Case:
    """One case.

    Args:
        name: unique in its group.
        claim: what is promised, in plain words.
        parts: what is done, one after another, and what must be true after each.
        policy: what blocks may do; a name in `stage.POLICIES`.
        alone: whether it gets a session of its own, which is closed before the look at what is
            left.
        changes: paths in the project that the host itself is meant to change, with what is below
            them; such a case has a world of its own, too.
    """

    name: str
    claim: str
    parts: tuple[Step | Check, ...]
    policy: str = "copy"
    alone: bool = False
    changes: tuple[str, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """What must be true besides what is checked after every case."""
        return tuple(part for part in self.parts if isinstance(part, Check))


def case(name: str, claim: str, *parts: Step | Check, **options: Any) -> Case:
    """Return a case; each check is about the step before it."""
    return Case(name, claim, parts, **options)


def ends(status: str, reason: str = "") -> Check:
    """The block ended with this status, and its reason contains these words."""
    told = f" and says `{reason}`" if reason else ""
    return Check(
        f"the block ends with `{status}`{told}",
        lambda seen: seen.last.status == status and reason in seen.last.reason,
    )


def gives(value: str) -> Check:
    """The value of the block's last expression."""
    return Check(f"the block's value is `{value}`", lambda seen: seen.last.value == value)


def prints(text: str) -> Check:
    """All of a block's standard output."""
    shown = text.strip().replace("\n", " ")
    words = f"the block prints `{shown}`" if shown else "the block prints nothing"
    return Check(words, lambda seen: seen.last.out == text)


REFUSED = ("EPERM", "EACCES", "EROFS")


def refused(*errors: str) -> Check:
    """The block's value is a dict of attempts; each met one of these errors."""
    allowed = errors or REFUSED
    named = " or ".join(allowed)

    def holds(seen: Seen) -> bool:
        found = attempts(seen.last)
        return bool(found) and set(found.values()) <= set(allowed)

    return Check(f"every attempt fails with {named}", holds)


def attempts(result: Result) -> dict[str, str]:
    """Return the attempts that a block lists as its value, {} where it lists none."""
    try:
        found = ast.literal_eval(result.value)
    except (ValueError, SyntaxError):
        return {}
    return found if isinstance(found, dict) else {}


def that(words: str, holds: Callable[[Seen], bool]) -> Check:
    """Anything else."""
    return Check(words, holds)
