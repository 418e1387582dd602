"""`llmrepl verify`: run the tool calls of saved sessions again and compare."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.exits import DONE, ERROR
from llmrepl.cli.options import load_config

if TYPE_CHECKING:
    from llmrepl.config import Loaded
    from llmrepl.replaying.normalising import Rule
    from llmrepl.replaying.verifying import Checked, Report


@click.command("verify")
@click.argument("sessions", metavar="SESSION…", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per session.")
@click.option("--fail-on-divergence", is_flag=True, help="End with exit code 1 if something does.")
@click.option(
    "--rules",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="More to normalise before comparing: a TOML file.",
)
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="The project's files as they were; blocks see a copy.",
)
def command(
    sessions: tuple[str, ...],
    as_json: bool,
    fail_on_divergence: bool,
    rules: Path | None,
    project: Path | None,
) -> int:
    """Run the tool calls of saved sessions again in a fresh sandbox, and compare how they end.

    A SESSION is an id, the beginning of one, `last`, or a session's file. The model's part is taken
    from the session. Calls that cannot be repeated are named and not run.
    """
    from llmrepl.replaying.normalising import read_rules

    loaded = load_config()
    more = read_rules(rules) if rules else ()
    return asyncio.run(_verify(loaded, sessions, more, project, as_json, fail_on_divergence))


async def _verify(
    loaded: Loaded,
    sessions: tuple[str, ...],
    rules: tuple[Rule, ...],
    project: Path | None,
    as_json: bool,
    fail: bool,
) -> int:
    import os

    from llmrepl.compose.verifying import verify_session
    from llmrepl.config.secrets import redactor_of
    from llmrepl.errors import SessionError
    from llmrepl.replaying.verifying import Report
    from llmrepl.sessions.finding import session_file

    redactor = redactor_of(loaded.config, os.environ, Path.cwd())
    good = True
    for word in sessions:
        try:
            path = session_file(loaded.config.sessions.directory, word)
            report = await verify_session(
                path, loaded.config, os.environ, project=project, rules=rules
            )
        except SessionError as error:
            why = f"{error.message} ({error.hint})" if error.hint else error.message
            report = Report(word, problem=why)
        good = good and not report.problem and not report.divergences
        text = json.dumps(_plain(report), ensure_ascii=False) if as_json else _told(report)
        click.echo(redactor.redact(text))
    return DONE if good or not fail else ERROR


def _plain(report: Report) -> dict[str, Any]:
    return {
        "session": report.session,
        "problem": report.problem,
        "same": report.count("same"),
        "diverged": report.count("diverged"),
        "not_run": report.count("not run"),
        "versions": {name: list(both) for name, both in report.versions.items()},
        "estranged": None if report.estranged is None else list(report.estranged),
        "calls": [_plain_call(checked) for checked in report.calls],
    }


def _plain_call(checked: Checked) -> dict[str, Any]:
    call = checked.call
    return {
        "call_id": call.request.call_id,
        "seq": call.seq,
        "language": call.request.language,
        "outcome": checked.outcome,
        "why": checked.why,
        "behind": checked.behind,
        "differences": [
            {"field": found.field, "recorded": found.recorded, "now": found.now}
            for found in checked.differences
        ],
    }


def _told(report: Report) -> str:
    from llmrepl.sanitise import clean

    if report.problem:
        return f"✗ {report.session}: not verified: {clean(report.problem)}"
    diverged = report.divergences
    counts = [f"{report.count('same')} the same"]
    counts += [f"{len(diverged)} diverged"] if diverged else []
    counts += [f"{skipped} not run"] if (skipped := report.count("not run")) else []
    lines = [f"{'✗' if diverged else '✓'} {report.session}: {', '.join(counts)}"]
    for checked in report.calls:
        lines += _lines(checked, first=bool(diverged) and checked is diverged[0])
    for name, (recorded, now) in report.versions.items():
        lines.append(f"  {name} was {recorded} and is {now}")
    if report.estranged:
        turn, step = report.estranged
        lines.append(f"  from turn {turn}, step {step} on the model would have been told otherwise")
    return "\n".join(clean(line) for line in lines)


def _lines(checked: Checked, *, first: bool) -> list[str]:
    from llmrepl.replaying.comparing import SHOWN

    call = checked.call
    name = f"  call {call.request.call_id} ({call.request.name}, record {call.seq})"
    if checked.outcome == "not run":
        return [f"{name} was not run again: {checked.why}"]
    if checked.outcome == "same":
        return []
    fields = ", ".join(found.field for found in checked.differences)
    behind = f", behind {checked.behind}, which was not run again" if checked.behind else ""
    lines = [f"{name} diverged{' first' if first else ''} in {fields}{behind}"]
    for found in checked.differences:
        lines.append(f"    {found.field}:")
        diff = found.diff
        lines += [f"    {line}" for line in diff[:SHOWN]]
        if len(diff) > SHOWN:
            lines.append(f"    … {len(diff) - SHOWN} more lines")
    return lines
