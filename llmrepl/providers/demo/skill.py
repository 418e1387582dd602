"""What a skill is: a pattern, and steps that yield blocks, are sent results and return an answer.

Steps are run again from the start for every message, with the results so far; so they are told
everything by the question and the results, and never look at a clock, a file or a network.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Generator
from dataclasses import dataclass

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.results import Result
from llmrepl.providers.demo.wording import code


@dataclass(frozen=True, slots=True)
class Block:
    """A helper block to send.

    Attributes:
        source: the code.
        say: the sentence before it.
        language: python or bash.
        may_fail: whether the steps want a result that is not ok; else they end with it explained.
    """

    source: str
    say: str = "Let me work that out."
    language: str = "python"
    may_fail: bool = False

    def render(self) -> str:
        """Return the message that asks for it."""
        return f'{self.say}\n\n<helpers lang="{self.language}">\n{self.source}\n</helpers>\n'


Steps = Generator[Block, Result, str]
"""Yields blocks, is sent the result of each, returns the answer."""


class Told(Exception):
    """Ends the steps from anywhere in them; its text is the answer."""


@dataclass(frozen=True, slots=True)
class Skill:
    """Something the assistant can do.

    Attributes:
        pattern: searched for in `turn.ask`, without regard to case.
        start: returns the steps, or None where the pattern fits but the skill does not.
        example: a question for the help; skills without one are not listed.
    """

    pattern: re.Pattern[str]
    start: Callable[[re.Match[str], Turn], Steps | None]
    example: str = ""


def skill(
    pattern: str, start: Callable[[re.Match[str], Turn], Steps | None], example: str = ""
) -> Skill:
    """Return a skill whose verbose `pattern` is given as text."""
    return Skill(re.compile(pattern, re.VERBOSE | re.IGNORECASE | re.DOTALL), start, example)


def program(body: str, **values: object) -> str:
    """Return Python source: each of `values` assigned to its name, then `body`.

    This is how anything from a message gets into Python code: as a literal on one line. `values`
    are strings, numbers, None, and lists and tuples of them.
    """
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    return "\n".join([*lines, body.strip("\n")])


def shell_word(text: str) -> str:
    """Return `text` as one word of bash on one line; how anything gets into bash code."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = "".join(
        char if char.isalnum() else "".join(f"\\x{byte:02x}" for byte in _bytes(char))
        for char in text
    )
    return f"$'{escaped}'"


def _bytes(char: str) -> bytes:
    return char.encode("utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "replace")


def run(steps: Steps, turn: Turn) -> str:
    """Return the next message: a block, or the answer."""
    results = iter(turn.results)
    try:
        block = next(steps)
        for result in results:
            if not result.ok and not block.may_fail:
                return explain(result)
            block = steps.send(result)
    except StopIteration as done:
        return str(done.value)
    except Told as told:
        return str(told)
    return block.render()


REASONS = {
    "error": "That did not work",
    "timeout": "That took too long and was ended",
    "denied": "That was not allowed, so it did not run",
    "cancelled": "That was interrupted",
    "limit": "That was ended at a limit of the sandbox",
    "unknown": "Whether that finished is unknown, and I will not run it again",
}
"""What each status that is not ok means."""


def explain(result: Result) -> str:
    """Return why there is no answer."""
    said = REASONS.get(result.status, f"That ended with the status {code(result.status)}")
    told = result.complaint or result.reason
    if not told and result.exit_code:
        return f"{said}: it ended with exit code {result.exit_code}."
    return f"{said}: {code(told)}." if told else f"{said}."
