"""One round of checks told on the command line, and rounds that go on for monitoring."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, TypeVar

import click

from llmrepl import __version__
from llmrepl.checks import Check
from llmrepl.compose.checks import Installation
from llmrepl.config.secrets import redactor_of
from llmrepl.errors import LlmreplError
from llmrepl.health import Outcome, run_checks
from llmrepl.health.prometheus import MEDIA_TYPE, metrics
from llmrepl.health.telling import lines, row
from llmrepl.sanitise import clean

T = TypeVar("T")

ERASE = "\r\x1b[K"


class Form(NamedTuple):
    """How outcomes are told; `in_full` adds what a sandbox told of itself."""

    as_json: bool
    prometheus: bool
    in_full: bool


class Round(NamedTuple):
    """What is checked, where, and how it is told; `site` looks at the configuration anew."""

    checks: Mapping[str, Check]
    site: Callable[[], Installation]
    form: Form

    def scrub(self, found: T) -> T:
        """Return what was found without secrets."""
        site = self.site()
        return redactor_of(site.settings, site.environ, site.cwd).scrub(found)


async def check(this: Round, *, fix: bool) -> Sequence[Outcome]:
    """Check once and tell it; with `fix`, repair what can be, and check that again."""
    outcomes = await look(this)
    if fix and (repaired := await _repair(this, outcomes)):
        again = {name: one for name, one in this.checks.items() if name in repaired}
        anew = await look(this._replace(checks=again))
        kept = [outcome for outcome in outcomes if outcome.name not in repaired]
        order = [*this.checks]
        outcomes = sorted([*kept, *anew], key=lambda outcome: order.index(outcome.name))
    tell(this, outcomes)
    return outcomes


async def look(this: Round) -> list[Outcome]:
    """Run the checks, with progress on a terminal, and return what they found without secrets."""
    left = dict.fromkeys(this.checks)
    shown = sys.stderr.isatty()

    def progress(done: str) -> None:
        left.pop(done, None)
        if shown:
            waiting = ", ".join([*left][:4])
            sys.stderr.write(f"{ERASE}{len(this.checks) - len(left)}/{len(this.checks)} {waiting}")
            sys.stderr.flush()

    progress("")
    try:
        found = await run_checks(this.checks, this.site(), progress)
    finally:
        if shown:
            sys.stderr.write(ERASE)
            sys.stderr.flush()
    scrubbed = this.scrub([outcome.finding for outcome in found])
    return [o._replace(finding=plain) for o, plain in zip(found, scrubbed, strict=True)]


def tell(this: Round, outcomes: Sequence[Outcome]) -> None:
    """Print outcomes on stdout."""
    if this.form.prometheus:
        click.echo(metrics(outcomes, __version__, time.time()), nl=False)
        return
    for outcome in outcomes:
        if this.form.as_json:
            click.echo(json.dumps(row(outcome), ensure_ascii=False, default=str))
            continue
        for line in lines(outcome):
            click.echo(clean(line))
        for line in outcome.finding.details.get("lines", ()) if this.form.in_full else ():
            click.echo(clean(f"    {line}"))


async def _repair(this: Round, outcomes: Sequence[Outcome]) -> set[str]:
    """Do the repairs; return the names of the checks whose findings were repaired."""
    done = set()
    for name, finding, _ in outcomes:
        if finding.repair is None:
            continue
        try:
            told = await asyncio.to_thread(finding.repair)
        except (LlmreplError, OSError) as error:
            told = f"could not be repaired: {error}"
        else:
            done.add(name)
        click.echo(clean(this.scrub(f"{name}: {told}")), err=True)
    return done


async def keep_watch(this: Round, seconds: float, listen: str | None) -> None:
    """Check again and again until Ctrl-C, and tell what changes.

    Args:
        this: the first round; the others are like it.
        seconds: between the beginnings of two rounds.
        listen: the address to serve metrics at, as host:port; None for nowhere.
    """
    page = Page()
    server = page.serve(listen) if listen else None
    known: Mapping[tuple[str, str], str] = {}
    try:
        while True:
            began = time.monotonic()
            outcomes = await look(this)
            page.text = metrics(outcomes, __version__, time.time())
            if this.form.as_json or this.form.prometheus:
                tell(this, outcomes)
            else:
                states = {_key(outcome): outcome.finding.status for outcome in outcomes}
                changed = [o for o in outcomes if known.get(_key(o)) != o.finding.status]
                if changed:
                    click.echo(time.strftime("%Y-%m-%d %H:%M:%S"))
                    tell(this, changed)
                known = states
            sys.stdout.flush()
            await asyncio.sleep(max(0.0, seconds - (time.monotonic() - began)))
    finally:
        if server is not None:
            server.shutdown()
            server.server_close()


def _key(outcome: Outcome) -> tuple[str, str]:
    return outcome.name, outcome.finding.subject


class Page:
    """What is served at /metrics: the last round. `text` is replaced as a whole."""

    def __init__(self) -> None:
        self.text = ""

    def serve(self, address: str) -> ThreadingHTTPServer:
        """Serve it from threads of its own, and say where.

        Raises:
            LlmreplError: the address cannot be listened at.
        """
        host, _, port = address.rpartition(":")
        handler = _handler(self)
        try:
            server = ThreadingHTTPServer((host.strip("[]") or "127.0.0.1", int(port)), handler)
        except (OSError, ValueError, OverflowError) as error:
            raise LlmreplError(
                f"cannot listen at {address}: {error}", hint="accepted: HOST:PORT, 127.0.0.1:9464"
            ) from None
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
        bound = f"{server.server_address[0]!s}:{server.server_address[1]}"
        click.echo(f"serving http://{bound}/metrics", err=True)
        return server


def _handler(page: Page) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers GET /metrics; 503 before the first round has ended."""

        timeout = 10.0

        def do_GET(self) -> None:
            """Answer."""
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            if not page.text:
                self.send_error(503)
                return
            content = page.text.encode()
            self.send_response(200)
            self.send_header("Content-Type", MEDIA_TYPE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing: what is scraped every few seconds is no news."""

    return Handler
