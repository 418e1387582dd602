"""Runs the calls of a session again, in the order of its log, and compares how each ends.

The model's part is taken from the log. Every call runs as it was recorded, also behind a
divergence, so that all divergences are found and not the first alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

from llmrepl.conversation import Conversation, evolve
from llmrepl.errors import ExecutorError
from llmrepl.events import StepStarted, ToolFinished, ToolRequested
from llmrepl.ports import ToolEvent
from llmrepl.record import Record
from llmrepl.replaying.asking import Asked
from llmrepl.replaying.cassette import Cassette
from llmrepl.replaying.comparing import Difference, Versions, differences
from llmrepl.replaying.normalising import RULES, Place, Rule, normaliser
from llmrepl.replaying.planning import Recorded, recorded_calls

Run = Callable[[ToolRequested], Any]
"""Runs a call: returns an async generator of `ToolEvent`s."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a call: `outcome` is `same`, `diverged` or `not run`.

    `why` says why it was not run. `behind` names an earlier call that was not run again, since
    what it left behind is missing.
    """

    call: Recorded
    outcome: str
    differences: tuple[Difference, ...] = ()
    why: str = ""
    behind: str = ""


Watch = Callable[[Checked, int], None]


@dataclass(slots=True)
class Report:
    """What verifying a session found, its calls in the order of the log.

    `estranged` is the first step whose recorded message answers something that the model would
    not have been told now, as (turn, step); None where there is none. `versions` are those of
    Python and of packages that have changed: the recorded one and today's, by name. `asked` are the
    steps at which a model was asked again. `problem` says why nothing could be run. `watch` is told
    of each call as it is done, and of how many there are.
    """

    session: str
    calls: list[Checked] = field(default_factory=list)
    estranged: tuple[int, int] | None = None
    versions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    asked: Sequence[Asked] = ()
    problem: str = ""
    watch: Watch | None = None

    def add(self, checked: Checked, among: int) -> None:
        """Take in the next of so many calls."""
        self.calls.append(checked)
        if self.watch is not None:
            self.watch(checked, among)

    @property
    def passed(self) -> bool:
        """Whether everything could be run and asked, and nothing diverged."""
        asked = all(step.outcome in ("same", "not asked") for step in self.asked)
        return asked and not self.problem and not self.divergences

    @property
    def divergences(self) -> list[Checked]:
        """The calls that diverge, the first first."""
        return [checked for checked in self.calls if checked.outcome == "diverged"]

    def count(self, outcome: str) -> int:
        """Return how many calls came out so."""
        return sum(checked.outcome == outcome for checked in self.calls)


async def verify(
    report: Report,
    records: Sequence[Record],
    run: Run,
    *,
    then: Place,
    here: Place,
    rules: Iterable[Rule] = (),
) -> Report:
    """Run what can be run again, and return what differs.

    Args:
        report: takes what comes of each call; it is returned.
        records: the whole session.
        run: runs a call in a fresh sandbox that keeps its state from call to call.
        then: where the session was recorded.
        here: where it runs now.
        rules: what is normalised besides `RULES`.

    Raises:
        ExecutorError: there is no sandbox to run in.
    """
    table = (*rules, *RULES)
    old, new = normaliser(then, table), normaliser(here, table)
    ended: dict[int, ToolFinished] = {}
    versions = Versions({}, {})
    behind = ""
    calls = recorded_calls(records)
    for call in calls:
        why = call.why_not
        if why or call.finished is None:
            report.add(Checked(call, "not run", why=why), len(calls))
            if call.ran:
                behind = behind or call.request.call_id
            continue
        now = await _last(run(call.request))
        changed = versions.take(call.finished.versions, now.versions)
        found = changed + differences(call.finished, now, old, new)
        if found:
            ended[call.seq] = now
        outcome = "diverged" if found else "same"
        report.add(Checked(call, outcome, found, behind=behind), len(calls))
    report.versions = versions.changed
    report.estranged = _estranged(records, ended, old, new)
    return report


async def _last(events: Any) -> ToolFinished:
    async with aclosing(events) as stream:
        async for event in stream:
            if isinstance(cast("ToolEvent", event), ToolFinished):
                return cast("ToolFinished", event)
    raise ExecutorError("the sandbox gave no result of a call")


def _estranged(
    records: Sequence[Record],
    ended: dict[int, ToolFinished],
    old: Callable[[str], str],
    new: Callable[[str], str],
) -> tuple[int, int] | None:
    """Return the first step whose message the cassette does not have for what is told now."""
    if not ended:
        return None

    def normalise(text: str) -> str:
        return new(old(text))  # the conversation is the recorded one but for what diverged

    cassette = Cassette(records, normalise)
    state, touched = Conversation(), False
    for record in records:
        event = record.event
        asks = touched and isinstance(event, StepStarted)
        if asks and cassette.reply(state, normalise) is None:
            return record.turn, record.step
        touched = touched or record.seq in ended
        state = evolve(state, ended.get(record.seq, event))
    return None
