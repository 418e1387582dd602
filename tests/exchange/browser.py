"""Chromium without a window, told what to do through a pipe: its own protocol, and no library."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from base64 import b64decode
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
PATIENCE = 30.0
"""Seconds for an answer."""

TOOLS = Path(__file__).parents[2] / ".ci" / "tools"


def chromium():
    """The path of a Chromium; where there is none, the error says how to install one."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    told = subprocess.run(
        [TOOLS, "--print", "chromium"], capture_output=True, text=True, check=False
    ).stdout.strip()
    raise AssertionError(f"the exports are looked at in Chromium, which is not here: {told}")


class Browser:
    """One page of a Chromium of its own, whose profile is in `home`.

    Attributes:
        events: what the page told of itself, each with its `method` and `params`.
    """

    def __init__(self, home):
        ours, self._out = map(_above, os.pipe())
        self._in, theirs = map(_above, os.pipe())
        self._process = subprocess.Popen(
            [
                *("bash", "-c", f'exec "$@" 3<&{ours} 4>&{theirs}', "bash", chromium()),
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--remote-debugging-pipe", "--no-first-run", "--disable-extensions"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-dev-shm-usage", f"--user-data-dir={home}", "about:blank"),
            ],
            pass_fds=(ours, theirs),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(home)},
        )
        os.close(ours)
        os.close(theirs)
        self.events = []
        self._rest = b""
        self._count = 0
        self._session = ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **params):
        """Send a command and return its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while (answer := self._next(deadline)).get("id") != self._count:
            if "method" in answer:
                self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def open(self, address):
        """Go to an address; return when all of it is there. What was told before is forgotten."""
        self.events.clear()
        self.ask("Page.navigate", url=address)
        deadline = time.monotonic() + PATIENCE
        while not self.told("Page.loadEventFired"):
            self.events.append(self._next(deadline))

    def told(self, method):
        """What events of this kind said."""
        return [e["params"] for e in self.events if e.get("method") == method]

    def value(self, expression):
        """Return the value of some JavaScript, awaited; it runs whatever the page allows itself."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def click(self, selector):
        """Press the mouse button on the first element that `selector` finds."""
        self.value(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        x, y = self.value(
            f"(r => [r.x + Math.min(20, r.width / 2), r.y + Math.min(12, r.height / 2)])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def look(self, width, height, *, dark=False, scripts=True):
        """Be a window of this size, with or without dark colours and scripts."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)

    def screenshot(self):
        """Return what is seen, as PNG."""
        return b64decode(self.ask("Page.captureScreenshot", format="png")["data"])

    def close(self):
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def _next(self, deadline):
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._in], [], [], max(0.0, left))
            assert ready, "Chromium does not answer"
            piece = os.read(self._in, 1 << 20)
            assert piece, "Chromium has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


def _above(descriptor):
    """Return a descriptor of the same that is none of those which Chromium reads and writes."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
