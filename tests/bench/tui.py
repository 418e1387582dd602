"""The full screen, in a pseudo-terminal: opening, scrolling, streaming, and what it holds.

Run as `python -m tests.bench.tui WHAT HOME RESULT` it is one such run, on the terminal that it has.
Opening is from the start of the app to the first screen with the session's end on it; beside it
stands what an app takes that has nothing but a text. Lag is how late the event loop comes to what
is due, looked at 200 times a second: of a long session, from the first screen until all of it is
read and counted. Of that 0.2 s are the vocabulary, which tiktoken builds in one piece.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pty
import random
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Awaitable, Callable
from fcntl import ioctl
from pathlib import Path
from typing import Any

from tests.bench.render import prose
from tests.bench.sessions import WORDS

ROWS, COLUMNS = 40, 120
FRAMES = 150
LOOK = 0.005
SECONDS = 10
PATIENCE = 180.0
RATE = 200
LONG = 16_000
FAST = 2_000

LONGS = (10_000, 100_000)
NAME = "long"
END = " tokens · ".encode()
"""What stands at the end of each turn."""


def report() -> str:
    """Return the tables."""
    lines = []
    with tempfile.TemporaryDirectory() as place:
        floors = [_run("empty", Path(place)) for _ in range(3)]
        empty = statistics.median(told["first"] for told in floors)
        lines.append(f"  an app with nothing but a text   first screen {empty:.0f} ms")
        for count in LONGS:
            home = Path(place, str(count))
            _session(home, count)
            told = _run("opening", home)
            lines.append(
                f"  {count:,} records   first screen {told['first']:.0f} ms   [500 ms]   all read"
                f" {told['all']:.0f} ms   {_late(told)}   {told['frames']:.0f} frames/s   [30]"
                f"   worst frame {told['worst']:.0f} ms   a frame's own {told['frame_own']:.0f} ms"
                f"   memory {told['memory'] / 1e6:.0f} MB   [400 MB]"
            )
        home = Path(place, "new")
        _script(home, RATE, SECONDS * RATE)
        told = _run("streaming", home)
        lines.append(
            f"  streaming {RATE} tokens/s   {told['share']:.0%} of a core   [40 %]   {_late(told)}"
        )
        _script(home, FAST, LONG)
        told = _run("streaming", home)
        lines.append(
            f"  {LONG:,} tokens at {told['rate']:,.0f}/s   {_late(told)}"
            f"   {told['share']:.0%} of a core"
        )
    return "\n".join(["\nfull screen, 120 x 40", *lines])


def _late(told: dict[str, float]) -> str:
    return f"lag {told['lag']:.0f} ms, of its own {told['own']:.0f} ms   [100 ms]"


def _session(home: Path, count: int) -> None:
    """Save a session of turns with a block each."""
    from llmrepl.record import Record
    from llmrepl.sessions.log import SessionLog
    from llmrepl.testing.builders import Step, turn

    (home / ".git").mkdir(parents=True)
    chance, number = random.Random(0), 0
    with SessionLog.create(home / ".local/share/llmrepl/sessions", session_id=NAME) as log:
        while log.seq < count:
            number += 1
            text, more = (" ".join(chance.choices(WORDS, k=40)) for _ in range(2))
            output = "\n".join(f"{row} {more[:60]}" for row in range(chance.randrange(1, 30)))
            steps = (
                Step(f"Let me **see** {text}:", f"print({number})", output),
                Step(f"## {more}"),
            )
            for event in turn(text[:80], steps, number=number):
                if event.durable:
                    log.append(Record(log.seq + 1, log.seq, number, 0, event))


def _script(home: Path, rate: int, tokens: int) -> None:
    (home / ".git").mkdir(parents=True, exist_ok=True)
    (home / "script.txt").write_text(f"=======\nrate: {rate}\n\n{prose(tokens)}\n")


def _run(what: str, home: Path) -> Any:
    """Return what a run on a terminal of its own measured."""
    result = home / "result.json"
    command = [sys.executable, "-m", "tests.bench.tui", what, str(home), str(result)]
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environ = {**os.environ, "HOME": str(home), "TERM": "xterm-256color", "OLLAMA_HOST": "x"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True
    ) as program:
        os.close(theirs)
        seen, first = b"", 0.0
        until = time.monotonic() + PATIENCE
        while program.poll() is None:
            if time.monotonic() > until:
                program.kill()
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen = (seen + os.read(ours, 65536))[-4000:]
                except OSError:
                    break
                first = first or (time.monotonic() if END in seen else 0.0)
    os.close(ours)
    if not result.exists():
        raise RuntimeError(f"{what} ended without a result: {seen.decode(errors='replace')}")
    told = json.loads(result.read_text())
    return {**told, "first": (first - told.get("began", 0.0)) * 1000}


# One run


class _Lag:
    """Looks how late the event loop is."""

    def __init__(self) -> None:
        self.worst = self.own = 0.0
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while True:
            due, used = time.perf_counter() + LOOK, time.process_time()
            await asyncio.sleep(LOOK)
            self.worst = max(self.worst, time.perf_counter() - due)
            self.own = max(self.own, time.process_time() - used)

    def end(self) -> dict[str, float]:
        """Return the most milliseconds that it was late, and that it computed without a look."""
        self._task.cancel()
        return {"lag": self.worst * 1000, "own": self.own * 1000}


async def _opening(app: Any, began: float) -> dict[str, float]:
    from llmrepl_textual.transcript.widget import Transcript

    await _until(lambda: app.screen.query(Transcript))
    transcript = app.screen.query_one(Transcript)
    await _until(lambda: transcript.rows.entries)
    await _frame(transcript)
    lag = _Lag()
    assembly = await app.desk.ready()
    await _until(lambda: transcript.complete)
    await assembly.warming
    await assembly.counting.done()
    whole = (time.monotonic() - began) * 1000
    late = lag.end()
    times, start = [], time.process_time()
    for number in range(FRAMES):
        at = time.perf_counter()
        if number % 3 == 2:
            transcript.scroll_to(y=random.randrange(transcript.max_scroll_y), animate=False)
        else:
            transcript.scroll_relative(y=-3, animate=False)
        await _frame(transcript)
        times.append((time.perf_counter() - at) * 1000)
    pages = int(_read(Path("/proc/self/statm")).split()[1])
    return {
        "began": began,
        "frame_own": (time.process_time() - start) * 1000 / FRAMES,
        "all": whole,
        "frames": 1000 / statistics.mean(times),
        "worst": max(times),
        "memory": pages * os.sysconf("SC_PAGE_SIZE"),
        **late,
    }


async def _until(true: Callable[[], object]) -> None:
    while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
        await asyncio.sleep(0.002)


async def _frame(widget: Any) -> None:
    """Wait until the screen has been drawn."""
    drawn = asyncio.Event()
    widget.call_after_refresh(drawn.set)
    await drawn.wait()


async def _streaming(app: Any, _: float) -> dict[str, float]:
    assembly = await app.desk.ready()
    await assembly.warming
    await asyncio.sleep(1)
    lag, cpu, began = _Lag(), time.process_time(), time.perf_counter()
    app.desk.work.enter("go")
    await _until(lambda: not app.desk.work.busy)
    took = time.perf_counter() - began
    usage = assembly.runtime.state.turn_spend.usage
    return {
        "share": (time.process_time() - cpu) / took,
        **lag.end(),
        "rate": usage.output_tokens / took,
    }


def _read(path: Path) -> str:
    return path.read_text()


def _write_result(path: Path, told: dict[str, float]) -> None:
    path.write_text(json.dumps(told))


async def _empty(result: Path) -> None:
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Empty(App[None]):
        def compose(self) -> ComposeResult:
            yield Static(END.decode())

        def on_mount(self) -> None:
            self.set_timer(0.5, self.exit)

    _write_result(result, {"began": time.monotonic()})
    await Empty().run_async()


async def _main(what: str, home: Path, result: Path) -> None:
    from llmrepl.compose.opening import Wanted
    from llmrepl.config import load
    from llmrepl_textual.app import FullScreen
    from llmrepl_textual.desk import Desk

    os.chdir(home)
    if what == "empty":
        await _empty(result)
        return
    model = "demo/assistant" if what == "opening" else f"scripted/{home / 'script.txt'}"
    loaded = load({"model": model}, os.environ, home)
    wanted = Wanted(resume=NAME if what == "opening" else "")
    runs: dict[str, Callable[[Any, float], Awaitable[dict[str, float]]]] = {
        "opening": _opening,
        "streaming": _streaming,
    }
    gc.disable()  # as `llmrepl_textual.opening` does
    began = time.monotonic()
    desk = Desk(loaded, wanted, environ=os.environ, cwd=home)
    app = FullScreen(desk)

    async def measure() -> None:
        try:
            _write_result(result, await runs[what](app, began))
        finally:
            app.exit()

    app.call_later(lambda: app.run_worker(measure()))
    await app.run_async()
    await desk.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
