"""The server: textual-serve's, behind a guard and a pass, with pages and files of its own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
import textual_serve
from aiohttp import web
from textual_serve.server import Server, to_int

from llmrepl.figures import counted
from llmrepl_textual.web.admission import ADMITTED_SECONDS, Admission
from llmrepl_textual.web.guard import SANDBOX, Guard
from llmrepl_textual.web.seat import Program, Seat

COOKIE = "llmrepl"
HERE = Path(__file__).parent
THEIRS = Path(textual_serve.__file__).parent / "static"
FILES = {
    "icon.svg": HERE / "static" / "icon.svg",
    "page.css": HERE / "static" / "page.css",
    "page.js": HERE / "static" / "page.js",
    "roboto-mono-italic.ttf": THEIRS / "fonts" / "RobotoMono-Italic-VariableFont_wght.ttf",
    "roboto-mono.ttf": THEIRS / "fonts" / "RobotoMono-VariableFont_wght.ttf",
    "textual.js": THEIRS / "js" / "textual.js",
    "xterm.css": THEIRS / "css" / "xterm.css",
}
"""What pages load, all of it from here."""
HEARTBEAT = 15.0
"""Seconds between looks whether a page is still there."""
LARGEST = 4 * 1024 * 1024
"""Bytes of the largest message of a page, such as a paste."""
FONT_SIZES = range(8, 49)
SEAT: web.RequestKey[Seat] = web.RequestKey("seat", Seat)
ENTER = "Press Enter where `llmrepl web` runs: it prints an address that works once."
LIMIT = "Leave another session with Ctrl-Q, or begin `llmrepl web` with a larger --limit."

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages(Server):
    """Gives each browser session a page and a process, and nobody else anything.

    Args:
        program: what runs for each browser session.
        limit: how many of them may run at the same time.
        admitted: who may come in.
    """

    def __init__(self, program: Program, limit: int, admitted: Admission) -> None:
        super().__init__("llmrepl", title="llmrepl", templates_path=HERE / "templates")
        self.guard = Guard("http", ("localhost",), 0)
        self._program = program
        self._limit = limit
        self._admitted = admitted
        self._seats: dict[str, Seat] = {}

    def application(self) -> web.Application:
        """Return what answers requests."""
        app = web.Application(middlewares=[self._judged])
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        app.add_routes(
            [
                web.get("/open/{token}", self.handle_open, name="open", allow_head=False),
                web.get("/s/{seat}/", self.handle_index),
                web.get("/s/{seat}/ws", self.handle_websocket, name="socket"),
                web.get("/s/{seat}/download/{key}", self.handle_download, name="download"),
                web.get("/s/{seat}/static/{file}", self.handle_file),
            ]
        )
        app.on_response_prepare.append(self._headed)
        app.on_shutdown.append(self.on_shutdown)
        return app

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002 - aiohttp passes it
        """End all sessions."""
        await asyncio.gather(*(seat.stop() for seat in self._seats.values()))

    def kill(self) -> None:
        """End all sessions at once."""
        for seat in self._seats.values():
            seat.send_signal(signal.SIGKILL)

    async def handle_open(self, request: web.Request) -> web.StreamResponse:
        """Give a browser that brings a token its pass, and take the token from the address."""
        given = self._admitted.redeem(request.match_info["token"])
        if given is None:
            return self._refused(request, "it was used before, is too old, or never was valid")
        address = f"/s/{given.seat}/"
        self._seats[given.seat] = Seat(self._program, address, self.download_manager, self._room)
        response = web.Response(status=303, headers={"Location": address})
        self._keep(response, given.seat, given.secret)
        return response

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Show the page of a session."""
        name, seat = request.match_info["seat"], request[SEAT]
        if not seat.running and not self._room():
            told = f"{counted(self._limit, 'session')} may be open, and no more"
            return self._told(request, 503, "No room", told, LIMIT)
        size = to_int(request.query.get("fontsize", ""), 16)
        context = {
            "font_size": min(max(size, FONT_SIZES[0]), FONT_SIZES[-1]),
            "socket": f"{self.guard.socket(request.host)}/s/{name}/ws",
        }
        response = aiohttp_jinja2.render_template("page.html", request, context)
        self._admitted.renew(name)
        self._keep(response, name, request.cookies[COOKIE])
        return response

    async def handle_file(self, request: web.Request) -> web.StreamResponse:
        """Send a file of the page."""
        path = FILES.get(request.match_info["file"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path)

    async def handle_download(self, request: web.Request) -> web.StreamResponse:
        """Send a file that this session gave out."""
        download = await self._download(request.match_info["key"])
        if download is None or download.app_service is not request[SEAT]:
            raise web.HTTPNotFound
        return await super().handle_download(request)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Connect a page to its process."""
        seat = request[SEAT]
        page = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=LARGEST)
        await page.prepare(request)
        width, height = (to_int(request.query.get(n, ""), d) for n, d in SIZE.items())
        try:
            await seat.attend(page, width, height)
            await self._process_messages(page, seat)
        except MALFORMED:
            await page.close(message=b"not understood")
        finally:
            seat.leave(page)
        return page

    def _room(self) -> bool:
        return sum(seat.running for seat in self._seats.values()) < self._limit

    async def _download(self, key: str) -> Any:
        try:
            return await self.download_manager.get_download_metadata(key)
        except KeyError:
            return None

    @web.middleware
    async def _judged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, if it is one of ours."""
        route = request.match_info.route.name
        if fault := self.guard.fault(request.headers, socket=route == "socket"):
            return self._refused(request, fault)
        if route != "open":
            name = request.match_info.get("seat", "")
            if not self._admitted.admits(name, request.cookies.get(COOKIE, "")):
                return self._refused(request, "this browser has no session under this address")
            request[SEAT] = self._seats[name]
        return await handler(request)

    async def _headed(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self.guard.headers(request.headers.get("Host", "")))
        if request.match_info.route.name == "download" and response.status == 200:  # noqa: PLR2004
            response.headers["Content-Security-Policy"] = SANDBOX

    def _keep(self, response: web.StreamResponse, seat: str, secret: str) -> None:
        """Let the browser keep a pass, and show it under the addresses of its session alone.

        Cookies know no ports: without the path, every server on this machine would be shown it.
        """
        response.set_cookie(
            COOKIE,
            secret,
            path=f"/s/{seat}/",
            max_age=int(ADMITTED_SECONDS),
            httponly=True,
            samesite="Strict",
            secure=self.guard.scheme == "https",
        )

    def _refused(self, request: web.Request, reason: str) -> web.Response:
        return self._told(request, 403, "Refused", reason, ENTER)

    def _told(
        self, request: web.Request, status: int, title: str, reason: str, hint: str
    ) -> web.Response:
        context = {"title": title, "reason": reason[:1].upper() + reason[1:] + ".", "hint": hint}
        return aiohttp_jinja2.render_template("refused.html", request, context, status=status)


SIZE = {"width": 80, "height": 24}
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, AssertionError)
"""What textual-serve raises for a message that no page of ours sends."""
