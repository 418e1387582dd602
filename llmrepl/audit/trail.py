"""What of a conversation is audited: what runs, what is decided, what is refused, what is reached.

Code is written down as its SHA-256 and its first line; all of it is in the session. A call that
cannot be written down does not begin.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from typing import Any

from llmrepl import chain
from llmrepl.audit.log import AuditLog
from llmrepl.conversation import Call, Progress
from llmrepl.errors import ExecutorError, SandboxUnavailable
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ConfigChanged,
    ErrorRaised,
    Event,
    NetworkRequested,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
)
from llmrepl.ports import Executor, Store, ToolEvent
from llmrepl.record import Record

AS_THEY_ARE = (ApprovalRequested, ApprovalDecided, ConfigChanged, NetworkRequested, StepStarted)
"""Events that are written down with all their fields."""

ENDS = ("status", "exit_code", "ms", "reason", "dropped_bytes", "artifacts")
"""The fields of a `tool.finished` that are written down: what the call gave is the session's."""

SAYING = ("exit_code", "ms", "value")
"""Fields that say something even where it is nothing."""

STARTED, FAILED = "sandbox.started", "sandbox.failed"
REFUSED, GIVEN = "tool.refused", "tool.given"
APPLIED, UNDONE = "changes.applied", "changes.undone"
MANY = 100

_SANDBOX = {ExecutorError.__name__, SandboxUnavailable.__name__}

Fields = dict[str, Any]


@dataclass(slots=True)
class _Asked:
    """A call of this step: what names it in every line, and what only some need."""

    name: Fields
    what: Fields = field(default_factory=dict)
    request: ToolRequested | None = None
    started: bool = False


class Trail:
    """Writes one session's part of the audit log.

    Args:
        log: the audit log.
        session: returns the session's id, empty where it is not saved.
        calls: calls that an earlier process left without a result.
        limits: what a block may use, by name.
    """

    def __init__(
        self,
        log: AuditLog,
        session: Callable[[], str] = str,
        calls: Iterable[Call] = (),
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        self._log = log
        self._session = session
        self._limits = dict(limits or {})
        self._asked: dict[str, _Asked] = {}
        self.adopt(calls)

    def adopt(self, calls: Iterable[Call]) -> None:
        """Take over calls that an earlier process left without a result."""
        for call in calls:
            asked = self._asked[call.request.call_id] = _asked(call.request)
            asked.started = call.progress is Progress.STARTED

    @property
    def repaired(self) -> str:
        """What had to be mended in the log, in one line; mostly empty."""
        return self._log.repaired

    def take(self, event: Event, at: int | None = None) -> None:
        """Write down `event` if it belongs into the log.

        Args:
            event: what happens now.
            at: Unix time in milliseconds; None for now.

        Raises:
            SessionError: it could not be written.
        """
        match event:
            case ToolRequested():
                self._asked[event.call_id] = _asked(event)
            case ToolStarted():
                self._started(event, at)
            case ToolFinished():
                self._finished(event, at)
            case StepFinished():
                self._asked.clear()  # an end that the session could not keep comes again
            case ErrorRaised(kind=kind) if kind in _SANDBOX:
                self._write(FAILED, {"kind": kind, "reason": event.message}, at)
            case ApprovalDecided(arguments=arguments) if arguments:
                self._edited(event, at)
            case _ if isinstance(event, AS_THEY_ARE):
                call = self._asked.get(getattr(event, "call_id", ""))
                self._write(event.type, {**(call.name if call else {}), **_given(event)}, at)

    async def start(self, executor: Executor) -> None:
        """Start `executor`, and write down what it is or why it is not.

        Raises:
            ExecutorError: it cannot be started.
            SessionError: that could not be written.
        """
        try:
            await executor.start()
        except ExecutorError as error:
            self._broke(error)
            raise
        sandbox = {"executor": executor.name, "policy": executor.policy, "limits": self._limits}
        self._write(STARTED, sandbox)

    async def run(self, executor: Executor, request: ToolRequested) -> AsyncIterator[ToolEvent]:
        """Run a call that belongs to no conversation, and write down what comes of it.

        Raises:
            ExecutorError: the executor itself failed.
            SessionError: it could not be written; nothing ran if it was the start.
        """
        call_id = request.call_id
        self.take(request)
        self.take(ToolStarted(call_id=call_id, executor=executor.name, policy=executor.policy))
        try:
            async for event in executor.run(request):
                self.take(event)
                yield event
        except ExecutorError as error:
            self._broke(error)
            self.take(ToolFinished(call_id=call_id, status="error", reason=error.message))
            raise

    def applied(self, paths: Sequence[str]) -> None:
        """Write down that a person let what blocks wrote into the project.

        Args:
            paths: the files, relative to the project; of many, the first `MANY` are named.

        Raises:
            SessionError: it could not be written.
        """
        self._write(APPLIED, {"count": len(paths), "paths": list(paths[:MANY])})

    def undone(self, paths: Sequence[str]) -> None:
        """Write down that a person took back what blocks wrote for real; as `applied`."""
        self._write(UNDONE, {"count": len(paths), "paths": list(paths[:MANY])})

    def sync(self) -> None:
        """Return when all of it has reached the disk.

        Raises:
            SessionError: that cannot be said.
        """
        self._log.sync()

    def close(self) -> None:
        """Give back what is open."""
        self._log.close()

    def _broke(self, error: ExecutorError) -> None:
        self.take(ErrorRaised(kind=error.kind, message=error.message, hint=error.hint))

    def _started(self, event: ToolStarted, at: int | None) -> None:
        asked = self._call(event.call_id)
        limits = {"limits": dict(event.limits) or self._limits}
        self._write(event.type, {**asked.name, **asked.what, **_given(event), **limits}, at)
        asked.started = True

    def _edited(self, event: ApprovalDecided, at: int | None) -> None:
        """Write down a decision that changed the call: what was decided is the changed one."""
        before = self._call(event.call_id)
        request = before.request or ToolRequested(call_id=event.call_id, name="", language="")
        after = _asked(replace(request, arguments=event.arguments))
        given = {**_given(event), "arguments": "edited"}
        self._write(event.type, {**after.name, **after.what, **given}, at)
        self._asked[event.call_id] = after

    def _finished(self, event: ToolFinished, at: int | None) -> None:
        asked = self._call(event.call_id)
        given = _given(event)
        ended = {name: given[name] for name in ENDS if name in given}
        if asked.started:
            self._write(event.type, {**asked.name, **ended}, at)
        else:
            by = {"by": event.by} if event.by else {}
            self._write(GIVEN if by else REFUSED, {**asked.name, **asked.what, **ended, **by}, at)

    def _call(self, call_id: str) -> _Asked:
        return self._asked.setdefault(call_id, _Asked({"call_id": call_id}))

    def _write(self, kind: str, details: Fields, at: int | None = None) -> None:
        session = self._session()
        self._log.append(kind, {"session": session, **details} if session else details, at)


class Audited:
    """A store that audits every record before it keeps it (`llmrepl.ports.Store`).

    Args:
        store: keeps the session.
        trail: its part of the audit log.
    """

    def __init__(self, store: Store, trail: Trail) -> None:
        self._store = store
        self._trail = trail

    def append(self, record: Record, *, sync: bool = False) -> None:
        """Add one record. With `sync` both logs have reached the disk when this returns.

        Raises:
            SessionError: it could not be audited or kept; it has not happened then.
        """
        self._trail.take(record.event, record.at)
        if sync:
            self._trail.sync()
        self._store.append(record, sync=sync)


def _asked(request: ToolRequested) -> _Asked:
    name: Fields = {"call_id": request.call_id, "language": request.language}
    if request.name != request.language:
        name["tool"] = request.name
    code, timeout = request.arguments.get("code"), request.arguments.get("timeout")
    if isinstance(code, str):
        name["sha256"] = sha256(code.encode(errors="backslashreplace")).hexdigest()
        what: Fields = {"first_line": code.strip().partition("\n")[0]}
    else:
        name["sha256"] = sha256(chain.encode(request.arguments)).hexdigest()
        what = {}
    return _Asked(name, what if timeout is None else {**what, "timeout": timeout}, request)


def _given(event: Event) -> Fields:
    """Return the fields of `event` that say something, in their order."""
    found = ((spec.name, getattr(event, spec.name)) for spec in fields(event))
    return {name: value for name, value in found if value or (name in SAYING and value is not None)}
