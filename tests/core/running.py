"""A runtime with a provider that says what it was told to, and what it recorded."""

import asyncio
from collections.abc import AsyncIterator

from llmrepl.parts import Text
from llmrepl.ports import ChatMessage, Finish, Request, TextChunk
from llmrepl.runtime import Edges, Runtime
from llmrepl.testing.approver import ScriptedApprover
from llmrepl.testing.clock import FakeClock
from llmrepl.testing.executor import Canned, FakeExecutor
from llmrepl.testing.store import MemoryStore
from llmrepl.usage import FREE, cost_of

BLOCK = "Let me see.\n<helpers>\n6 * 7\n</helpers>\n"


TOOLS = '<helpers lang="tool">\n[{"tool": "a", "params": {}}, {"tool": "b"}]\n</helpers>\n'


ANSWER = "It is 42.\n"


FOREVER = 60.0


class Speaker:
    """A provider that says what it was told to: strings, chunks, exceptions, or silence."""

    name = "speaker"
    local = True

    def __init__(self, *replies, size=5):
        self.replies = list(replies)
        self.size = size
        self.requests = []
        self.closed = 0
        self.said = asyncio.Event()

    async def stream(self, request: Request) -> AsyncIterator:
        self.requests.append(request)
        reply = self.replies.pop(0)
        try:
            for item in reply if isinstance(reply, list) else [reply, Finish()]:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, float):
                    self.said.set()
                    await asyncio.sleep(item)
                elif isinstance(item, str):
                    for i in range(0, len(item), self.size):
                        yield TextChunk(item[i : i + self.size])
                else:
                    yield item
        finally:
            self.closed += 1


class PlainContext:
    system = ""

    def request(self, conversation):
        texts = [ChatMessage("user", repr(m)) for m in conversation.messages]
        return Request("m", self.system, texts, estimated_tokens=10 * len(texts))


class PlainMeter:
    def count(self, text):
        return len(text)

    async def cost(self, provider, model, usage):
        return cost_of(usage, FREE)


def make(*replies, outputs=None, limits=None, approver=None, executor=None, state=None, seq=0):
    provider = Speaker(*replies)
    edges = Edges(
        provider,
        executor or FakeExecutor(outputs or {"6 * 7": Canned("42", "value")}),
        approver or ScriptedApprover(),
        PlainContext(),
        PlainMeter(),
        MemoryStore(),
        FakeClock(tick=0.001),
    )
    edges.store.records.extend([None] * seq)
    return Runtime(edges, limits, state=state, seq=seq)


def events_of(runtime):
    return [record.event for record in runtime.edges.store.records if record]


def types_of(runtime):
    return [event.type for event in events_of(runtime)]


def one(runtime, kind):
    found = [event for event in events_of(runtime) if isinstance(event, kind)]
    assert len(found) == 1, found
    return found[0]


def turn(runtime, prompt="6*7?"):
    return asyncio.run(runtime.turn((Text(prompt),)))


AMBIGUOUS = "<helpers>\nx = (\n</helpers>\nor\n</helpers>\n"
