"""What a request will take by its service's own count: from reports, and from the one before.

Most of a prompt was in the last request of its session, and the service has said what that took.
Only what was added since is estimated, with what is known of the model from its earlier calls.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue

from llmrepl.accounting.calibration import Calibration, Estimate
from llmrepl.accounting.calls import Call, Calls, UsageError
from llmrepl.content import Content
from llmrepl.ports import Request
from llmrepl.usage import Usage

Name = tuple[str, str]
"""A provider and its model."""

LEAVE = 2.0
"""Seconds that the end of a session waits for the last call to be kept."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A request whose tokens its service has told."""

    lineage: int
    content: Content
    counted: int


@dataclass(slots=True)
class Model:
    """What is known of a model: how it counts, its last request, the calls of this session."""

    calibration: Calibration = field(default_factory=Calibration)
    anchor: Anchor | None = None
    calls: list[Call] = field(default_factory=list)
    loaded: bool = False

    def estimate(self, content: Content, lineage: int = 0) -> Estimate:
        """Return what a request takes, by whichever way is the surer."""
        whole = self.calibration.estimate(content)
        anchor = self.anchor
        if anchor is None or not lineage or anchor.lineage != lineage:
            return whole
        added = self.calibration.estimate(content - anchor.content, 0)
        grown = Estimate(anchor.counted + added.tokens, added.error)
        return grown if grown.error <= whole.error else whole


class Estimates:
    """Estimates for one session. Nothing here waits for the disk.

    Args:
        calls: the calls of all sessions; None to know only this one.
    """

    def __init__(self, calls: Calls | None = None) -> None:
        self._calls = calls
        self._models: dict[Name, Model] = {}
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Name | Call | None] = SimpleQueue()
        self._worker: threading.Thread | None = None
        self._problem = ""

    def of(self, name: Name) -> Model:
        """Return what is known of a model now; what the disk has of it is there a little later."""
        found = self._models.get(name)
        if found is None:
            found = self._models[name] = Model(loaded=self._calls is None)
            self._do(name)
        return found

    def learn(self, provider: str, request: Request, usage: Usage) -> str:
        """Take in what a service counted; return what a person has to know, once."""
        if usage.estimated or request.content is None or usage.input_tokens <= 0:
            return ""
        model = self.of((provider, request.model))
        content, counted, anchor = request.content, usage.input_tokens, model.anchor
        new = anchor is None or not request.lineage or anchor.lineage != request.lineage
        call = Call(
            provider,
            request.model,
            request.estimated_tokens,
            usage.input_tokens,
            usage.output_tokens,
            content if new or anchor is None else content - anchor.content,
            counted if new or anchor is None else counted - anchor.counted,
            requests=int(new),
            purpose=request.purpose,
        )
        with self._lock:
            model.calibration.learn(call.content, call.counted, call.requests)
            if not model.loaded:
                model.calls.append(call)
        if request.lineage:
            model.anchor = Anchor(request.lineage, content, counted)
        self._do(call)
        problem, self._problem = self._problem, ""
        return problem

    def close(self) -> None:
        """Let what there is to keep be kept."""
        if self._worker is not None:
            self._jobs.put(None)
            self._worker.join(LEAVE)

    def _do(self, job: Name | Call) -> None:
        if self._calls is None:
            return
        self._jobs.put(job)
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="llmrepl-usage", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        calls, said = self._calls, False
        while calls is not None and (job := self._jobs.get()) is not None:
            try:
                if isinstance(job, Call):
                    calls.add(job)
                else:
                    self._load(job, calls.last(*job))
            except UsageError as error:
                self._problem = "" if said else f"{error.message} ({error.hint})"
                said = True
        if calls is not None:
            calls.close()

    def _load(self, name: Name, calls: Iterable[Call]) -> None:
        learnt = calibrated(calls)
        model = self._models[name]
        with self._lock:
            for call in model.calls:
                learnt.learn(call.content, call.counted, call.requests)
            model.calibration, model.loaded = learnt, True
            model.calls.clear()


def calibrated(calls: Iterable[Call]) -> Calibration:
    """Return what these calls teach."""
    calibration = Calibration()
    for call in calls:
        calibration.learn(call.content, call.counted, call.requests)
    return calibration
