"""What a request will take by its service's own count: from reports, and from the one before.

Most of a prompt was in the last request of its session, and the service has said what that took.
Only what was added since is estimated, with what is known of the model from its earlier calls. A
report that is far below what is sure teaches nothing: the service has not read all of the prompt.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from queue import SimpleQueue

from llmrepl.accounting.calibration import Calibration, Estimate
from llmrepl.accounting.calls import Call, Calls
from llmrepl.accounting.database import UsageError
from llmrepl.accounting.trouble import Trouble
from llmrepl.content import Content
from llmrepl.ports import Request
from llmrepl.usage import Usage

Name = tuple[str, str]
"""A provider and its model."""

LEAVE = 2.0
"""Seconds that the end of a session waits for the last call to be kept."""

TAUGHT = 5
"""Reports from which on an estimate is sure enough to doubt a report."""

CERTAIN, FAR = 8.0, 0.1
"""How far a report must be off to be doubted: in standard deviations, and as a part of it all."""

STUBBORN, ALIKE = 5, 1.03
"""So many doubtful reports in a row that are off by the same factor, about, are right after all."""

CUT = (
    "{provider} counted {counted:,} tokens of a prompt that takes {tokens:,} ± {error:,}: it has"
    " probably not read the beginning, without which the answer may be wrong. Give the model a"
    " larger context, or /compact."
)
"""What a person is told of a prompt that was cut."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A request whose tokens its service has told."""

    lineage: int
    content: Content
    counted: int


@dataclass(slots=True)
class Model:
    """What is known of a model.

    `calls` are those of this session as long as the earlier ones are not `loaded`; `doubtful` are
    the last ones, in a row, whose count cannot be right, with the factor it was off by.
    """

    calibration: Calibration = field(default_factory=Calibration)
    anchor: Anchor | None = None
    calls: list[Call] = field(default_factory=list)
    loaded: bool = False
    doubtful: list[tuple[Call, float]] = field(default_factory=list)

    def since(self, lineage: int) -> Anchor | None:
        """Return the request that one of this lineage grew from, where that was counted."""
        anchor = self.anchor
        return anchor if anchor and lineage and anchor.lineage == lineage else None

    def estimate(self, content: Content, lineage: int = 0) -> Estimate:
        """Return what a request takes, by whichever way is the surer."""
        whole = self.calibration.estimate(content)
        anchor = self.since(lineage)
        if anchor is None:
            return whole
        added = self.calibration.estimate(content - anchor.content, 0)
        grown = Estimate(anchor.counted + added.tokens, added.error)
        return grown if grown.error <= whole.error else whole

    def doubts(self, content: Content, lineage: int, counted: int) -> Estimate | None:
        """Return what all of a request takes, where a count is too far below it."""
        if self.calibration.reports < TAUGHT:
            return None
        whole = self.calibration.estimate(content)
        if anchor := self.since(lineage):
            added = self.calibration.estimate(content - anchor.content, 0)
            if _is_short(counted - anchor.counted, added):
                return Estimate(anchor.counted + added.tokens, added.error)
        return whole if _is_short(counted, whole) else None

    def stubborn(self) -> bool:
        """Tell whether the last doubtful counts agree with each other: the service has changed."""
        factors = [factor for _, factor in self.doubtful]
        return len(factors) >= STUBBORN and max(factors) <= ALIKE * min(factors)


class Estimates:
    """Estimates for one session. Nothing here waits for the disk.

    `trouble` has what is wrong with the database, which `learn` returns once.

    Args:
        calls: the calls of all sessions; None to know only this one.
    """

    def __init__(self, calls: Calls | None = None) -> None:
        self._calls = calls
        self._models: dict[Name, Model] = {}
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Callable[[Calls], None] | None] = SimpleQueue()
        self._worker: threading.Thread | None = None
        self.trouble = Trouble()

    def of(self, name: Name) -> Model:
        """Return what is known of a model now; what the disk has of it is there a little later."""
        with self._lock:
            found = self._models.get(name)
            if found is None:
                found = self._models[name] = Model(loaded=self._calls is None)
                self._do(partial(self._load, name, found))
        return found

    def load(self, name: Name) -> None:
        """Wait until what the disk has of a model is there; gives up if that takes too long."""
        self.of(name)
        done = threading.Event()
        self._do(lambda _: done.set())
        if self._calls is not None:
            done.wait(LEAVE)

    def learn(self, provider: str, request: Request, usage: Usage) -> str:
        """Take in what a service counted; return what a person has to know, once."""
        content, counted = request.content, usage.input_tokens
        if usage.estimated or content is None or counted <= 0:
            return ""
        model = self.of((provider, request.model))
        call = Call(
            provider,
            request.model,
            request.estimated_tokens,
            counted,
            usage.output_tokens,
            content,
            counted,
            purpose=request.purpose,
        )
        if expected := model.doubts(content, request.lineage, counted):
            return self._doubt(model, call, expected)
        if anchor := model.since(request.lineage):
            added, more = content - anchor.content, counted - anchor.counted
            call = replace(call, content=added, counted=more, requests=0)
        model.doubtful.clear()
        self._learn(model, call)
        if request.lineage:
            model.anchor = Anchor(request.lineage, content, counted)
        self._do(lambda calls: calls.add(call))
        return self.trouble.take()

    def close(self) -> None:
        """Let what there is to keep be kept."""
        if self._worker is not None:
            self._jobs.put(None)
            self._worker.join(LEAVE)

    def _learn(self, model: Model, call: Call) -> None:
        with self._lock:
            model.calibration.learn(call.content, call.counted, call.requests)
            if not model.loaded:
                model.calls.append(call)

    def _doubt(self, model: Model, call: Call, expected: Estimate) -> str:
        """Learn nothing from a call, or begin anew with the last ones, if they agree."""
        call = replace(call, doubtful=True)
        self._do(lambda calls: calls.add(call))
        whole = model.calibration.estimate(call.content)
        model.doubtful.append((call, call.counted / whole.tokens))
        del model.doubtful[:-STUBBORN]
        if model.stubborn():
            again = [doubtful for doubtful, _ in model.doubtful]
            with self._lock:  # what the disk has is of before, and is waited for no more
                model.calibration, model.anchor, model.loaded = calibrated(again), None, True
                model.calls.clear()
            model.doubtful.clear()
            self._do(lambda calls: calls.begin_anew(call.provider, call.model, len(again)))
            return ""
        if len(model.doubtful) > 1:
            return ""
        return CUT.format(
            provider=call.provider,
            counted=call.counted,
            tokens=round(expected.tokens),
            error=round(2 * expected.error),
        )

    def _do(self, job: Callable[[Calls], None]) -> None:
        if self._calls is None:
            return
        self._jobs.put(job)
        if self._worker is None:
            work = partial(self._work, self._calls)
            self._worker = threading.Thread(target=work, name="llmrepl-usage", daemon=True)
            self._worker.start()

    def _work(self, calls: Calls) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job(calls)
            except UsageError as error:
                self.trouble.note(error)
        calls.close()

    def _load(self, name: Name, model: Model, calls: Calls) -> None:
        learnt = calibrated(calls.last(*name))
        with self._lock:
            if model.loaded:
                return
            for call in model.calls:
                learnt.learn(call.content, call.counted, call.requests)
            model.calibration, model.loaded = learnt, True
            model.calls.clear()


def _is_short(counted: int, expected: Estimate) -> bool:
    margin = max(CERTAIN * expected.error, FAR * expected.tokens)
    return counted < expected.tokens - margin


def calibrated(calls: Iterable[Call]) -> Calibration:
    """Return what these calls teach."""
    calibration = Calibration()
    for call in calls:
        calibration.learn(call.content, call.counted, call.requests)
    return calibration
