"""What a service counted in one session is what the next one estimates by."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from llmrepl.accounting import Calls, accuracies
from llmrepl.compose import assemble
from llmrepl.config import load
from llmrepl.config.paths import usage_database
from llmrepl.events import MessageFinished, NoteAdded, StepStarted
from llmrepl.parts import Text
from llmrepl.testing import ModelServer, Wire
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
    with ModelServer(["Yes."] * 8, wire=Wire(counts=letters)) as server:
        first, *later = errors(talk(server, PROMPTS))
    assert first > 0.3
    assert max(later) < 0.1


def test_another_session_begins_with_what_was_learnt(talk):
    with ModelServer(["Yes."] * 8, wire=Wire(counts=letters)) as server:
        talk(server, PROMPTS)
        assembly = talk(server, PROMPTS)
    assert max(errors(assembly)) < 0.05


def test_a_broken_database_costs_a_warning_and_nothing_else(talk):
    talk.database.parent.mkdir(parents=True)
    talk.database.write_bytes(b"this is not a database" * 100)
    with ModelServer(["Yes."] * 8, wire=Wire(counts=letters)) as server:
        assembly = talk(server, PROMPTS)
    (note,) = events(assembly, NoteAdded)
    assert str(talk.database) in note.text
    assert "move it away" in note.text
    assert max(errors(assembly)[1:]) < 0.1


def test_a_service_that_cuts_the_prompt_without_saying_so_is_told(talk):
    def cut(body):
        return min(letters(body), 8000)

    with ModelServer(["Yes."] * 40, wire=Wire(counts=cut)) as server:
        assembly = talk(server, PROMPTS * 4)
    (note,) = events(assembly, NoteAdded)
    assert "openai counted 8,000 tokens of a prompt that takes" in note.text
    assert "/compact" in note.text
    sent = [event.estimated_tokens for event in events(assembly, StepStarted)]
    whole = [letters(request.body) for request in server.requests]
    assert sent[-1] == pytest.approx(whole[-1], rel=0.05)
    assert whole[-1] > 8000


def test_sessions_of_several_processes_at_the_same_time_keep_every_call(tmp_path):
    path = tmp_path / "usage.db"
    script = (
        "import sys; from pathlib import Path; from llmrepl.accounting import Call, Calls;"
        "from llmrepl.content import Content; calls = Calls(Path(sys.argv[1]))\n"
        "for at in range(50): calls.add(Call('p', 'm', 9, 9, 1, Content(9), 9, at=at + 1))\n"
        "calls.close()"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, path]) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert Calls(path).models() == [("p", "m", 200)]


def test_a_database_of_a_newer_version_is_left_alone(talk):
    talk.database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(talk.database)) as db:
        db.execute("PRAGMA user_version = 99")
    before = talk.database.read_bytes()
    with ModelServer(["Yes."], wire=Wire(counts=letters)) as server:
        assembly = talk(server, PROMPTS[:1])
    assert talk.database.read_bytes() == before
    assert not events(assembly, NoteAdded) or "a newer llmrepl" in str(events(assembly, NoteAdded))


def test_how_near_the_estimates_of_a_model_were_is_known_afterwards(talk):
    with ModelServer(["Yes."] * 40, wire=Wire(counts=letters)) as server:
        talk(server, PROMPTS * 8)
    calls = Calls(talk.database)
    (found,) = accuracies(calls).values()
    calls.close()
    assert found.calls == 32
    assert found.learnt
    assert found.error < 0.01
    assert 2 < found.ratio < 2.5
    assert "after 32 calls" in str(found)


def test_only_the_person_can_read_the_database(talk):
    with ModelServer(["Yes."], wire=Wire(counts=letters)) as server:
        talk(server, PROMPTS[:1])
    assert talk.database.stat().st_mode & 0o077 == 0
