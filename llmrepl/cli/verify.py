"""`llmrepl verify`: run the tool calls of saved sessions again and compare."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli.exits import DONE, ERROR
from llmrepl.cli.options import load_config, redactor_for

if TYPE_CHECKING:
    from llmrepl.config import Loaded
    from llmrepl.replaying.normalising import Rule
    from llmrepl.replaying.verifying import Report


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
@click.option("--live", is_flag=True, help="Ask a model again at every step, too.")
@click.option("--model", metavar="PROVIDER/MODEL", help="Which one; else that of the session.")
def command(
    sessions: tuple[str, ...],
    as_json: bool,
    fail_on_divergence: bool,
    rules: Path | None,
    **options: Any,
) -> int:
    """Run the tool calls of saved sessions again in a fresh sandbox, and compare how they end.

    A SESSION is an id, the beginning of one, `last`, or a session's file. The model's part is taken
    from the session. Calls that cannot be repeated are named and not run; a session that cannot be
    read ends it with exit code 1. With --live a model is
    asked again at every step, and the calls it makes are compared, not its prose.
    """
    from llmrepl.replaying.normalising import read_rules

    if options["model"] and not options["live"]:
        raise click.UsageError("--model names the model that --live asks; add --live")
    loaded = load_config()
    more = read_rules(rules) if rules else ()
    good = opened = True
    for word in sessions:
        report = _verified(word, loaded, more, **options)
        good, opened = good and report.passed, opened and not report.problem
        _show(report, loaded, as_json=as_json)
    return DONE if good or (opened and not fail_on_divergence) else ERROR


def _verified(
    word: str,
    loaded: Loaded,
    rules: tuple[Rule, ...],
    project: Path | None,
    live: bool,
    model: str | None,
) -> Report:
    from llmrepl.compose.asking import ask_session
    from llmrepl.compose.verifying import verify_session
    from llmrepl.errors import SessionError
    from llmrepl.replaying.verifying import Report
    from llmrepl.sessions.finding import session_file

    async def verified(path: Path) -> Report:
        report = await verify_session(path, config, os.environ, project=project, rules=rules)
        if live:
            report.asked = await ask_session(path, config, os.environ, model=model)
        return report

    config = loaded.config
    try:
        return asyncio.run(verified(session_file(config.sessions.directory, word)))
    except SessionError as error:
        why = f"{error.message} ({error.hint})" if error.hint else error.message
        return Report(word, problem=why)


def _show(report: Report, loaded: Loaded, *, as_json: bool) -> None:
    from llmrepl.cli.divergences import plain, told

    redactor = redactor_for(loaded)
    text = json.dumps(plain(report), ensure_ascii=False) if as_json else told(report)
    click.echo(redactor.redact(text))
