"""Three services on this machine that keep their own books of what they were asked."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from llmrepl.context.digest import INSTRUCTION
from llmrepl.providers.script import Reply
from llmrepl.testing import ModelServer
from llmrepl.testing.dialects import Wire
from llmrepl.testing.loopback import Exchange
from llmrepl.usage import Usage
from tests.soak.faults import PLAIN, Completions, Fault, counted

PROVIDERS = ("groq", "openai", "ollama")
PATHS = {"openai": "/v1"}
BLOCKS = 0.3
"""How many turns have a helper block."""

WELL = Fault(told=True)
SUMMARY = "The person counts turns, and was told about each of them. Nothing is open."
TALK = (
    "the cups of tea", "a list of months", "größere Dateien", "three reports", "eine Übersicht",
    "日本語の文", "the totals of April", "a short answer", "what it says", "the fourth column",
)  # fmt: skip


@dataclass(frozen=True)
class Served:
    """A request as its service has it in its books.

    `status` is that of the answer. `usage` is what was counted, where `told` says so to the client.
    `kind` is the fault, or nothing.
    """

    turn: int
    provider: str
    model: str
    kind: str
    status: int
    told: bool
    usage: Usage
    compact: bool


class Services:
    """The three, their books, and what is about to go wrong.

    Args:
        dice: decides what replies are like.
        asked: called, in a server's thread, with the fault that answers a request.
    """

    def __init__(self, dice: random.Random, asked: Callable[[str, Fault], None]) -> None:
        self.books: list[Served] = []
        self.turn = 0
        self.block = False
        self.due: Callable[[bool], tuple[str, Fault]] = lambda _compact: ("", WELL)
        self._dice = dice
        self._asked = asked
        self._lock = threading.Lock()
        self._servers = {name: self._server(name) for name in PROVIDERS}

    def _server(self, name: str, port: int = 0) -> ModelServer:
        dialects = {f"{prefix}/chat/completions": Completions() for prefix in ("/v1", "/openai/v1")}
        return ModelServer(
            lambda exchange: self._answer(name, exchange), dialects=dialects, port=port
        ).__enter__()

    def url(self, name: str) -> str:
        """Return the address to configure for a provider."""
        return self._servers[name].url + PATHS.get(name, "")

    @contextmanager
    def away(self, name: str) -> Iterator[None]:
        """Have nobody at the address of a provider for as long as this lasts."""
        port = int(self._servers[name].url.rpartition(":")[2])
        self._servers[name].__exit__(None, None, None)
        yield
        self._servers[name] = self._server(name, port)

    def close(self) -> None:
        """End all of them."""
        for server in self._servers.values():
            server.__exit__(None, None, None)

    def _answer(self, name: str, exchange: Exchange) -> object:
        with self._lock:
            return self._decided(name, exchange)

    def _decided(self, name: str, exchange: Exchange) -> object:
        body = exchange.body
        last = body["messages"][-1]["content"]
        compact = INSTRUCTION[:60] in last
        kind, fault = self.due(compact)
        reply = Reply(SUMMARY if compact else self._text())
        answer = fault.answer
        if name == "ollama" and fault.ollama is not None:
            answer = fault.ollama
        item = answer(reply)
        usage = Usage()
        if isinstance(item, Reply):
            usage = counted(exchange.content, item.text)
            item = replace(item, usage=usage)
        server = self._servers[name]
        server.wire = fault.wire
        if fault.wire == PLAIN:
            server.wire = Wire(chunk=4, usage="x_groq" if name == "groq" else "extra")
        status = getattr(item, "status", 200)
        self.books.append(
            Served(self.turn, name, body["model"], kind, status, fault.told, usage, compact)
        )
        exchange.content = b""  # the server keeps every exchange
        self._asked(kind, fault)
        return item

    def _text(self) -> str:
        dice = self._dice
        words = ", ".join(dice.choices(TALK, k=dice.randrange(3, 30)))
        if not self.block:
            return f"Answer {self.turn}: {words}."
        self.block = False
        if dice.random() < 0.5:
            return f"I'll count.\n\n<helpers>\nprint({self.turn} * 2)\n</helpers>\n"
        return f'I\'ll look.\n\n<helpers lang="bash">\necho $(({self.turn} * 2))\n</helpers>\n'
