"""`llmrepl sessions`: lists, searches, shows, exports and imports; the rest is in other modules."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmrepl.cli import branches
from llmrepl.cli.keeping import prune, remove, tag
from llmrepl.cli.options import load_config, redactor_for
from llmrepl.cli.storing import key, pack, schema, unpack, upgrade

if TYPE_CHECKING:
    from llmrepl.redaction import Redactor
    from llmrepl.sessions.search.index import Hit

EXCERPT = 72
"""Characters of a record that a search shows."""
_FORMATS = "md, html, json, atif, cast or ipynb."
_ORIGINS = "llm, openai or atif; told by what the file holds unless given."


@click.group("sessions")
def command() -> None:
    """List, search, show, watch, fork, compare, export, tag and remove sessions."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per session.")
@click.option("--limit", type=int, default=50, show_default=True, help="How many at the most.")
@click.option("--tag", "tagged", metavar="TAG", help="Only those with this tag.")
def list_(as_json: bool, limit: int, tagged: str | None) -> None:
    """List saved sessions, the most recently used first."""
    from llmrepl.figures import column, money, tokens
    from llmrepl.sanitise import clean
    from llmrepl.sessions.listing import sessions

    loaded = load_config()
    redactor = redactor_for(loaded)
    shown = False
    rows = sessions(loaded.config.sessions.directory)
    for each in islice((row for row in rows if tagged in (None, *row.tags)), limit):
        shown = True
        row = each._replace(prompt=redactor.redact(each.prompt))
        if as_json:
            click.echo(json.dumps(_row(row), ensure_ascii=False))
            continue
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.updated / 1000))
        used = row.usage.input_tokens + row.usage.output_tokens
        state = "" if row.state == "finished" else f" [{row.state}]"
        tags = "".join(f" #{clean(tag)}" for tag in row.tags)
        click.echo(
            f"{row.id}  {when}  {column(row.turns, 'turn')}  {tokens(used):>6} tokens "
            f" {money(row.cost):>8}  {clean(row.prompt)[:60]}{state}{tags}"
        )
    if not shown:
        click.echo("No sessions yet.", err=True)


def _row(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": row.state,
        "created": row.created,
        "updated": row.updated,
        "cwd": row.cwd,
        "turns": row.turns,
        "prompt": row.prompt,
        "model": row.model,
        "usage": {
            "input_tokens": row.usage.input_tokens,
            "output_tokens": row.usage.output_tokens,
        },
        "cost_usd": None if row.cost is None else float(row.cost),
        "records": row.records,
        "size": row.size,
        "path": str(row.path),
        "tags": list(row.tags),
    }


@command.command("show")
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="Print the records, blobs put back.")
@click.option("--display", metavar="NAME", help="What shows it: timeline, plain or a plugin's.")
@click.option("--at", type=int, metavar="SEQ", help="The state behind this record instead.")
@click.option(
    "--context",
    "step",
    is_flag=False,
    flag_value="",
    metavar="[TURN.STEP]",
    help="What the model was told instead: in a step, or the last one, or at --at SEQ.",
)
def show(
    session: str, as_json: bool, display: str | None, at: int | None, step: str | None
) -> None:
    """Show a saved session as it looked, or its records.

    SESSION is an id, the beginning of one, `last`, or a session's file.
    """
    if at is not None or step is not None:
        from llmrepl.cli.looking import look

        look(session, at, step, as_json=as_json)
        return
    from llmrepl.sessions.finding import session_file
    from llmrepl.sessions.reader import LogReader

    loaded = load_config({"ui__display": display})
    reader = LogReader(session_file(loaded.config.sessions.directory, session))
    if as_json:
        for line, _ in reader.lines():
            click.echo(reader.whole(line))
    else:
        _replay(reader, session, loaded.config.ui, redactor_for(loaded))
    for lost in reader.lost:
        click.echo(f"llmrepl: {reader.path} {lost}", err=True)
    if reader.problem is not None:
        problem = reader.problem
        click.echo(
            f"llmrepl: {reader.path} line {problem.line}: {problem.reason};"
            f" the {reader.seq} records before it are shown",
            err=True,
        )


@command.command("watch")
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="Print the records as they are logged.")
@click.option("--display", metavar="NAME", help="What shows it: timeline, plain or a plugin's.")
def watch(session: str, as_json: bool, display: str | None) -> int:
    """Show a session live while another process writes it.

    SESSION is an id, the beginning of one, `last`, or a session's file. It begins with what there
    is, and ends when the session is closed, at once where nobody is writing it.
    """
    from llmrepl.cli import watching

    return watching.watch(session, display, as_json=as_json)


@command.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per record.")
@click.option("--limit", type=int, default=20, show_default=True, help="How many at the most.")
@click.option("--sealed", is_flag=True, help="Open sealed sessions and search them as well.")
def search(words: tuple[str, ...], as_json: bool, limit: int, sealed: bool) -> None:
    """Search prompts, answers, code and output of all sessions, the newest first.

    All WORDS must be found in a record, or words that begin so. A phrase is put into double quotes
    within single ones.
    """
    from llmrepl.config.paths import search_index
    from llmrepl.sanitise import clean
    from llmrepl.sessions.search.index import SearchIndex
    from llmrepl.sessions.search.words import excerpt

    loaded = load_config()
    redactor = redactor_for(loaded)
    query = " ".join(words)
    directory = loaded.config.sessions.directory
    with SearchIndex(directory, search_index(os.environ, directory)) as index:
        index.update()
        hits = index.search(query, limit)
        names = index.sealed()
    if sealed:
        hits = _with_sealed(directory, names, query, limit, hits)
    for hit in hits:
        text = redactor.redact(hit.text)
        if as_json:
            click.echo(json.dumps({**hit._asdict(), "text": text}, ensure_ascii=False))
            continue
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(hit.at / 1000))
        line = excerpt(clean(text), query, EXCERPT)
        click.echo(f"{hit.session}  {when}  turn {hit.turn:<3} {hit.kind:16} {line}")
    if not hits:
        click.echo("Nothing was found.", err=True)
    if names and not sealed:
        told = f"sealed, not searched: {len(names)}; --sealed opens and searches them"
        click.echo(f"llmrepl: {told}", err=True)


def _with_sealed(
    directory: Path, names: list[str], query: str, limit: int, hits: list[Hit]
) -> list[Hit]:
    """Return the newest of these hits and those in sealed sessions; say what cannot be opened."""
    from llmrepl.sessions.search.sealed import search_sealed

    found, unopened = search_sealed(directory, names, query, limit)
    for error in unopened.values():
        click.echo(f"llmrepl: {error.message}", err=True)
    return sorted([*hits, *found], key=lambda hit: hit.at, reverse=True)[:limit]


def _replay(reader: Any, session: str, ui: Any, redactor: Redactor) -> None:
    from llmrepl.displays.opening import open_display, surface_for

    surface = surface_for(sys.stdout, ui.theme, os.environ, words=ui.screen_reader)
    rest = f"llmrepl sessions show {session} --display plain"
    display = open_display(ui.display, replace(surface, rest=rest), saved=True)
    for record in reader:
        display.show(redactor.scrub(record))


@command.command("export")
@click.argument("session")
@click.option("--format", "name", metavar="FORMAT", default="md", show_default=True, help=_FORMATS)
@click.option("--output", type=click.Path(path_type=Path), help="Write there instead of printing.")
@click.option("--display", metavar="NAME", default="timeline", help="What draws a recording.")
def export(session: str, name: str, output: Path | None, display: str) -> None:
    """Print a session in another format, without secrets.

    SESSION is an id, the beginning of one, or `last`.
    """
    from llmrepl.compose.exporting import exported, save
    from llmrepl.sessions.catalog import named, session_path

    loaded = load_config()
    directory = loaded.config.sessions.directory
    path = session_path(directory, named(directory, session))
    text, problem = exported(path, name, redactor_for(loaded), display)
    if output is None:
        click.echo(text, nl=False)
    else:
        save(text, output)
    if problem:
        click.echo(f"llmrepl: {problem}", err=True)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "name", metavar="FORMAT", default="", help=_ORIGINS)
def import_(file: Path, name: str) -> None:
    """Make sessions of another program's conversations, and print their ids.

    `llmrepl --resume ID` goes on with one. What cannot be carried over is said.
    """
    from llmrepl.compose.importing import imported
    from llmrepl.sanitise import clean

    loaded = load_config()
    directory = loaded.config.sessions.directory
    for made in imported(file, name, directory, str(Path.cwd()), redactor_for(loaded)):
        click.echo(made.id)
        click.echo(f"llmrepl: {made.id}: {clean(made.told)}", err=True)


for _also in (tag, remove, prune, schema, pack, unpack, upgrade, key, *branches.COMMANDS):
    command.add_command(_also)
