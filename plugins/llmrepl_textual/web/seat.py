"""A browser session's process: who starts it, who sees it, and when it ends.

One page at a time shows it. A page that goes leaves it running for a while, so that a reload finds
the turn that was under way; what happened is in the session's log in any case.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from llmrepl_textual.web.page import DRIVER

FIRST = b"__GANGLION__\n"
"""What Textual's driver says before anything else."""
LINES = 10
"""Lines that may come before it."""
WORDS = 8192
"""Bytes that are kept of what a process complains of."""
PATIENCE = 10.0
"""Seconds that a process gets to end in order, and again when it is told to by a signal."""
SIDES = range(1, 1001)
"""Columns and rows that a page may have."""
OPENED = ("http", "https", "mailto")
"""What addresses may be opened in the browser."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is started for a browser session.

    Attributes:
        command: the program and its arguments.
        wanted: arguments that choose the session, where nothing is known of one yet.
        grace: seconds that it goes on when no page shows it.
        complain: takes what a process said as it failed.
    """

    command: Sequence[str]
    wanted: Sequence[str]
    grace: float
    complain: Callable[[str], object]


class Seat(AppService):
    """What one browser session has.

    Args:
        program: what to start.
        address: the path of its page, with a slash at its end.
        downloads: files on their way to browsers.
        room: whether another process may be started.

    Attributes:
        running: whether it has a process, or is about to.
        session: the id of the session that is open, or was last; empty before the first.
    """

    def __init__(
        self,
        program: Program,
        address: str,
        downloads: DownloadManager,
        room: Callable[[], bool],
    ) -> None:
        super().__init__(
            "llmrepl",
            write_bytes=self._show,
            write_str=self._say,
            close=self._hang_up,
            download_manager=downloads,
        )
        self.running = False
        self.session = ""
        self._program = program
        self._address = address
        self._room = room
        self._page: web.WebSocketResponse | None = None
        self._pages = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None
        self._ending = False
        self._over = False

    async def attend(self, page: web.WebSocketResponse, width: int, height: int) -> None:
        """Show it in a page from now on, and in no other; start it if need be and there is room.

        Args:
            page: the connection to the page.
            width: its columns.
            height: its rows.
        """
        before, self._page = self._page, page
        self._stay()
        if before is not None:
            await before.close(message=b"shown in another page")
        async with self._pages:
            if self._ending and self._task is not None:
                await asyncio.wait([self._task])
            if self._page is not page:
                return
            if self._over:
                await self._hang_up()
                return
            if self._task is None or self._task.done():
                if not (self.running or self._room()):  # a page before may have made room
                    await self._hang_up()
                    return
                self.running = True
                await self.start(*_fitting(width, height))
            else:
                await self.set_terminal_size(width, height)
                await self.send_meta({"type": "attach"})

    def leave(self, page: web.WebSocketResponse) -> None:
        """Take note that a page is gone; where it was the one, the process ends after a while."""
        if self._page is not page:
            return
        self._page = None
        if self._task is None or self._task.done():
            self.running = False
        else:
            self._waiting = asyncio.create_task(self._end_alone())

    async def start(self, width: int, height: int) -> None:
        """Start the process for a page of this size."""
        self._ending = False
        process = await self._open_app_process(width, height)
        self._task = asyncio.create_task(self._run(process))

    async def stop(self) -> None:
        """End the process for good, also one that is about to start."""
        self._over = True
        self._stay()
        async with self._pages:
            await self._end()

    async def _end(self) -> None:
        """End the process: it is asked, then told, then killed."""
        task, process = self._task, self._process
        if task is None or process is None or task.done():
            return
        self._ending = True
        await self._hang_up()
        await self._download_manager.cancel_app_downloads(self.app_service_id)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.send_meta({"type": "quit"}), 1)
        for end in (None, signal.SIGTERM, signal.SIGKILL):
            if end is not None:
                self.send_signal(end)
            if (await asyncio.wait([task], timeout=PATIENCE))[0]:
                return

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and all that it started in its own group."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the process how large the page is."""
        await super().set_terminal_size(*_fitting(width, height))

    async def on_meta(self, data: bytes) -> None:
        """Take what the process says about itself."""
        told = json.loads(data)
        match told.get("type"):
            case "session":
                self.session = str(told["id"])
            case "exit" if not self._ending:  # else a page may wait for what comes next
                self._ending = True
                await self._hang_up()
            case "open_url":
                if urlsplit(str(told["url"])).scheme.lower() in OPENED:
                    await self._open(str(told["url"]))
            case "deliver_file_start":
                await self._deliver(told)

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = super()._build_environment(width, height)
        return environment | {
            "COLORTERM": "truecolor",
            "TERM": "xterm-256color",
            "TEXTUAL_DRIVER": DRIVER,
        }

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        wanted = ("--session", self.session) if self.session else self._program.wanted
        self._process = process = await asyncio.create_subprocess_exec(
            *self._program.command,
            *wanted,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width, height),
            start_new_session=True,  # Ctrl-C is for the server, which ends them in order
        )
        self._stdin = process.stdin
        return process

    async def _run(self, process: Process) -> None:
        """Pass on what the process shows, until it has ended."""
        assert process.stdout is not None
        assert process.stderr is not None
        said = asyncio.create_task(_last_words(process.stderr))
        try:
            await self._packets(process.stdout)
            await said
        finally:
            code = await process.wait()
            if code:
                self._program.complain((await said).decode("utf-8", "replace"))
            self._process = None
            self.running = False
            if not self._ending:  # else it is done, and a page may wait for what comes next
                await self._hang_up()

    async def _packets(self, stdout: asyncio.StreamReader) -> None:
        try:
            await self._understood(stdout)
        except asyncio.IncompleteReadError:
            pass  # it has ended
        except ValueError:  # it speaks something else, and nobody could see or end it
            self.send_signal(signal.SIGTERM)
        while await stdout.read(65536):
            pass

    async def _understood(self, stdout: asyncio.StreamReader) -> None:
        takers = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        for _ in range(LINES):
            said = await stdout.readline()
            if said == FIRST:
                break
            if not said:
                return
        else:
            raise ValueError
        while not self._ending:
            kind = await stdout.readexactly(1)
            size = int.from_bytes(await stdout.readexactly(4), "big")
            payload = await stdout.readexactly(size)
            if kind in takers:
                await takers[kind](payload)

    async def _show(self, data: bytes) -> None:
        page = self._page
        if page is not None and not page.closed:
            with suppress(ConnectionError):
                await page.send_bytes(data)

    async def _say(self, text: str) -> None:
        page = self._page
        if page is not None and not page.closed:
            with suppress(ConnectionError):
                await page.send_str(text)

    async def _hang_up(self) -> None:
        page, self._page = self._page, None
        if page is not None:
            await page.close()

    async def _open(self, url: str) -> None:
        await self._say(json.dumps(["open_url", {"url": url, "new_tab": True}]))

    async def _deliver(self, told: dict[str, Any]) -> None:
        key = str(told["key"])
        await self._download_manager.create_download(
            app_service=self,
            delivery_key=key,
            file_name=PurePath(told["path"]).name,
            open_method="download",
            mime_type=told["mime_type"],
            encoding=told["encoding"],
            name=told.get("name"),
        )
        await self._open(f"{self._address}download/{key}")

    def _stay(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()

    async def _end_alone(self) -> None:
        await asyncio.sleep(self._program.grace)
        async with self._pages:
            self._waiting = None  # from here on nobody calls it off
            await self._end()


async def _last_words(stderr: asyncio.StreamReader) -> bytes:
    """Read to the end, and return the end of it."""
    kept = b""
    while piece := await stderr.read(4096):
        kept = (kept + piece)[-WORDS:]
    return kept


def _fitting(width: int, height: int) -> tuple[int, int]:
    return _within(width), _within(height)


def _within(side: int) -> int:
    return min(max(int(side), SIDES[0]), SIDES[-1])
