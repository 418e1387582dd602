"""Compares what a soak has left behind with the services' own books."""

import sqlite3
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from llmrepl.audit.reading import verify
from llmrepl.config.paths import audit_directory, usage_database
from llmrepl.conversation import Phase
from llmrepl.conversing.commands.continuing import GO_ON
from llmrepl.events import (
    ContextCompacted,
    MessageFinished,
    NoteAdded,
    RequestFailed,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.figures import tokens
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.runtime import fold
from llmrepl.sessions.reader import LogReader
from llmrepl.usage import Usage
from tests.cli.machine import LLMREPL
from tests.soak.driving import Soak
from tests.soak.faults import FAULTS, KILLS
from tests.soak.money import Attempt, Tally, tally
from tests.soak.services import Served

NOBODY = "No server answers"
SILENT = "nothing came for"
MEMORY, SLACK = 3.0, 4 << 20
"""How many bytes a process may hold for each that the session's file has grown, and besides."""

AGAIN = ("tool_use_failed, without words",)
PARSED = ("tool_use_failed, readable", "tool_use_failed in mid-stream")
"""Faults that Ollama's client answers with a second request of its own."""


@dataclass
class Verdict:
    """What is wrong, and what was counted: by the services, the session and the database."""

    wrong: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    attempts: int = 0
    served: Usage = Usage()
    logged: Usage = Usage()
    kept: int = 0
    told: int = 0
    estimated: int = 0
    compactions: int = 0
    blocks: int = 0
    calls: list[tuple[Served, Attempt]] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    ledger: Tally = field(default_factory=Tally)


def judge(soak: Soak) -> Verdict:
    """Return what came of a soak."""
    verdict = Verdict()
    reader = LogReader(soak.log)
    records = list(reader)
    if reader.problem:
        verdict.wrong.append(f"the log does not verify: {reader.problem}")
    if diverged := _diverged(soak):
        verdict.wrong.append(f"the session does not come out the same: {diverged}")
    if damage := verify(audit_directory(soak.environ)).damage:
        verdict.wrong.append(f"the audit log does not verify: {damage}")
    if fold(records).phase is not Phase.IDLE:
        verdict.wrong.append("the session was left in the middle of a turn")
    _turns(soak, records, verdict)
    _counts(soak, records, verdict)
    _database(soak, verdict)
    verdict.ledger = tally(soak, verdict.calls, verdict.unsent)
    verdict.wrong += verdict.ledger.wrong
    _cost(soak, records, verdict)
    _flat(soak, verdict)
    return verdict


def _diverged(soak: Soak) -> str:
    """Return what `llmrepl verify` says of the session, where its calls do not end as recorded."""
    ran = subprocess.run(
        [LLMREPL, "verify", "soak", "--fail-on-divergence"],
        capture_output=True,
        text=True,
        env=soak.environ,
        cwd=soak.home / "project",
        check=False,
    )
    return (ran.stdout + ran.stderr)[-2000:] if ran.returncode else ""


def _turns(soak: Soak, records: list[Record], verdict: Verdict) -> None:
    """Look whether each prompt is in the log once, in order, with its outcome."""
    prompts: list[str] = []
    for record in records:
        match record.event:
            case TurnStarted(prompt=(Text(text=text), *_)):
                if text != GO_ON:
                    prompts.append(text)
            case TurnFinished(reason=reason):
                verdict.outcomes[reason] += 1
    wanted = [f"Turn {number}: tell me about it." for number in range(1, soak.turns + 1)]
    if prompts != wanted:
        lost = sorted(set(wanted) - set(prompts))
        verdict.wrong.append(f"{len(prompts)} prompts of {len(wanted)} are in the log: {lost[:3]}")
    started = Counter(type(record.event) for record in records)
    if started[TurnStarted] != started[TurnFinished]:
        verdict.wrong.append(f"{started[TurnStarted] - started[TurnFinished]} turns have no end")
    calls = [record.event.call_id for record in records if isinstance(record.event, ToolStarted)]
    if len(calls) != len(set(calls)):
        verdict.wrong.append("a block was run twice")
    verdict.blocks = len(calls)
    compacted = [r.event for r in records if isinstance(r.event, ContextCompacted)]
    verdict.compactions = sum(not event.problem for event in compacted)
    for record in records:
        if isinstance(record.event, ToolFinished) and record.event.status == "error":
            verdict.wrong.append(f"a block failed in turn {record.turn}: {record.event}")


def _groups(records: list[Record]) -> dict[int, list[Record]]:
    """Return the records of each prompt, those of going on with its turn included."""
    groups: dict[int, list[Record]] = defaultdict(list)
    number = 0
    for record in records:
        match record.event:
            case TurnStarted(prompt=(Text(text=text), *_)) if text != GO_ON:
                number = int(text.partition(":")[0].removeprefix("Turn "))
        groups[number].append(record)
    return groups


def _attempts(records: list[Record]) -> Iterator[Attempt]:
    """Yield the requests that a service has seen, as the records have them."""
    asked = ""
    for before, record in pairwise([records[0], *records]):
        event = record.event
        match event:
            case StepStarted():
                asked = f"{event.provider}/{event.model}"
            case RequestFailed() if asked:
                yield from _seen(Attempt(asked, seq=record.seq), event.message)
                asked = ""
            case MessageFinished() if asked:
                said = getattr(before.event, "message", "")
                attempt = Attempt(asked, event.usage, event.stop, seq=record.seq)
                yield from _seen(attempt, said)
                asked = ""
            case NoteAdded(text=text) if " wrote no summary (" in text:
                yield from _seen(Attempt(text.partition(" ")[0], compact=True), text)
            case ContextCompacted() if event.provider:
                name = f"{event.provider}/{event.model}"
                attempt = Attempt(name, event.usage, event.problem, compact=True, seq=record.seq)
                yield from _seen(attempt, event.problem)


def _seen(attempt: Attempt, why: str) -> Iterator[Attempt]:
    """Yield the request unless it failed since nobody was at its service's address."""
    if NOBODY not in why or SILENT in why:
        yield attempt


def _counts(soak: Soak, records: list[Record], verdict: Verdict) -> None:
    """Match the requests in the log with those in the books, one by one."""
    groups = _groups(records)
    books: dict[int, list[Served]] = defaultdict(list)
    for served in soak.services.books:
        books[served.turn].append(served)
    for number in sorted({*groups, *books}):
        seen = list(_visible(books[number]))
        attempts = list(_attempts(groups[number]))
        if len(attempts) == len(seen) + 1 and _unsent(attempts[-1]):
            verdict.unsent += [attempts.pop().seq]
        verdict.requests += len(books[number])
        verdict.attempts += len(attempts)
        if len(seen) != len(attempts):
            told = [(one.kind or "well", one.provider, one.compact) for one in seen]
            verdict.wrong.append(
                f"turn {number}: {len(seen)} requests came and {len(attempts)} are in the log:"
                f" {told} / {attempts}"
            )
            continue
        for served, attempt in zip(seen, attempts, strict=True):
            verdict.calls.append((served, attempt))
            if problem := _differs(served, attempt, verdict):
                verdict.wrong.append(f"turn {number}: {problem}: {served} / {attempt}")


def _unsent(attempt: Attempt) -> bool:
    """Return whether a request was ended so early that it may never have been sent."""
    return attempt.stop == "cancelled" and not (attempt.usage and attempt.usage.output_tokens)


def _visible(books: list[Served]) -> Iterator[Served]:
    """Yield what the log should have: neither what a client repeats nor a killed summary."""
    hidden = False
    for served in books:
        parsed = served.provider == "ollama" and served.kind in PARSED
        hidden = not hidden and (served.kind in AGAIN or parsed)
        if not hidden and not (served.compact and served.kind in KILLS):
            yield served


def _differs(served: Served, attempt: Attempt, verdict: Verdict) -> str:
    """Return how a request in the log differs from the one in the books."""
    if f"{served.provider}/{served.model}" != attempt.name:
        return "another model was asked"
    usage = attempt.usage
    if served.kind in KILLS and attempt.stop == "interrupted":
        return "" if usage == Usage() else "a message that was broken off has a usage"
    if served.told:
        verdict.told += 1
        verdict.served += served.usage
        if usage is None:
            return "a request that was answered failed"
        verdict.logged += usage
        return "" if usage == served.usage else "the counts differ"
    if usage is None or usage == Usage():
        return ""
    if served.status != 200 and served.kind not in PARSED:
        plain = not usage.input_tokens and not usage.output_tokens
        return "" if plain else "a request that was refused has a usage"
    verdict.estimated += 1
    return "" if usage.estimated else "what nobody counted is no estimate"


def _database(soak: Soak, verdict: Verdict) -> None:
    """Compare the usage database, which may lack the last call before a kill and no other."""
    with closing(sqlite3.connect(usage_database(soak.environ))) as db:
        kept = Counter(db.execute("SELECT provider, input_tokens, output_tokens FROM calls"))
    told = Counter(
        (served.provider, served.usage.input_tokens, served.usage.output_tokens)
        for served in soak.services.books
        if served.told
    )
    verdict.kept = kept.total()
    if more := kept - told:
        verdict.wrong.append(f"calls are in the database that nobody served: {[*more][:5]}")
    lacking = told - kept
    if lacking.total() > soak.killed:
        verdict.wrong.append(f"{lacking.total()} calls are not in the database: {[*lacking][:5]}")


def _cost(soak: Soak, records: list[Record], verdict: Verdict) -> None:
    """Compare what /cost and /usage say with the sum of what is in the log."""
    total = Usage()
    for record in records:
        match record.event:
            case MessageFinished(usage=usage):
                total += usage
            case ContextCompacted(usage=usage, provider=provider) if provider:
                total += usage
    price = (Decimal(total.input_tokens) + 2 * total.output_tokens) / 1_000_000
    wanted = [total.input_tokens, total.output_tokens, str(price.normalize())]
    last = soak.looks[-1]
    for name in ("spent", "steps"):
        sent, said, paid = last.told[name]
        if [sent, said, str(Decimal(paid).normalize())] != wanted:
            verdict.wrong.append(f"{name} is {last.told[name]}, and the log has {wanted}")
    shown = f"↑ {tokens(total.input_tokens, estimated=total.estimated)}"
    if shown not in last.told["cost"]:
        verdict.wrong.append(f"/cost does not show {shown}: {last.told['cost']}")


def _flat(soak: Soak, verdict: Verdict) -> None:
    """Compare what the process held, while it was not killed, with how its history grew."""
    first, last = soak.looks[0], soak.looks[3]
    grown = last.told["rss"] - first.told["rss"]
    most = MEMORY * (last.log - first.log) + SLACK
    if grown > most:
        verdict.wrong.append(f"memory grew by {grown:,} bytes, and {most:,.0f} were allowed")
    for name, slack in (("fds", 3), ("tasks", 1), ("threads", 1), ("children", 0)):
        if last.told[name] > first.told[name] + slack:
            verdict.wrong.append(f"{name}: from {first.told[name]} to {last.told[name]}")


def missed(soak: Soak) -> list[str]:
    """Return the kinds of faults that have not happened."""
    return [kind for kind in (*FAULTS, *KILLS) if not soak.reasons[kind]]
