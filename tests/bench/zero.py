"""A model server without latency: it answers the n-th request with the n-th reply, unread.

Run as `python -m tests.bench.zero STEPS`; prints its address. It never looks into a request, so
that a step's time does not hold the server's reading of the whole conversation.
"""

from __future__ import annotations

import asyncio
import json
import sys

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


async def _serve(steps: int) -> None:
    replies = iter([*map(BLOCK.format, range(steps)), "Done.\n"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                at = head.find(LENGTH)
                if at >= 0:
                    length = int(head[at + len(LENGTH) : head.index(b"\r\n", at)])
                    await reader.readexactly(length)
                ollama = b"/api/chat" in head
                body = (_ollama if ollama else _completions)(next(replies))
                kind = b"application/x-ndjson" if ollama else b"text/event-stream"
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
                    b"%x\r\n%b\r\n0\r\n\r\n" % (kind, len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 24)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
