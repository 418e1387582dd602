"""`llmrepl audit`: verify, show and export the log of everything that ran."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from llmrepl.cli.exits import DONE, ERROR
from llmrepl.cli.options import load_config

F = TypeVar("F", bound=Callable[..., Any])
Chosen = Callable[[dict[str, Any]], bool]

DIGITS = 64
"""Hexadecimal digits of a digest."""

COLUMNS = (
    *("seq", "time", "type", "pid", "session", "call_id", "language", "tool", "first_line"),
    *("sha256", "executor", "policy", "status", "exit_code", "ms", "decision", "by", "rules"),
    *("question", "method", "host", "port", "address", "rule", "provider", "model", "key", "value"),
    *("kind", "count", "paths", "reason"),
)
"""The columns of the CSV; `time` is in UTC."""


@click.group("audit")
def command() -> None:
    """Verify, show and export the log of everything that ran.

    It holds every execution, decision, refusal and request to the network, of all sessions, in
    lines that are chained by hashes.
    """


def filters(command: F) -> F:
    """Give `command` the options that choose entries."""
    for option in (
        click.option("--kind", metavar="TYPE", help="Only types that begin so: tool, network …"),
        click.option("--since", metavar="WHEN", help="Only since then: 2h, 7d, 2026-01-31."),
        click.option("--session", metavar="ID", help="Only of sessions whose id begins so."),
    ):
        command = option(command)
    return command


@command.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
@click.option("--expect", metavar="DIGEST", help="What an earlier verify printed must still hold.")
def verify(as_json: bool, expect: str | None) -> int:
    """Say whether the log is whole, or the first place where it is not.

    The digest that is printed proves the log up to its line: keep it where nobody who can change
    the log can change it.
    """
    from llmrepl.audit.reading import verify as verified
    from llmrepl.figures import counted

    report = verified(_directory(), None if expect is None else _pinned(expect))
    damage = report.damage
    digest = f"{report.seq}:{report.last}"
    entries = counted(report.lines, "entry", "entries")
    if as_json:
        told: dict[str, Any] = {"ok": damage is None, "entries": report.lines}
        told |= {"files": report.files, "digest": digest, "torn": report.torn, "problem": None}
        if damage:
            place = {"file": str(damage.file), "line": damage.line or None}
            told["problem"] = {**place, "reason": damage.reason}
        click.echo(json.dumps(told, ensure_ascii=False))
    elif damage:
        click.echo(f"damaged: {damage}")
        click.echo(f"{entries} before it verify")
    elif not report.files:
        click.echo("The audit log is empty.", err=True)
    else:
        click.echo(f"ok: {entries} in {counted(report.files, 'file')}")
        click.echo(f"digest {digest}")
        if report.torn:
            click.echo("the last line was never finished; the next one mends that", err=True)
    return ERROR if damage else DONE


@command.command("show")
@filters
@click.option("--json", "as_json", is_flag=True, help="One JSON object per entry.")
@click.option("-n", "--limit", type=int, default=50, show_default=True, help="0 shows all.")
def show(limit: int, as_json: bool, **chosen: str | None) -> int:
    """Show the newest entries, the oldest of them first.

    What has become a secret since then is redacted here as well; `export` gives the bytes.
    """
    from itertools import islice

    from llmrepl.audit.reading import entries
    from llmrepl.audit.telling import told
    from llmrepl.config.secrets import redactor_of

    redact = redactor_of(load_config().config, os.environ, Path.cwd()).redact
    reading = _Reading(entries(_directory(), newest_first=True), _chosen(**chosen))
    for line, entry in reversed(list(islice(reading, limit if limit > 0 else None))):
        click.echo(redact(line.decode() if as_json else told(entry)))
    return reading.end()


@command.command("export")
@filters
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="The lines as they are logged, or a table.",
)
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to; `-` prints it.")
def export(form: str, output: str, **chosen: str | None) -> int:
    """Write all entries, oldest first, to a file or to standard output."""
    from llmrepl.audit.reading import entries

    reading = _Reading(entries(_directory()), _chosen(**chosen))
    try:
        with _opened(output) as file:
            if form == "csv":
                _write_table(file, reading)
            else:
                file.writelines(line + b"\n" for line, _ in reading)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise click.FileError(output, exc.strerror) from None
    return reading.end()


class _Reading:
    """The chosen entries, and whether any could not be read.

    Args:
        entries: all of them, as `llmrepl.audit.reading` yields them.
        chosen: says of an entry's object whether it is wanted.
    """

    def __init__(
        self, entries: Iterable[tuple[bytes, dict[str, Any] | None]], chosen: Chosen
    ) -> None:
        self._entries = entries
        self._chosen = chosen
        self._unread = 0

    def __iter__(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        for line, entry in self._entries:
            if entry is None:
                self._unread += 1
            elif self._chosen(entry):
                yield line, entry

    def end(self) -> int:
        """Say what was passed over, and return the exit code."""
        from llmrepl.figures import counted

        if not self._unread:
            return DONE
        lines = counted(self._unread, "line")
        click.echo(f"llmrepl: {lines} could not be read: llmrepl audit verify", err=True)
        return ERROR


def _pinned(text: str) -> tuple[int, str]:
    seq, _, found = text.removeprefix("digest ").partition(":")
    if not seq.isdecimal() or len(found) != DIGITS:
        raise click.UsageError(
            f"--expect {text} is no digest; accepted: what `llmrepl audit verify` prints, 42:0f3c…"
        )
    return int(seq), found


def _directory() -> Path:
    from llmrepl.config.paths import audit_directory

    return audit_directory(os.environ)


def _chosen(since: str | None, session: str | None, kind: str | None) -> Chosen:
    from llmrepl.audit.choosing import TIMES, chosen, moment

    try:
        start = 0 if since is None else moment(since, time.time())
    except ValueError:
        raise click.UsageError(f"--since {since} is no time; accepted: {TIMES}") from None
    return chosen(start, session or "", kind or "")


def _opened(output: str) -> AbstractContextManager[IO[bytes]]:
    """Return a new file of the person's own, or standard output."""
    if output == "-":
        return nullcontext(sys.stdout.buffer)
    return open(output, "wb", opener=lambda path, flags: os.open(path, flags, 0o600))


def _write_table(file: IO[bytes], reading: _Reading) -> None:
    import csv
    import io

    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for _, entry in reading:
        row = {**entry, "time": _utc(entry.get("at", 0))}
        table.writerow([_cell(row.get(name)) for name in COLUMNS])
    text.detach()


def _cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def _utc(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000)) + f".{at % 1000:03}Z"
