"""A conversation with a real provider does not overflow: room is made in time, or it is said."""

import asyncio

import pytest

from llmrepl.compose import assemble
from llmrepl.config import load
from llmrepl.context.digest import INSTRUCTION
from llmrepl.events import ContextCompacted, MessageFinished, NoteAdded
from llmrepl.parts import Text
from llmrepl.testing import ModelServer, Wire

WINDOW = 8192
"""What the server says that its model takes."""

SUMMARY = "They counted sheep."
PROMPTS = [f"Count sheep number {number}. " + "one sheep and " * 800 for number in range(4)]


@pytest.fixture
def talk(tmp_path):
    """Have a conversation with a model server, and return its assembly once it is closed."""

    def talk(server, prompts, **given):
        home = tmp_path / "home"
        settings = home / ".config" / "llmrepl" / "config.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'[providers.openai]\nbase_url = "{server.url}/v1"\n')
        environ = {"HOME": str(home), "OPENAI_API_KEY": "sk_of_the_test"}
        flags = {"model": "openai/test:latest", "sessions.save": False, **given}

        async def told():
            config = load(flags, environ, tmp_path).config
            assembly = await assemble(config, environ=environ, cwd=tmp_path)
            assembly.runtime.subscribe(assembly.context_size)
            try:
                for prompt in prompts:
                    await assembly.runtime.turn((Text(prompt),))
                    if assembly.context_size.asking:
                        await assembly.context_size._asking
            finally:
                await assembly.close()
            return assembly

        return asyncio.run(told())

    return talk


def events(assembly, kind):
    records = assembly.unsaved.records
    return [record.event for record in records if isinstance(record.event, kind)]


def words(body):
    """Count as a service does whose tokens are words."""
    return sum(len(message["content"].split()) for message in body["messages"])


def contents(exchange):
    return [message["content"] for message in exchange.body["messages"]]


def test_a_window_that_is_learnt_after_the_first_turn_is_kept_from_then_on(talk):
    script = ["One.", "Two.", SUMMARY, "Three.", "Four."]
    with ModelServer(script, wire=Wire(counts=words)) as server:
        assembly = talk(server, PROMPTS)
        requests = server.requests
    assert assembly.context_size.tokens == WINDOW
    (event,) = events(assembly, ContextCompacted)
    assert (event.summary, event.by, event.problem) == (SUMMARY, "size", "")
    assert (event.provider, event.model) == ("openai", "test:latest")
    before, asked, after = map(contents, requests[1:4])
    assert asked[: len(before)] == before  # so that a prompt cache serves it
    assert asked[-1].endswith(INSTRUCTION)
    assert any(SUMMARY in text for text in after)
    assert after[-1].endswith(PROMPTS[2])
    assert not any(PROMPTS[1] in text for text in after)
    # Everything that was asked is counted once, the summary included.
    said = [found.usage for found in events(assembly, MessageFinished)]
    spent = assembly.runtime.state.session_spend.usage
    assert spent == sum(said, event.usage)
    assert spent.output_tokens == server.tokens
    assert spent.input_tokens == sum(words(request.body) for request in requests)


def test_no_request_is_larger_than_the_window_that_is_configured(talk):
    with ModelServer(["One.", SUMMARY, "Two.", SUMMARY, "Three."]) as server:
        assembly = talk(server, PROMPTS[:3], **{"context.window": 6000})
        sizes = [assembly.meter.count("".join(contents(request))) for request in server.requests]
    assert len(sizes) == 5
    assert max(sizes) < 6000


def test_where_compacting_is_off_all_is_sent_and_what_does_not_fit_is_said(talk):
    with ModelServer(["One.", "Two.", "Three."]) as server:
        assembly = talk(server, PROMPTS[:3], **{"context.window": 6000, "context.compact": False})
        last = contents(server.requests[-1])
    assert all(any(prompt.strip() in text for text in last) for prompt in PROMPTS[:3])
    assert not events(assembly, ContextCompacted)
    notes = [note.text for note in events(assembly, NoteAdded)]
    assert any("the model takes 6000" in note and "/compact" in note for note in notes)
