"""`llmrepl sessions fork`, `tree` and `compare`: several ways on from one beginning."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from llmrepl.cli.options import load_config, redactor_for

if TYPE_CHECKING:
    from llmrepl.sessions.branching.tree import Row


@click.command("fork")
@click.argument("session")
@click.option("--at", type=int, metavar="SEQ", help="The last record to copy; 0 for none.")
@click.option("--turn", type=int, metavar="N", help="The last turn to copy; 0 for none.")
@click.option("--name", metavar="NAME", default="", help="The id of the copy.")
def fork(session: str, at: int | None, turn: int | None, name: str) -> None:
    """Copy a session, or the beginning of it.

    SESSION is an id, the beginning of one, or `last`. Without --at and --turn all of it is copied;
    the id of the copy is printed.

    A copy may end in the middle of a turn: `llmrepl --resume ID` goes on with it. What had started
    and not finished is unknown there, and does not run again.
    """
    from llmrepl.runtime import fold
    from llmrepl.sanitise import clean
    from llmrepl.sessions.branching.forking import fork as copy
    from llmrepl.sessions.branching.places import end_of_turn, goes_on
    from llmrepl.sessions.catalog import named, session_path
    from llmrepl.sessions.reader import LogReader

    if at is not None and turn is not None:
        raise click.UsageError("--at and --turn both say where: give one of them")
    if at is not None and at < 0:
        raise click.UsageError("--at is the number of a record, 0 or more")
    directory = load_config().config.sessions.directory
    original = named(directory, session)
    reader = LogReader(session_path(directory, original))
    records = list(reader)
    if turn is not None:
        at = end_of_turn(records, turn)
    kept = records[:at]
    told = goes_on(fold(kept), records[len(kept) :])
    click.echo(copy(directory, original, len(records) if at is None else at, name=name))
    click.echo(f"llmrepl: {len(kept)} of {len(records)} records of {original}", err=True)
    for line in told:
        click.echo(f"llmrepl: {clean(line)}", err=True)
    if reader.problem is not None:
        problem = reader.problem
        click.echo(f"llmrepl: {original} line {problem.line}: {problem.reason}", err=True)


@click.command("tree")
@click.argument("session", required=False)
@click.option("--all", "everything", is_flag=True, help="Leave no branch out.")
@click.option("--limit", type=int, default=10, show_default=True, help="Trees at the most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per branch.")
def tree(session: str | None, everything: bool, limit: int, as_json: bool) -> None:
    """Draw which session was forked from which, the tree that was used last first.

    With SESSION (an id, the beginning of one, or `last`) the tree that it is in. Turns, cost and
    models are those of the branch itself, behind the place where it left its origin.
    """
    from llmrepl.sessions.branching.kinship import kin_in, tree_of, trees
    from llmrepl.sessions.branching.tree import plain, rows
    from llmrepl.sessions.catalog import named
    from llmrepl.sessions.lock import holders

    loaded = load_config()
    directory, redact = loaded.config.sessions.directory, redactor_for(loaded).redact
    if session is not None:
        shown = [tree_of(kin_in(directory), named(directory, session))]
        left = alone = 0
    else:
        found = trees(kin_in(directory))
        forked = [one for one in found if len(one.places) > 1]
        shown, left, alone = forked[:limit], len(forked[limit:]), len(found) - len(forked)
    for number, one in enumerate(shown):
        table = rows(one, directory, held=holders(), everything=everything or as_json)
        if as_json:
            first = one.places[0].kin.id
            for row in table:
                click.echo(json.dumps({"tree": first, **plain(row, redact)}))
            continue
        if number:
            click.echo()
        _draw(table, redact)
        if one.ring:
            click.echo("llmrepl: the origin of the first leads back to itself", err=True)
    if left:
        click.echo(f"llmrepl: more trees: {left}; --limit shows more", err=True)
    if alone:
        click.echo(f"llmrepl: sessions without branches: {alone}", err=True)


@click.command("compare")
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with all of it.")
def compare(first: str, second: str, as_json: bool) -> None:
    """Show two sessions side by side, from where they part.

    FIRST and SECOND are ids, beginnings of ids, `last`, or files of sessions. The time is what
    models and calls took.
    """
    from llmrepl.sessions.branching.beside import drawn
    from llmrepl.sessions.branching.contrast import contrast, plain
    from llmrepl.sessions.finding import session_file
    from llmrepl.sessions.reader import LogReader

    loaded = load_config()
    redactor = redactor_for(loaded)
    directory = loaded.config.sessions.directory
    readers = [LogReader(session_file(directory, word)) for word in (first, second)]
    left, right = (redactor.scrub(list(reader)) for reader in readers)
    found = contrast(left, right)
    names = readers[0].header.id, readers[1].header.id
    if as_json:
        sides = {
            side: {"id": name, **plain(data)}
            for side, name, data in zip(("left", "right"), names, found[2:], strict=True)
        }
        click.echo(json.dumps({"common": found.common, "turn": found.turn, **sides}))
    else:
        for line in drawn(found, names, shutil.get_terminal_size().columns):
            click.echo(line)
    for reader in readers:
        if reader.problem is not None:
            problem = reader.problem
            click.echo(f"llmrepl: {reader.path} line {problem.line}: {problem.reason}", err=True)


def _draw(table: Sequence[Row | int], redact: Callable[[str], str]) -> None:
    from llmrepl.sessions.branching.tree import drawn, milliseconds

    width = shutil.get_terminal_size().columns
    for line in drawn(table, width, now=milliseconds(), redact=redact):
        click.echo(line)


COMMANDS = (fork, tree, compare)
"""What `llmrepl sessions` has of these."""
