"""A chain of models over real SDKs: who is asked, who is asked instead, and what is told of it."""

import asyncio
import json
from pathlib import Path

import pytest

from llmrepl.compose import assemble
from llmrepl.config import load
from llmrepl.events import (
    ErrorRaised,
    MessageFinished,
    RequestFailed,
    StepFinished,
    StepStarted,
)
from llmrepl.parts import Text
from llmrepl.testing import ModelServer
from llmrepl.testing.faults import Refused

CHAIN = ["groq/first", "openai/second"]
NOBODY = "http://127.0.0.1:1"


class Person:
    """Somebody with a configuration and two services, whose turns are `ask`ed."""

    def __init__(self, place: Path, chain=CHAIN, **urls):
        self.place = place
        self.urls = {"groq": NOBODY, "openai": NOBODY} | urls
        self.models = {"main": chain}
        self.records = []
        self.answers = []
        self.assembly = None

    def ask(self, *prompts, patience=0.0, flags=(), timeout=30, during=None):
        """Ask, one turn after the other, and return the events."""
        home = self.place / "home"
        settings = home / ".config" / "llmrepl" / "config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        lines = ["[models]", f"patience = {patience}"]
        lines += [f"{purpose} = {json.dumps(chain)}" for purpose, chain in self.models.items()]
        for name, url in self.urls.items():
            path = "/v1" if name == "openai" else ""
            lines += [f"[providers.{name}]", f'base_url = "{url}{path}"', f"timeout = {timeout}"]
            lines += ['api_key = "sk_of_the_test"']
        settings.write_text("\n".join(lines))
        environ = {"HOME": str(home)}
        return asyncio.run(self._told(environ, prompts, dict(flags), during))

    async def _told(self, environ, prompts, flags, during):
        config = load({"sessions.save": False} | flags, environ, self.place).config
        self.assembly = assembly = await assemble(config, environ=environ, cwd=self.place)
        assembly.runtime.subscribe(self)
        try:
            for prompt in prompts:
                beside = asyncio.ensure_future(during(assembly)) if during else None
                self.answers.append(await assembly.runtime.turn((Text(prompt),)))
                if beside:
                    await beside
        finally:
            await assembly.close()
        return [record.event for record in assembly.unsaved.records]

    def show(self, record):
        self.records.append(record)


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def asked(events):
    return [f"{event.provider}/{event.model}" for event in of(events, StepStarted)]


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_a_service_that_is_busy_or_broken_gives_way_to_the_next_in_the_same_step(tmp_path, status):
    with ModelServer([Refused(status)]) as first, ModelServer(["It is 42."]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        events = person.ask("6 * 7?")
        assert len(first.requests) == len(second.requests) == 1
        served = second.tokens
    assert person.answers == ["end_turn"]
    assert asked(events) == CHAIN
    (failed,) = of(events, RequestFailed)
    assert (failed.name, failed.next, failed.wait) == ("groq/first", "openai/second", 0.0)
    assert str(status) in failed.message or "busy" in failed.message
    assert not of(events, ErrorRaised)
    steps = {record.step for record in person.records if record.event.durable and record.step}
    assert steps == {1}
    (message,) = of(events, MessageFinished)
    assert message.usage.output_tokens == served
    assert of(events, StepFinished)[0].usage == message.usage
