"""What a session says was sent is what a server received, byte for byte."""

import json

import pytest

from llmrepl.compose.sent import sent
from llmrepl.sessions.finding import records_of
from llmrepl.testing import Reply

BLOCK = "Let me see.\n\n<helpers>\nprint('1 < 2 & “ü”')\n</helpers>\n"
BROKEN = "Again.\n\n<helpers lang=\"cobol\">\nDISPLAY 'x'\n</helpers>\n"
THINKING = Reply("Done.", reasoning="easy")
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
BEFORE = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]},
    {"role": "assistant", "content": "A pixel."},
]


@pytest.fixture
def session(machine):
    """A session that begins with an image, as another program held it."""
    (machine.project / "before.json").write_text(json.dumps(BEFORE))
    ran = machine.run("sessions", "import", "before.json")
    assert ran.code == 0
    return ran.out.strip()


def received(exchange):
    """The messages as they stand in the request."""
    messages = exchange.body["messages"]
    # What a parser makes of them is not what is on the wire, so look for them there.
    assert json.dumps(messages, ensure_ascii=False, separators=(",", ":")).encode() in (
        exchange.content
    )
    return messages


@pytest.mark.parametrize("provider", ["ollama", "groq", "openai"])
def test_the_context_at_each_record_is_the_request_that_was_received(
    machine, serve, session, provider
):
    def shown(*options):
        ran = machine.run("sessions", "show", session, "--json", *options)
        assert (ran.code, ran.err) == (0, "")
        return [json.loads(line) for line in ran.lines]

    server = serve(BLOCK, BROKEN, THINKING, "Good.")
    (machine.project / "rules.md").write_text("Answer like a pirate.")
    again = ("run", "--model", f"{provider}/x", "--resume", session)
    machine.run(*again, "go — now")
    machine.run(*again, "--system", "rules.md", "and now?")
    requests = [exchange for exchange in server.requests if exchange.body]
    _, records = records_of(machine.sessions / f"{session}.jsonl")
    steps = [record for record in records if record.event.type == "step.started"][1:]
    assert len(steps) == len(requests) >= 3
    for step, following, request in zip(steps, [*steps[1:], None], requests, strict=True):
        told = received(request)
        last = len(records) if following is None else following.seq - 1
        for at in range(step.seq, last + 1):
            found = sent(records, at=at)
            assert (found.step, list(found.body)) == (f"{step.turn}.{step.step}", told)
        assert shown("--context", "--at", str(last)) == told
    assert shown("--context", "2.1") == received(requests[0])
    assert "pirate" in received(requests[-1])[0]["content"]
    assert PIXEL in str(received(requests[0])[1])
    written = [record.turn for record in records if record.event.type == "system.set"]
    assert written == [1, 2, 3]


def test_many_sessions_hold_one_system_prompt(machine, serve):
    serve("Hi.", "Hi.", "Hi.")
    for name in ("a", "b"):
        machine.run("run", "--model", "ollama/x", "--session", name, "hello")
    machine.run("run", "--model", "ollama/x", "--resume", "a", "hello again")
    (blob,) = (machine.sessions / "blobs").iterdir()
    shown = machine.run("sessions", "show", "a", "--context")
    assert blob.read_text() in shown.out
    lines = (machine.sessions / "a.jsonl").read_text().splitlines()
    assert [blob.name in line for line in lines].count(True) == 1
    assert max(map(len, lines)) < 1000


def test_a_system_prompt_that_is_lost_is_told_and_recorded_again(machine, serve):
    serve("Hi.", "Hi.")
    machine.run("run", "--model", "ollama/x", "--session", "a", "hello")
    (blob,) = (machine.sessions / "blobs").iterdir()
    blob.unlink()
    shown = machine.run("sessions", "show", "a", "--context")
    assert f"[blob {blob.name} is gone" in shown.out
    machine.run("run", "--model", "ollama/x", "--resume", "a", "hello again")
    assert blob.exists()
    assert blob.read_text() in machine.run("sessions", "show", "a", "--context").out
