"""Growth: what a long conversation costs when a person presses Enter, and how much it holds.

Run as `python -m tests.bench.growth PROVIDER TURNS` it is one such conversation, measured; as
`… PROVIDER SESSION URL HOME` it is the same one, resumed. What is held is the growth of all of the
process from one number of turns to twice as many, so that nothing it needs in any case is counted.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from llmrepl.accounting import Meter
from llmrepl.parts import Text
from llmrepl.testing.builders import Step, turn
from tests.bench.zero import serving

if TYPE_CHECKING:
    from llmrepl.compose import Assembly

FEW, MANY, TWICE = 10, 1000, 2000
BYTES = 4096
"""What a turn adds to the history, about: 4 MB in 1,000 turns."""

ENTERS = 15
ROOM = 100_000_000
"""The model's window in tokens: nothing gives way."""

ADDRESSES = {"ollama": "OLLAMA_HOST", "groq": "GROQ_BASE_URL", "openai": "OPENAI_BASE_URL"}
WORDS = ["the", "a", "of", "to", "run", "file", "data", "test", "42", "value", "print(x)"]
OTHERS = ["der", "größte", "Schlüssel", "–", "日本語", "テスト"]
"""What one text in ten has, too: Python then takes two bytes for each of its characters."""

HOSTILE = {
    "prose": "Some words, as people write them. ",
    "spaces": " ",
    "letters without a break": "a",
    "random letters": "",
    "emoji sequences": "👩‍👩‍👧‍👦🏳️‍🌈",
    "base64": "",
}
"""What is repeated; an empty text is made at random."""


def _text(size: int) -> str:
    words = WORDS if random.random() < 0.9 else [*WORDS, *OTHERS]
    return " ".join(random.choices(words, k=size // 4))[:size]


async def _assembled(provider: str, url: str, home: Path, session: str = "") -> Assembly:
    """Return a new session, or one that is resumed, ready to count and to send."""
    from llmrepl.compose import assemble
    from llmrepl.compose.opening import Wanted
    from llmrepl.config import load

    base = f"{url}/v1" if provider == "openai" else url
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], ADDRESSES[provider]: base}
    environ |= {"GROQ_API_KEY": "k", "OPENAI_API_KEY": "k"}
    os.environ.update(environ)
    config = load({"model": f"{provider}/test", "context.window": ROOM}, environ, home).config
    assembly = await assemble(config, wanted=Wanted(session), environ=environ, cwd=home)
    assembly.meter.warm().join()
    return assembly


async def _resumed(provider: str, session: str, url: str, home: Path) -> int:
    """Return the memory that a resumed session is held in, once a request was sent."""
    assembly = await _assembled(provider, url, home, session)
    await assembly.runtime.turn((Text("warm"),))
    resident = _resident()
    await assembly.close()
    return resident


async def _conversation(provider: str, turns: int, url: str, home: Path) -> dict[str, Any]:
    """Return how long Enter took, a bare serialisation, and what memory is held."""
    assembly = await _assembled(provider, url, home)
    runtime, held = assembly.runtime, 0
    for number in range(1, turns + 1):
        prompt, code, output, answer = (_text(BYTES // 4) for _ in range(4))
        held += sum(len(text.encode()) for text in (prompt, code, output, answer))
        steps = (Step("Let me see.", code, output), Step(answer))
        for event in turn(prompt, steps, number=number):
            if event.durable:
                runtime.record(event)
        await assembly.accounts.settle(runtime.state)  # as after each call
    await runtime.turn((Text("warm"),))  # connects, and renders what a resumed session has
    rss = _resident()
    enters, bares = [], []
    for _ in range(ENTERS):
        gc.collect()
        began = time.monotonic_ns()
        await runtime.turn((Text(_text(BYTES // 4)),))
        last = runtime.state.messages[-1].parts[0]
        assert isinstance(last, Text)
        enters.append((int(last.text) - began) / 1e6)
        request = assembly.window.request(runtime.state)
        said = [{"role": message.role, "content": message.text} for message in request.messages]
        began = time.monotonic_ns()
        json.dumps({"model": "test", "messages": said}, ensure_ascii=False).encode()
        bares.append((time.monotonic_ns() - began) / 1e6)
    session = assembly.session_id
    await assembly.close()
    return {
        "session": session,
        "enter": median(enters),
        "bare": median(bares),
        "held": held,
        "rss": rss,
    }


def _resident() -> int:
    """Return the bytes of memory in use, without what only waits to be used again."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _measured(*arguments: object) -> Any:
    command = [sys.executable, "-m", "tests.bench.growth", *map(str, arguments)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(told.splitlines()[-1])


def _counting() -> list[str]:
    meter = Meter()
    meter.warm().join()
    lines = []
    for name, unit in HOSTILE.items():
        times = []
        for size in (250_000, 1_000_000):
            alphabet = "abcdefghijklmnopqrstuvwxyz" + ("ABCXYZ0123456789+/" * (name == "base64"))
            text = unit * (size // len(unit)) if unit else "".join(random.choices(alphabet, k=size))
            began = time.perf_counter()
            count = meter.count(text)
            times.append((time.perf_counter() - began) * 1000)
        lines.append(
            f"  {name:26s} {count:9,d} tokens   250,000 characters {times[0]:7.1f} ms"
            f"   1,000,000 {times[1]:7.1f} ms"
        )
    return lines


def report() -> str:
    """Return the tables of Enter, of memory and of counting."""
    lines = ["\nEnter to request on the wire   [at turn 1,000 at most 25 ms, and x 1.5 of bare]"]
    memory = []
    for provider in ADDRESSES:
        few, many, twice = (_measured(provider, turns) for turns in (FEW, MANY, TWICE))
        lines.append(
            f"  {provider:8s} at turn {FEW} {few['enter']:6.2f} ms   at turn {MANY:,}"
            f" {many['enter']:6.2f} ms   bare serialisation {many['bare']:6.2f} ms"
            f"   x{many['enter'] / many['bare']:5.2f}"
        )
        for name, of in (("", "rss"), ("resumed", "resumed")):
            factor = (twice[of] - many[of]) / (twice["held"] - many["held"])
            memory.append(
                f"  {provider:8s} {name:8s} {many['held'] / 1e6:5.1f} MB in"
                f" {many[of] / 1e6:6.1f} MB   {twice['held'] / 1e6:5.1f} MB in"
                f" {twice[of] / 1e6:6.1f} MB   x{factor:5.2f}"
            )
    lines += ["\nMemory of all of the process for each byte of history   [at most x 3]", *memory]
    lines += ["\nCounting tokens   [linear and bounded]", *_counting()]
    return "\n".join(lines)


def _main(provider: str, turns: str) -> None:
    with serving("times") as url, tempfile.TemporaryDirectory() as home:
        found = asyncio.run(_conversation(provider, int(turns), url, Path(home)))
        found["resumed"] = _measured(provider, found.pop("session"), url, home)
        print(json.dumps(found))


if __name__ == "__main__":
    if len(sys.argv) > 3:
        provider, session, url, home = sys.argv[1:]
        print(asyncio.run(_resumed(provider, session, url, Path(home))))
    else:
        _main(*sys.argv[1:])
