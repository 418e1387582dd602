"""A message that broke off: what came of it stays, and /continue goes on from there."""

import pytest

from llmrepl.providers.script import Reply
from llmrepl.testing.faults import Broken
from tests.repl.terminal import PROMPT


@pytest.mark.parametrize("how", ["cut", "error"])
def test_a_message_that_broke_off_goes_on(machine, serve, chat, how):
    server = serve(Broken("Ninety-nine bot", how), "tles of beer.")
    terminal = chat("--model", "openai/test:latest")
    terminal.turn("sing", "Ninety-nine bot", "error: ", "/continue goes on from there")
    terminal.turn("/continue", "tles of beer.")
    sent = [message["content"] for message in server.requests[-1].body["messages"][1:]]
    assert sent[:2] == ["sing", "Ninety-nine bot"]
    assert sent[2].startswith("Go on exactly where your last message stopped.")
    assert terminal.leave() == 0


def test_what_was_cut_short_by_its_limit_goes_on(machine, serve, chat):
    machine.configure("max_tokens = 2\n")
    serve(Reply("one two three four"), "three")
    terminal = chat("--model", "openai/test:latest")
    terminal.turn("count", "one")
    terminal.turn("/continue", "three")
    assert terminal.leave() == 0


def test_nothing_to_go_on_with_is_said(machine, serve, chat):
    serve("Hello.", Broken("", "error"))
    terminal = chat("--model", "openai/test:latest", LLMREPL_MODELS_PATIENCE="0")
    terminal.turn("hello", "Hello.")
    terminal.say("/continue")
    terminal.wait("the last message is complete", PROMPT)
    terminal.turn("again", "error: ")
    terminal.say("/continue")
    terminal.wait("nothing of the last message came", "/retry asks again", PROMPT)
    assert terminal.leave() == 0
