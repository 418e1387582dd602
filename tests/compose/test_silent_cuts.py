"""No prompt is cut in silence, whatever it is made of and however the service counts.

The server here is an old Ollama: it drops the oldest messages of what does not fit, says nothing,
and counts what is left.
"""

import asyncio
import random
import re

import pytest

from llmrepl.compose import assemble
from llmrepl.config import load
from llmrepl.events import NoteAdded, TurnStarted
from llmrepl.parts import Text
from llmrepl.testing import ModelServer, Reply, Wire
from tests.accounting.talks import MIXTURES, services

WINDOW = 8192
TURNS = 20
KINDS = ["code", "white space", "Japanese", "base64"]


@pytest.fixture(scope="module")
def counting():
    return services()


class Forgetful:
    """A service that reads what fits of a prompt."""

    def __init__(self, service, window=WINDOW):
        self._service, self._window = service, window
        self.sizes = []

    def size(self, message):
        return self._service.tokens(message["content"]) + self._service.message

    def counts(self, body):
        system, *messages = map(self.size, body["messages"])
        room = self._window - self._service.frame - system
        self.sizes.append(self._service.frame + system + sum(messages))
        while len(messages) > 1 and sum(messages) > room:
            messages.pop(0)
        return self._window - room + min(sum(messages), room)


def told(place, server, prompts, **flags):
    """What the records say of a conversation."""
    environ = {"HOME": str(place)}

    async def main():
        flags_now = {"sessions.save": False, "model": "ollama/test"} | flags
        assembly = await assemble(
            load(flags_now, environ, place).config, environ=environ, cwd=place
        )
        await asyncio.to_thread(assembly.meter.warm(prices=False).join)
        try:
            for prompt in prompts:
                await assembly.runtime.turn((Text(prompt),))
        finally:
            await assembly.close()
        return [record.event for record in assembly.unsaved.records]

    return asyncio.run(main())


def number_of(text):
    """Return which prompt a message ends with."""
    return int(re.findall(r"^Prompt (\d+):", text, re.MULTILINE)[-1])


def turns(events):
    """The notes of each turn, by the number that its prompt begins with."""
    found, number = {}, 0
    for event in events:
        if isinstance(event, TurnStarted):
            number = number_of(event.prompt[0].text)
            found[number] = []
        elif isinstance(event, NoteAdded):
            found[number].append(event.text)
    return found


@pytest.mark.parametrize("service", ["pieces", "bytes"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_fit_gives_way_before_it_is_sent_or_is_said(
    tmp_path, monkeypatch, counting, kind, service
):
    chance = random.Random(1)
    (make,) = MIXTURES[kind]
    prompts = [f"Prompt {number}: {make(chance)}" for number in range(TURNS)]
    old = Forgetful(counting[service])
    with ModelServer(lambda _: Reply("I see."), wire=Wire(counts=old.counts)) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        events = told(tmp_path, server, prompts)
        asked = [exchange.body["messages"][-1]["content"] for exchange in server.requests]
    notes = turns(events)
    cut = [text for text, size in zip(asked, old.sizes, strict=True) if size > WINDOW]
    silent = [text for text in cut if not notes[number_of(text)]]
    assert not silent
    assert max(old.sizes) > WINDOW / 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_that_is_cut_though_it_should_fit_is_said(tmp_path, monkeypatch, counting, kind):
    chance = random.Random(1)
    (make,) = MIXTURES[kind]
    prompts = [f"Prompt {number}: {make(chance)}" for number in range(TURNS)]
    old = Forgetful(counting["cl100k_base"], WINDOW // 2)
    with ModelServer(lambda _: Reply("I see."), wire=Wire(counts=old.counts)) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        notes = turns(told(tmp_path, server, prompts))
    said = [number for number, texts in notes.items() if texts]
    assert max(old.sizes) > WINDOW // 2
    assert said
