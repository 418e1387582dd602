"""Somebody with chains of models, over services on the loopback interface."""

import asyncio
import json
from pathlib import Path

from llmrepl.compose import assemble
from llmrepl.config import load
from llmrepl.events import RequestFailed, StepStarted
from llmrepl.parts import Text

CHAIN = ["groq/first", "openai/second"]
PIXEL = "iVBORw0KGgo="
NOBODY = "http://127.0.0.1:1"


class Person:
    """Somebody with a configuration and two services, whose turns are `ask`ed."""

    def __init__(self, place: Path, chain=CHAIN, **urls):
        self.place = place
        self.urls = {"groq": NOBODY, "openai": NOBODY} | urls
        self.models = {"main": chain}
        self.regions = {}  # by provider
        self.more = ""  # of the configuration
        self.records = []
        self.answers = []
        self.assembly = None
        self.interrupts = False  # as soon as a request fails
        self.clock = None  # seconds, instead of the machine's own
        self.each_takes = 0.0  # seconds of that clock that go by in each request

    def ask(self, *prompts, patience=0.0, flags=(), timeout=30, **hooks):
        """Ask, one turn after the other, and return the events."""
        home = self.place / "home"
        settings = home / ".config" / "llmrepl" / "config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        lines = ["[models]", f"patience = {patience}"]
        lines += [f"{purpose} = {json.dumps(chain)}" for purpose, chain in self.models.items()]
        for name, url in self.urls.items():
            path = "/v1" if name == "openai" else ""
            lines += [f"[providers.{name}]", f'base_url = "{url}{path}"', f"timeout = {timeout}"]
            if name != "ollama":
                lines += ['api_key = "sk_of_the_test"']
            if name in self.regions:
                lines += [f'region = "{self.regions[name]}"']
        settings.write_text("\n".join([*lines, self.more]))
        environ = {"HOME": str(home)}
        return asyncio.run(self._told(environ, prompts, dict(flags), **hooks))

    async def _told(self, environ, prompts, flags, before=None, after=None):
        config = load({"sessions.save": False} | flags, environ, self.place).config
        self.assembly = assembly = await assemble(config, environ=environ, cwd=self.place)
        assembly.runtime.subscribe(self)
        if self.clock is not None:
            assembly.routes._clock = lambda: self.clock
        try:
            if before:
                await before(assembly)
            for prompt in prompts:
                parts = (Text(prompt),) if isinstance(prompt, str) else prompt
                self.answers.append(await assembly.runtime.turn(parts))
            if after:
                await after(assembly)
        finally:
            await assembly.close()
        return [record.event for record in assembly.unsaved.records]

    def show(self, record):
        self.records.append(record)
        if isinstance(record.event, StepStarted) and self.each_takes:
            self.clock += self.each_takes
        if self.interrupts and isinstance(record.event, RequestFailed):
            asyncio.get_running_loop().call_soon(self.assembly.runtime.cancel)


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def asked(events):
    return [f"{event.provider}/{event.model}" for event in of(events, StepStarted)]
