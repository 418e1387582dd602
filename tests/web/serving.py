"""A server for browsers on a machine of its own, and what speaks with it as a browser does."""

import asyncio
import os
import select
import signal
import subprocess
import time
from base64 import b64decode
from contextlib import suppress
from pathlib import Path

import aiohttp
import httpx

from tests.cli.machine import Ran
from tests.exchange.browser import Browser
from tests.repl.terminal import ESCAPES

PATIENCE = 90.0
"""Seconds that anything may take that a test waits for."""
PAGE = b"\0web\0--page\0"
"""What the command line of a session's process has in it."""


def shown(raw):
    """Return what a screen was sent, without control sequences."""
    return ESCAPES.sub("", raw.decode("utf-8", "ignore"))


class Server:
    """`llmrepl web` on a machine, at any port that is free."""

    def __init__(self, machine, *args, port=0, **env):
        self.machine = machine
        self.process = machine.start(*("web", "--port", port), *args, stdin=subprocess.PIPE, **env)
        self.invitation = self._line()
        self.origin = "/".join(self.invitation.split("/")[:3])

    def another(self):
        """Press Enter, and return the address that it prints."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return self._line()

    def sessions(self):
        """The ids of the processes of browser sessions, of this machine's, whoever has them now."""
        home = f"HOME={self.machine.home}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                ours = entry.name.isdigit() and PAGE in (entry / "cmdline").read_bytes()
                if ours and home in (entry / "environ").read_bytes().split(b"\0"):
                    after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                    found[int(entry.name)] = int(after_name[1])
        # What they begin looks as they do, until it is another program.
        return [process for process, parent in found.items() if parent not in found]

    def end(self, number=signal.SIGINT):
        """Send a signal, and return how it ended."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return Ran(self.process.returncode, out.decode(), err.decode())

    def close(self):
        """End it, whatever it does."""
        if self.process.poll() is None:
            try:
                self.end()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.communicate()

    def _line(self):
        assert select.select([self.process.stdout], [], [], PATIENCE)[0], "it prints no address"
        line = b""
        while not line.endswith(b"\n"):
            piece = os.read(self.process.stdout.fileno(), 1)
            assert piece, self.process.stderr.read().decode()
            line += piece
        return line.decode().strip()


class Visitor:
    """A program that speaks HTTP; where it has used an address, with the cookie of that."""

    def __init__(self, server, invitation="", tls=True):
        self.server = server
        self.tls = tls
        self.path = ""
        self.cookie = ""
        if invitation:
            came = self.get(invitation)
            assert came.status_code == 303, came.text
            self.path, self.cookie = came.headers["location"], came.cookies["llmrepl"]

    def get(self, path="", method="GET", **headers):
        """Ask for the page of its session, or for another; underscores stand for hyphens.

        The cookie goes where a browser would send it.
        """
        path = path or self.path
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie and path.startswith(self.path):
            named.setdefault("Cookie", f"llmrepl={self.cookie}")
        address = path if "://" in path else f"{self.server.origin}{path}"
        with httpx.Client(timeout=PATIENCE, trust_env=False, verify=self.tls) as client:
            return client.request(method, address, headers=named)

    def connect(self, *, path="", seconds=PATIENCE, until="", **headers):
        """Open the WebSocket; return what came until `until` was shown, or it was closed.

        Returns:
            The status of the answer, and the text of the screen.
        """
        named = {"Origin": self.server.origin} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if self.cookie:
            named.setdefault("Cookie", f"llmrepl={self.cookie}")
        address = f"{self.server.origin}{path or self.path + 'ws'}?width=80&height=24"

        async def connected():
            got = b""
            async with aiohttp.ClientSession() as session, asyncio.timeout(seconds):
                try:
                    async with session.ws_connect(
                        address,
                        headers={k: v for k, v in named.items() if v is not None},
                        ssl=self.tls,
                    ) as socket:
                        raw = socket.get_extra_info("socket")
                        async for message in socket:
                            if message.type is aiohttp.WSMsgType.BINARY:
                                got += message.data
                            if until and until in shown(got):
                                break
                except aiohttp.WSServerHandshakeError as refused:
                    return refused.status, ""
                while raw.fileno() >= 0:  # noqa: ASYNC110 - TLS says goodbye, and tells nobody of it
                    await asyncio.sleep(0.01)
                return 101, shown(got)

        return asyncio.run(connected())


class Tab(Browser):
    """A browser that shows one page of the server. What it is sent is its screen, as bytes."""

    def __init__(self, home, size=(1000, 640)):
        super().__init__(home)
        self.look(*size)

    @property
    def raw(self):
        """All that the page was sent since it was loaded."""
        frames = self.told("Network.webSocketFrameReceived")
        sent = [
            b64decode(f["response"]["payloadData"]) for f in frames if f["response"]["opcode"] == 2
        ]
        return b"".join(sent)

    @property
    def text(self):
        """The same without control sequences."""
        return shown(self.raw)

    def appear(self, *texts):
        """Wait until each of `texts` was shown, wherever."""
        self.wait(lambda: all(text in self.text for text in texts), texts)

    def wait(self, true, told=""):
        """Wait until `true()` is."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"{told} did not come; there is:\n{self.text}"
            self.value("new Promise(done => setTimeout(done, 50))")

    def ready(self):
        """Wait until the session is open, and can be typed into."""
        self.appear("full sandbox")
        self.wait(lambda: self.value("document.activeElement.tagName") == "TEXTAREA")

    def say(self, text):
        """Type a line and send it."""
        for letter in text:
            self.press(letter, letter)
        self.press("Enter", "\r", 13)

    def press(self, key, text="", code=0, modifiers=0):
        """Press a key and let it go."""
        given = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **given)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **given)

    def reload(self):
        """Load the page anew; what was told before is forgotten."""
        self.open(self.value("location.href"))

    def visitor(self, server):
        """Return a program that has this browser's cookie."""
        visitor = Visitor(server)
        (cookie,) = self.ask("Network.getCookies")["cookies"]
        visitor.path, visitor.cookie = cookie["path"], cookie["value"]
        return visitor

    def hosts(self):
        """The hosts that anything was asked for since the page was opened."""
        asked = [sent["request"]["url"] for sent in self.told("Network.requestWillBeSent")]
        asked += [made["url"] for made in self.told("Network.webSocketCreated")]
        return {httpx.URL(url).netloc.decode() for url in asked if not url.startswith("data:")}

    def faults(self):
        """What the page broke, or was not allowed to do."""
        thrown = [str(t["exceptionDetails"]) for t in self.told("Runtime.exceptionThrown")]
        entries = [entry["entry"] for entry in self.told("Log.entryAdded")]
        return thrown + [e["text"] for e in entries if e["level"] == "error"]
