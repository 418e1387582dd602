"""`llmrepl sessions tag`, `rm` and `prune`: what is kept of saved sessions, and what is erased."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmrepl.cli.options import load_config, redactor_for

if TYPE_CHECKING:
    from llmrepl.config import Config, Loaded
    from llmrepl.sessions.keeping.retention import Found

STAYS = "The audit log keeps the first line of each block that ran; exports are files of your own."
UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
PROMPT = 40
"""Characters of a prompt that a list shows."""


@click.command("tag")
@click.argument("session")
@click.argument("tags", metavar="[TAG]…", nargs=-1)
@click.option("--remove", "drop", metavar="TAG", multiple=True, help="Take this tag away.")
def tag(session: str, tags: tuple[str, ...], drop: tuple[str, ...]) -> None:
    """Give a session tags, take some away, and print those it has.

    Sessions tagged `keep` are never pruned; the setting sessions.keep_tags names others. SESSION is
    an id, the beginning of one, or `last`.
    """
    from llmrepl.sessions.catalog import named, session_path
    from llmrepl.sessions.finding import records_of
    from llmrepl.sessions.keeping.tags import tag as give
    from llmrepl.sessions.keeping.tags import tags_of

    directory = load_config().config.sessions.directory
    session = named(directory, session)
    if tags or drop:
        has = give(directory, session, tags, drop)
    else:
        has = tags_of(records_of(session_path(directory, session))[1])
    for each in has:
        click.echo(each)


@click.command("rm")
@click.argument("sessions", metavar="SESSION…", nargs=-1, required=True)
@click.option("--forks", is_flag=True, help="And the sessions that were forked from them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(sessions: tuple[str, ...], forks: bool, yes: bool) -> None:
    """Delete sessions for good, with all that llmrepl keeps of them elsewhere.

    That is what the search index holds, what was typed in them and the arrow keys would bring back,
    and files that no other session needs. The audit log keeps what ran. A SESSION is an id, the
    beginning of one, or `last`.
    """
    from llmrepl.sessions.catalog import named
    from llmrepl.sessions.holdings import told_of_kin, with_forks

    directory = load_config().config.sessions.directory
    going = list(dict.fromkeys(named(directory, name) for name in sessions))
    if forks:
        going = with_forks(directory, going)
    for line in told_of_kin(directory, going, more=" (--forks deletes it as well)"):
        click.echo(line, err=True)
    if not yes and not click.confirm(f"Delete {', '.join(going)} for good?", err=True):
        _stop()
    _delete(directory, going)


@click.command("prune")
@click.option("--days", "sessions__keep_days", metavar="N", help="Unused for so many days.")
@click.option("--size", "sessions__keep_size", metavar="SIZE", help="What all may take: 500MB.")
@click.option("--dry-run", is_flag=True, help="Only say what would go, and why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per session.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(dry_run: bool, as_json: bool, yes: bool, **rules: str | None) -> None:
    """Delete the sessions that the rules of the configuration let go.

    The rules are sessions.keep_days and sessions.keep_size; --days and --size stand in for them.
    Sessions that are open, or have a tag of sessions.keep_tags, stay. So do forks of what goes.
    """
    from llmrepl.compose.pruning import planned

    given = {key: value for key, value in rules.items() if value is not None}
    loaded = load_config(dict(given))
    plan = planned(loaded.config)
    directory = loaded.config.sessions.directory
    if as_json:
        for session in plan.going:
            click.echo(json.dumps({"action": "delete", **_row(session)}, ensure_ascii=False))
        for session in plan.held:
            click.echo(json.dumps({"action": "keep", **_row(session)}, ensure_ascii=False))
    else:
        _say(loaded, plan.going, "would delete" if dry_run else "to delete", dry_run)
        _say(loaded, plan.held, "stays", dry_run)
    told = f"{len(plan.going)} of {_all(directory)} sessions, {size(plan.size - plan.left)}"
    if plan.going:
        click.echo(f"{told}; {size(plan.left)} would be left." if dry_run else f"{told}.", err=True)
    else:
        click.echo("No rule lets any session go.", err=True)
    if dry_run or not plan.going:
        return
    if not yes and not click.confirm("Delete them for good?", err=True):
        _stop()
    _delete(directory, [session.id for session in plan.going], quiet=as_json)


def prune_unasked(config: Config) -> None:
    """Prune where `sessions.prune` says so, as a chat has ended, and say what went."""
    if config.sessions.prune:
        from llmrepl.compose.pruning import pruned_unasked

        if told := pruned_unasked(config, os.environ):
            click.echo(f"llmrepl: {told}", err=True)


def size(count: int) -> str:
    """Return a number of bytes for people: `1.2 MB`."""
    each, name = next(((n, unit) for n, unit in UNITS if count >= n), (1, "B"))
    return f"{count / each:.1f} {name}" if each > 1 else f"{count} B"


def _say(loaded: Loaded, sessions: Sequence[Found], what: str, dry_run: bool) -> None:
    """List sessions with the reason: on stdout where the list is the result."""
    from llmrepl.sanitise import clean

    redactor = redactor_for(loaded)
    for session in sessions:
        when = time.strftime("%Y-%m-%d", time.localtime(session.used / 1000))
        prompt = clean(redactor.redact(session.prompt))[:PROMPT]
        click.echo(f"{what} {session.id}  {when}  {prompt}", err=not dry_run)
        click.echo(f"    {session.why}", err=not dry_run)
        for fork in session.forks:
            click.echo(f"    {fork} was forked from it and stays whole", err=not dry_run)


def _row(session: Found) -> dict[str, object]:
    return {
        "id": session.id,
        "used": session.used,
        "size": session.size,
        "why": session.why,
        "forks": list(session.forks),
    }


def _all(directory: Path) -> int:
    from llmrepl.sessions.catalog import ids

    return len(ids(directory))


def _delete(directory: Path, session_ids: Iterable[str], *, quiet: bool = False) -> None:
    from llmrepl.compose.erasing import erase_everywhere

    gone: list[str] = []
    try:  # what went before an error is told as well
        gone.extend(erased.id for erased in erase_everywhere(directory, session_ids, os.environ))
    finally:
        for name in gone:
            click.echo(f"deleted {name}", err=quiet)
    click.echo(STAYS, err=True)


def _stop() -> None:
    click.echo("Nothing was deleted.", err=True)
    raise click.exceptions.Exit(1)
