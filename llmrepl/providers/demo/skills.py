"""The table of skills, in the order in which they are tried: the first that starts, answers.

To add one, write its steps in the module it belongs to and a line in that module's `SKILLS`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from llmrepl.providers.demo import (
    about,
    arithmetic,
    data,
    dates,
    files,
    machine,
    numbers,
    pasted,
    plots,
    reading,
)
from llmrepl.providers.demo.about import CONNECT, NOT_A_MODEL, NOT_UNDERSTOOD, says
from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.skill import Skill, Steps, Told, run, skill
from llmrepl.providers.demo.wording import code


def start_help(_: re.Match[str], __: Turn) -> Steps:
    """Say what can be asked, by the examples of the table."""
    lines = []
    for title, skills in GROUPS:
        examples = [code(known.example) for known in skills if known.example]
        lines += [f"- {title}: {', '.join(examples)}"] if examples else []
    return says(f"{NOT_A_MODEL} Things to try:\n\n" + "\n".join(lines) + f"\n\n{CONNECT}")


HELP = (
    skill(
        r"""\A (?:help|\?|usage|examples?|commands?
              |what\s+(?:can|do|should)\s+(?:you|i)\s+(?:do|ask|say)\b.{0,20}
              |how\s+does\s+this\s+work|what\s+is\s+this) (?:\s+me)? \Z""",
        start_help,
    ),
)

GROUPS: tuple[tuple[str, tuple[Skill, ...]], ...] = (
    ("code, also pasted in ```` ```python ```` or ```` ```bash ```` fences", pasted.SKILLS),
    ("help", HELP),
    ("about", about.SKILLS),
    ("data files", data.SKILLS),
    ("dates", dates.SKILLS),
    ("plots", plots.SKILLS),
    ("numbers", numbers.SKILLS),
    ("finding files", files.SKILLS),
    ("this machine", machine.SKILLS),
    ("reading files", reading.SKILLS),
    ("arithmetic", arithmetic.SKILLS),
)
"""Every skill, by what it is about, in the order in which they are tried."""


def reply(turn: Turn) -> str:
    """Return the next message of a turn: a sentence and one block, or the answer.

    A question that nobody answered comes together with the next one: what is not understood as a
    whole may end in a paragraph that is.
    """
    told = _told(turn)
    if told is None and "\n\n" in turn.question.strip():
        told = _told(replace(turn, question=turn.question.strip().rpartition("\n\n")[2]))
    return NOT_UNDERSTOOD if told is None else told


def _told(turn: Turn) -> str | None:
    ask = turn.ask
    try:
        for known in (known for _, skills in GROUPS for known in skills):
            match = known.pattern.search(ask)
            steps = known.start(match, turn) if match else None
            if steps is not None:
                return run(steps, turn)
    except Told as told:
        return str(told)
    return None
