"""What a service counted in one session is what the next one estimates by."""

import asyncio

import pytest

from llmrepl.compose import assemble
from llmrepl.config import load
from llmrepl.config.paths import usage_database
from llmrepl.events import MessageFinished, NoteAdded, StepStarted
from llmrepl.parts import Text
from llmrepl.testing import ModelServer
from tests.accounting.samples import ENGLISH


@pytest.fixture
def talk(tmp_path):
    """Have a session with a model server, and return its assembly once it is closed."""
    home = tmp_path / "home"
    environ = {"HOME": str(home), "OPENAI_API_KEY": "sk_of_the_test"}

    def talk(server, prompts):
        settings = home / ".config" / "llmrepl" / "config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(f'[providers.openai]\nbase_url = "{server.url}/v1"\n')
        flags = {"model": "openai/test:latest", "sessions.save": False}

        async def told():
            config = load(flags, environ, tmp_path).config
            assembly = await assemble(config, environ=environ, cwd=tmp_path)
            assembly.meter.warm(prices=False).join()
            try:
                for prompt in prompts:
                    await assembly.runtime.turn((Text(prompt),))
            finally:
                await assembly.close()
            return assembly

        return asyncio.run(told())

    talk.database = usage_database(environ)
    return talk


def events(assembly, kind):
    records = assembly.unsaved.records
    return [record.event for record in records if isinstance(record.event, kind)]


def errors(assembly):
    """Return how far each estimate was from what the service counted, as a part of that."""
    sent = [event.estimated_tokens for event in events(assembly, StepStarted)]
    counted = [event.usage.input_tokens for event in events(assembly, MessageFinished)]
    return [abs(a - b) / b for a, b in zip(sent, counted, strict=True)]


def letters(body):
    """Count as a service does with a token for every two letters, and five more a message."""
    return sum(len(message["content"]) // 2 + 5 for message in body["messages"])


PROMPTS = [f"{number}. {ENGLISH}" for number in range(4)]


def test_from_the_second_request_on_an_estimate_is_near_the_service_s_own_count(talk):
    with ModelServer(["Yes."] * 8, counts=letters) as server:
        first, *later = errors(talk(server, PROMPTS))
    assert first > 0.3
    assert max(later) < 0.1


def test_another_session_begins_with_what_was_learnt(talk):
    with ModelServer(["Yes."] * 8, counts=letters) as server:
        talk(server, PROMPTS)
        assembly = talk(server, PROMPTS)
    assert max(errors(assembly)) < 0.05


def test_a_broken_database_costs_a_warning_and_nothing_else(talk):
    talk.database.parent.mkdir(parents=True)
    talk.database.write_bytes(b"this is not a database" * 100)
    with ModelServer(["Yes."] * 8, counts=letters) as server:
        assembly = talk(server, PROMPTS)
    (note,) = events(assembly, NoteAdded)
    assert str(talk.database) in note.text
    assert "move it away" in note.text
    assert max(errors(assembly)[1:]) < 0.1


def test_only_the_person_can_read_the_database(talk):
    with ModelServer(["Yes."], counts=letters) as server:
        talk(server, PROMPTS[:1])
    assert talk.database.stat().st_mode & 0o077 == 0
