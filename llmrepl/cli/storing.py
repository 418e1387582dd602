"""`llmrepl sessions schema`, `pack`, `unpack`, `upgrade` and `key`: saved sessions as files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from llmrepl.cli.options import load_config

_DAY = 24 * 60 * 60


@click.command("schema")
def schema() -> None:
    """Print the JSON Schema of a line of a session's file.

    The page on the session format says how lines hang together.
    """
    from llmrepl.sessions.schema import schema as made

    click.echo(json.dumps(made(), indent=2, ensure_ascii=False))


@click.command("pack")
@click.argument("sessions", metavar="[SESSION]…", nargs=-1)
@click.option("--days", type=click.IntRange(0), metavar="N", help="All unused for so many days.")
def pack(sessions: tuple[str, ...], days: int | None) -> None:
    """Pack sessions with zstd, so that they take less room.

    They are listed, found, shown and replayed as before; going on with one unpacks it. What is open
    is left out. A SESSION is an id, the beginning of one, or `last`.
    """
    from llmrepl.errors import SessionLocked
    from llmrepl.sessions.rewriting import pack as packed

    if not sessions and days is None:
        raise click.UsageError("name sessions, or say --days N")
    directory = load_config().config.sessions.directory
    named = list(_ids(directory, sessions))
    for session_id in dict.fromkeys((*named, *_unused(directory, days))):
        try:
            made = packed(directory, session_id)
        except SessionLocked:
            if session_id in named:
                raise
            continue
        if made:
            click.echo(f"packed {session_id}: {made.before:,} bytes became {made.after:,}")


@click.command("unpack")
@click.argument("sessions", metavar="SESSION…", nargs=-1, required=True)
def unpack(sessions: tuple[str, ...]) -> None:
    """Make packed sessions the text files that they were."""
    from llmrepl.sessions.rewriting import unpack as unpacked

    directory = load_config().config.sessions.directory
    for session_id in _ids(directory, sessions):
        if unpacked(directory, session_id):
            click.echo(f"unpacked {session_id}")


@click.command("upgrade")
@click.argument("sessions", metavar="SESSION…", nargs=-1, required=True)
@click.option("--encrypt", is_flag=True, help="Seal them for those in sessions.encrypt.")
def upgrade(sessions: tuple[str, ...], encrypt: bool) -> None:
    """Rewrite sessions in the newest version of the format.

    Nothing needs it: older versions are read, and go on as they are.
    """
    from llmrepl.sessions.format import VERSION
    from llmrepl.sessions.rewriting import upgrade as upgraded

    directory = load_config().config.sessions.directory
    for session_id in _ids(directory, sessions):
        if encrypt:
            _seal(directory, session_id)
            continue
        before = upgraded(directory, session_id)
        if before is None:
            click.echo(f"{session_id} has the newest format version already")
        else:
            click.echo(f"{session_id} had format version {before} and has {VERSION} now")


def _seal(directory: Path, session_id: str) -> None:
    from llmrepl.compose.erasing import forget_indexed
    from llmrepl.config.paths import search_index
    from llmrepl.sessions.rewriting import seal

    if not seal(directory, session_id):
        click.echo(f"{session_id} is sealed already")
        return
    forget_indexed(search_index(os.environ, directory), [session_id])
    click.echo(f"sealed {session_id}")


@click.command("key")
@click.option("--file", type=click.Path(path_type=Path), help="There instead of in the keyring.")
def key(file: Path | None) -> None:
    """Make a key for sealed sessions in the system's keyring, and print its recipient.

    A key that is there stays. Without it nobody can open what was sealed for it: keep a copy. In a
    file it is an identity as age knows it.
    """
    from llmrepl.sessions.sealed.identities import make

    recipient, fresh = make(file)
    click.echo(recipient)
    where = "in the system's keyring" if file is None else f"in {file}"
    click.echo(f"llmrepl: the key {'is now' if fresh else 'was already'} {where}", err=True)
    click.echo(f'llmrepl: sessions.encrypt = ["{recipient if file else "keyring"}"]', err=True)
    if file:
        click.echo(f'llmrepl: sessions.identity = "{file.absolute()}"', err=True)


def _ids(directory: Path, words: Iterable[str]) -> Iterator[str]:
    from llmrepl.sessions.catalog import named

    return (named(directory, word) for word in words)


def _unused(directory: Path, days: int | None) -> list[str]:
    from llmrepl.sessions.catalog import newest

    if days is None:
        return []
    then = time.time() - days * _DAY
    return [name for name, status in newest(directory) if status.st_mtime <= then]
