"""A model server without latency: it answers the n-th request with the n-th reply, unread.

Run as `python -m tests.bench.zero STEPS`; prints its address. It never looks into a request, so
that a step's time does not hold the server's reading of the whole conversation.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import cast

BLOCK = "Next.\n<helpers>\n{} + 1"  # ended by the stop sequence, as a real server ends it
LENGTH = b"content-length: "


def _ollama(text: str) -> bytes:
    told = {"done": True, "done_reason": "stop", "prompt_eval_count": 100, "eval_count": 10}
    lines = ({"message": {"content": text}, "done": False}, {"message": {"content": ""}, **told})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _completions(text: str) -> bytes:
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    events = (
        {"choices": [{"index": 0, "delta": {"content": text}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": usage},
    )
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return body + b"data: [DONE]\n\n"


class _Answering(asyncio.Protocol):
    """Counts a request's bytes and answers at its last one."""

    def __init__(self, replies: Iterator[str]) -> None:
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
            self._answer(b"/api/chat" in self._head.partition(b"\r\n")[0])
            self._head = b""

    def _answer(self, ollama: bool) -> None:
        body = (_ollama if ollama else _completions)(next(self._replies))
        kind = b"application/x-ndjson" if ollama else b"text/event-stream"
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
            b"%x\r\n%b\r\n0\r\n\r\n" % (kind, len(body), body)
        )


async def _serve(steps: int) -> None:
    replies = iter([*map(BLOCK.format, range(steps)), "Done.\n"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(replies), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
