"""Runs the server until it is told to end; it is the server `web` of the group `llmrepl.servers`.

What hears more than this machine is asked for by name, and is encrypted or asked for once more.
"""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

from llmrepl.conversing.frontends import Listening
from llmrepl.errors import ConfigError, LlmreplError
from llmrepl.sanitise import clean

if TYPE_CHECKING:
    from llmrepl_textual.web.server import Pages

TOLD = """\
Open this address in a browser within {minutes} minutes; it works once. Enter prints another one.
Ctrl-C ends all sessions in the browser, and keeps them."""


def run(listening: Listening, command: Sequence[str], wanted: Sequence[str]) -> int:
    """Serve the full screen until a signal ends it; return the exit code.

    Args:
        listening: where, and to how many.
        command: what is started for each browser session.
        wanted: its further arguments when it is started first: which session is wanted.

    Raises:
        ConfigError: what is asked for is not safe.
        LlmreplError: it cannot listen there.
    """
    names = names_of(listening)
    context = _tls(listening)
    return asyncio.run(_serve(listening, names, context, (command, wanted)))


def names_of(listening: Listening) -> tuple[str, ...]:
    """Return under which names people reach the server.

    Raises:
        ConfigError: it would be heard by others, without protection, or under unknown names.
    """
    try:
        address = ip_address("127.0.0.1" if listening.host == "localhost" else listening.host)
    except ValueError as error:
        raise ConfigError(
            f"--host {listening.host} is not an address",
            hint="accepted: the address of an interface, such as 127.0.0.1; names go to --name",
        ) from error
    if not address.is_loopback and not (listening.certificate or listening.without_tls):
        raise ConfigError(
            f"--host {listening.host} is reached by other machines, and nothing would be encrypted:"
            " whoever sees the traffic could run blocks as you",
            hint="give --certificate and --key, or reach it through `ssh -L`; where something else"
            " encrypts already, say so with --without-tls",
        )
    own = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004
    if listening.names:
        return (*listening.names, *((own,) if address.is_loopback else ()))
    if address.is_unspecified:
        raise ConfigError(
            f"--host {listening.host} is every address of this machine, so none is known to be its",
            hint="say with --name under which name or address browsers reach it",
        )
    return (own, "localhost") if address.is_loopback else (own,)


def _tls(listening: Listening) -> ssl.SSLContext | None:
    if not listening.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(listening.certificate, listening.key or None)
    except OSError as error:
        raise ConfigError(
            f"the certificate {listening.certificate} cannot be used: {error}",
            hint="accepted: files in PEM, the key of the certificate in the same or with --key",
        ) from error
    return context


async def _serve(
    listening: Listening,
    names: tuple[str, ...],
    context: ssl.SSLContext | None,
    program: tuple[Sequence[str], Sequence[str]],
) -> int:
    from aiohttp import web

    from llmrepl_textual.web.admission import INVITED_SECONDS, Admission
    from llmrepl_textual.web.guard import Guard
    from llmrepl_textual.web.seat import Program
    from llmrepl_textual.web.server import Pages

    admitted = Admission()
    pages = Pages(Program(*program, listening.grace, _complain), listening.limit, admitted)
    runner = web.AppRunner(pages.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        host = "127.0.0.1" if listening.host == "localhost" else listening.host
        port = await _listen(runner, host, listening.port, context)
        pages.guard = Guard("https" if context else "http", names, port)

        def invite() -> None:
            sys.stdout.write(f"{pages.guard.origin}/open/{admitted.invite()}\n")
            sys.stdout.flush()

        invite()
        sys.stderr.write(TOLD.format(minutes=round(INVITED_SECONDS / 60)) + "\n")
        await _until_told(pages, invite)
    finally:
        await runner.cleanup()
    return 0


async def _listen(runner: object, host: str, port: int, context: ssl.SSLContext | None) -> int:
    from aiohttp import web

    assert isinstance(runner, web.AppRunner)
    try:
        await web.TCPSite(runner, host, port, ssl_context=context).start()
    except OSError as error:
        raise LlmreplError(
            f"cannot listen on {host}, port {port}: {os.strerror(error.errno or 0)}",
            hint="choose another port with --port; 0 takes any that is free",
        ) from error
    taken: int = runner.addresses[0][1]
    return taken


async def _until_told(pages: Pages, invite: object) -> None:
    """Print an address for each Enter, until a signal; another signal ends the sessions at once."""
    assert callable(invite)
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def end() -> None:
        if told.is_set():
            pages.kill()
        told.set()

    def entered() -> None:
        if os.read(0, 4096):
            invite()
        else:
            loop.remove_reader(0)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    with suppress(OSError):  # it is closed, or a file: there is nobody to press a key
        loop.add_reader(0, entered)
    await told.wait()
    loop.remove_reader(0)


def _complain(words: str) -> None:
    sys.stderr.write(f"llmrepl: a session in the browser failed:\n{clean(words).rstrip()}\n")
