"""A model server on this machine that answers from a script, for tests over real HTTP.

It speaks Ollama's API and the chat-completions API (OpenAI, Groq) at the same time, fails on
purpose where the script says so, and keeps every request. In a process of its own:
`python -m llmrepl.testing.server --script FILE` prints its address on the first line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from llmrepl.providers.script import Reply, Script, limited, pieces, read_script
from llmrepl.testing.dialects import MESSAGES, ChatCompletions, Dialect, Ollama, Said, Wire
from llmrepl.testing.faults import Broken, Item, Refused, leaves_message, on_the_wire
from llmrepl.testing.loopback import Answer, Connection, Ending, Exchange, Piece, Until

GLANCE = 0.02
"""Seconds between two looks at whether a held reply may begin."""

TURNS_TO_ACCEPT = 3
"""Turns of asyncio's loop from a connection that is accepted to one that is made."""

USAGES = ("extra", "x_groq", "both", "none")
CHATS: Mapping[str, Dialect] = {
    "/api/chat": Ollama(),
    "/v1/chat/completions": ChatCompletions(),
    "/openai/v1/chat/completions": ChatCompletions(),
}


class ModelServer:
    """A server for tests, in a thread of its own while the `with` block lasts.

    `pages` are more answers than it has of its own, or others, by their path.

    Args:
        script: what to answer, in order; a str is a plain reply. After its end every request is
            answered with status 500. Or a function that is given each request, in the server's
            thread, and returns what to answer; it may set `wire` for this answer.
        wire: how it behaves on the wire; may be set to another one at any time.
        stateless: choose the reply by counting the request's assistant messages, so that a client
            that was killed and started again gets the reply it missed.
        dialects: more dialects that it speaks, by the path of their requests.
        models: what it says it offers. It answers for any other name too.
        port: where to listen on 127.0.0.1; 0 finds a free one.
    """

    def __init__(
        self,
        script: Iterable[Item] | Callable[[Exchange], Item] = (),
        *,
        wire: Wire | None = None,
        stateless: bool = False,
        dialects: Mapping[str, Dialect] | None = None,
        models: Sequence[str] = ("test:latest",),
        port: int = 0,
    ) -> None:
        self._choose = script if callable(script) else None
        items = [] if callable(script) else list(map(_as_item, script))
        places = leaves_message if stateless else (lambda _item: True)
        self._script: Script[Reply | Refused | Broken] = Script(items, places)
        self._stateless = stateless
        self._asked = 0
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self.wire = wire or Wire()
        self.held = False
        """While it is set, from any thread, no reply begins."""

        self.models = tuple(models)
        self.exchanges: list[Exchange] = []
        self._came = threading.Condition()
        self.connections = 0
        self.url = ""
        self._chats = {**CHATS, **(dialects or {})}
        self.pages: dict[str, Any] = {}
        self._gets: dict[str, Callable[[], Any]] = {
            "/": lambda: "Ollama is running",
            "/api/version": lambda: {"version": "0.12.0"},
            "/api/tags": lambda: {"models": list(map(_tag, self.models))},
            "/v1/models": self._model_list,
            "/openai/v1/models": self._model_list,
        }

    @property
    def requests(self) -> list[Exchange]:
        """The requests for a reply, oldest first."""
        return [exchange for exchange in self.exchanges if exchange.path in self._chats]

    @property
    def tokens(self) -> int:
        """How many tokens of reasoning and text it has served."""
        return sum(exchange.tokens for exchange in self.exchanges)

    def wait_for_requests(self, count: int, seconds: float = 10.0) -> None:
        """Block until `count` requests for a reply have come.

        Raises:
            TimeoutError: they did not, within `seconds`.
        """
        with self._came:
            if not self._came.wait_for(lambda: len(self.requests) >= count, seconds):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came")

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()
        if not self.url:
            raise OSError(f"port {self._port} is taken")
        return self

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self.serve(ready.set))
        except OSError:
            ready.set()  # there is no address then

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._thread.join()

    async def serve(self, ready: Callable[[], None]) -> None:
        """Serve until `stop`; call `ready` once `url` is set."""
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        open_connections: list[Connection] = []

        def connect() -> Connection:
            self.connections += 1
            open_connections.append(Connection(self._respond, self.connections))
            return open_connections[-1]

        server = await self._loop.create_server(connect, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready()
        await self._stopped.wait()
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        for _ in range(TURNS_TO_ACCEPT):  # a server that is closed leaves open who is coming in
            await asyncio.sleep(0)
        server.close()
        for connection in open_connections:
            connection.drop()
        await asyncio.sleep(0)

    def stop(self) -> None:
        """Stop serving and drop every connection; from any thread."""
        assert self._loop is not None, "the server was never started"
        self._loop.call_soon_threadsafe(self._stopped.set)

    def _respond(self, exchange: Exchange) -> Answer:
        with self._came:
            self.exchanges.append(exchange)
            self._came.notify_all()
        dialect = self._chats.get(exchange.path)
        if dialect is not None and exchange.method == "POST":
            return self._chat(exchange, dialect)
        if exchange.path in self.pages:
            return _json(self.pages[exchange.path])
        if exchange.path == "/api/show":
            return _json(
                {"details": _tag("")["details"], "capabilities": list(self.wire.capabilities)}
            )
        get = self._gets.get(exchange.path)
        if get is None:
            return _json({"error": f"{exchange.method} {exchange.path} is not served here"}, 404)
        return _json(get())

    def _chat(self, exchange: Exchange, dialect: Dialect) -> Answer:
        body = exchange.body
        refused = [name for name in self.wire.refuses if name in body]
        if refused:
            return _json(dialect.error(f"Unsupported parameter: '{refused[0]}'", 400), 400)
        try:
            item = on_the_wire(self._due(exchange, body))
        except LookupError as error:
            return _json(dialect.error(str(error), 500), 500)
        if isinstance(item, Refused):
            default = MESSAGES.get(item.status, "no").format(model=body.get("model"))
            shown = dialect.error(default, item.status) if item.body is None else item.body
            return _json(shown, item.status, item.headers)
        return self._answer(exchange, body, dialect, item)

    def _due(self, exchange: Exchange, body: Mapping[str, Any]) -> Reply | Refused | Broken:
        if self._choose is not None:
            return _as_item(self._choose(exchange))
        if self._stateless:
            place = sum(message["role"] == "assistant" for message in body["messages"])
        else:
            place, self._asked = self._asked, self._asked + 1
        return self._script.due(place)

    def _answer(
        self, exchange: Exchange, body: Mapping[str, Any], dialect: Dialect, item: Reply | Broken
    ) -> Answer:
        wire = self.wire
        reply = item if isinstance(item, Reply) else Reply(item.text)
        stop, limit = dialect.limits(body)
        reply = limited(reply, stop if wire.obeys_stop else (), limit)
        thought, text = pieces(reply.reasoning), pieces(reply.text)
        sent = len(exchange.content) // 4 if wire.counts is None else wire.counts(body)
        received = len(thought) + len(text)
        if reply.usage is not None:
            sent, received = reply.usage.input_tokens, reply.usage.output_tokens
        said = Said(body.get("model", ""), reply, thought, text, sent, received, wire)
        exchange.tokens = len(thought) + len(text)
        if not dialect.streams(body):
            return _json(dialect.whole(said))
        events = _paced(dialect.events(said), reply, wire)
        broken = item if isinstance(item, Broken) else None
        stream = self._once_let_go(_stream(events, dialect, said, body, broken))
        return Answer(
            media_type=dialect.media_type,
            pieces=_framed(stream, wire.frame) if wire.frame else stream,
            headers=wire.headers,
        )

    def _once_let_go(self, stream: Iterator[Piece]) -> Iterator[Piece]:
        seconds = 0.0
        while self.held:
            seconds += GLANCE
            yield Until(seconds)
        yield from stream

    def _model_list(self) -> dict[str, Any]:
        data = [
            {
                "id": name,
                "object": "model",
                "created": 1,
                "owned_by": "test",
                "context_window": 8192,
            }
            for name in self.models
        ]
        return {"object": "list", "data": data}


def _as_item(item: Item) -> Reply | Refused | Broken:
    return Reply(item) if isinstance(item, str) else item


def _stream(
    events: Iterator[Piece],
    dialect: Dialect,
    said: Said,
    body: Mapping[str, Any],
    broken: Broken | None,
) -> Iterator[Piece]:
    if broken is None or broken.text or broken.how != "reset":
        yield from events
    if broken is None:
        yield from dialect.end(said, body)
    elif broken.how == "error":
        yield dialect.failure(broken.message, said.wire)
    elif broken.how == "garbage":
        yield b"{]\n" if "json" in dialect.media_type else b"data: {]\n\n"
    elif broken.how != "silent":
        yield Ending(broken.how)


def _paced(events: Iterator[bytes], reply: Reply, wire: Wire) -> Iterator[Piece]:
    """Yield `events` with the pauses that the reply or the wire asks for."""
    rate = reply.rate or wire.rate
    seconds = reply.delay
    for event in events:
        if seconds:
            yield Until(seconds)
        yield event
        if rate:
            seconds += wire.chunk / rate


def _framed(stream: Iterator[Piece], size: int) -> Iterator[Piece]:
    """Yield the bytes of `stream` anew, cut every `size` bytes, each sent on its own."""
    held = b""
    for piece in stream:
        if isinstance(piece, bytes):
            held += piece
        while len(held) >= size or (held and not isinstance(piece, bytes)):
            yield held[:size]
            yield Until(0)
            held = held[size:]
        if not isinstance(piece, bytes):
            yield piece
    if held:
        yield held


def _tag(name: str) -> dict[str, Any]:
    details = {
        "format": "gguf",
        "family": "test",
        "families": ["test"],
        "parameter_size": "1B",
        "quantization_level": "Q4_0",
    }
    return {"name": name, "model": name, "size": 1, "digest": "0" * 64, "details": details}


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    if isinstance(body, str):
        return Answer(status, "text/plain", body.encode(), headers=headers or {})
    return Answer(status, body=json.dumps(body).encode(), headers=headers or {})


def main() -> None:
    """Serve a script file until the process is ended; the address is the first line printed."""
    parser = argparse.ArgumentParser(prog="python -m llmrepl.testing.server", description=__doc__)
    parser.add_argument("--script", type=Path, required=True, help="a file of prepared replies")
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 finds a free port")
    parser.add_argument("--rate", type=float, default=0.0, help="tokens per second; 0 is at once")
    parser.add_argument("--chunk", type=int, default=1, help="tokens per event")
    parser.add_argument("--usage", choices=USAGES, default="extra", help="where counts stand")
    parser.add_argument("--stateless", action="store_true", help="choose replies by the messages")
    parser.add_argument("--model", action="append", help="a model to offer; may be repeated")
    given = parser.parse_args()
    server = ModelServer(
        read_script(given.script.read_text("utf-8"), str(given.script)),
        wire=Wire(rate=given.rate, chunk=given.chunk, usage=given.usage),
        stateless=given.stateless,
        models=given.model or ("test:latest",),
        port=given.port,
    )

    def announce() -> None:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()

    asyncio.run(server.serve(announce))


if __name__ == "__main__":
    main()
