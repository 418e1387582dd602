"""A model server without latency: it answers the n-th question to a model with the n-th reply.

Run as `python -m tests.bench.zero WHAT COUNT`; prints its address. It never looks into a request,
so that a step's time does not hold the server's reading of the whole conversation. WHAT is
`blocks`, COUNT replies with a block and then one without; `pieces`, replies in COUNT pieces; or
`times`, replies that tell when their request had arrived, by the machine's monotonic clock (ns).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

BLOCK = "Next.\n<helpers>\n{} + 1"  # ended by the stop sequence, as a real server ends it
LENGTH = b"content-length: "
NOT_SERVED = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
UNTOLD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
"""What a server answers that says nothing of its models: asked once, as a real one is."""

Reply = Sequence[str]
"""A reply in the pieces in which it is sent."""


@contextmanager
def serving(what: str, count: int = 0) -> Iterator[str]:
    """Give the address of such a server in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.zero", what, str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _replies(what: str, count: int) -> Iterator[Reply]:
    match what:
        case "blocks":
            return iter([*([BLOCK.format(n)] for n in range(count)), ["Done.\n"]])
        case "pieces":
            return itertools.repeat(["word "] * count)
        case "times":
            return ([str(time.monotonic_ns())] for _ in itertools.count())
        case _:
            raise SystemExit(f"blocks, pieces or times, not {what}")


def _ollama(pieces: Reply) -> bytes:
    told = {"done": True, "done_reason": "stop", "prompt_eval_count": 100, "eval_count": 10}
    lines = (
        *({"message": {"role": "assistant", "content": n}, "done": False} for n in pieces),
        {"message": {"role": "assistant", "content": ""}, **told},
    )
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _completions(pieces: Reply) -> bytes:
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    events = (
        *({"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage},
    )
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return body + b"data: [DONE]\n\n"


class _Answering(asyncio.Protocol):
    """Counts a request's bytes and answers at its last one."""

    def __init__(self, replies: Iterator[Reply]) -> None:
        self._replies = replies
        self._head = b""
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            at = head.lower().find(LENGTH)
            self._left = int(head[at + len(LENGTH) :].partition(b"\r\n")[0]) if at >= 0 else 0
            data = body
        self._left -= len(data)
        if self._left <= 0:
            self._left = 0
            self._answer(self._head.partition(b"\r\n")[0])
            self._head = b""

    def _answer(self, line: bytes) -> None:
        ollama = b"/api/chat" in line
        if not ollama and b"/chat/completions" not in line:  # what it is asked of its models
            self._transport.write(UNTOLD if b"/api/show" in line else NOT_SERVED)
            return
        body = (_ollama if ollama else _completions)(next(self._replies))
        kind = b"application/x-ndjson" if ollama else b"text/event-stream"
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
            b"%x\r\n%b\r\n0\r\n\r\n" % (kind, len(body), body)
        )


async def _serve(replies: Iterator[Reply]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(replies), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(_replies(sys.argv[1], int(sys.argv[2]))))
