"""A chat has asked what its model can before anything is typed."""

import pytest

from llmrepl.testing import ModelServer, Reply, Wire
from tests.cli.machine import until

TAKES = Wire(capabilities=("completion", "tools"))


@pytest.fixture
def server(machine):
    call = Reply(calls=(("python", {"code": "6 * 7"}),))
    with ModelServer([call, "It is 42."], wire=TAKES, models=("x",)) as server:
        machine.env["OLLAMA_HOST"] = server.url
        yield server


def test_what_the_model_can_is_known_before_the_first_prompt_is_sent(chat, server):
    terminal = chat("--model", "ollama/x")
    asked = ["/api/show"]
    until(lambda: [e.path for e in server.exchanges if e.path == "/api/show"] == asked)
    assert not server.requests
    terminal.turn("6 * 7?", "It is 42.")
    assert [e.path for e in server.exchanges].count("/api/show") == 1
    assert server.requests[0].body["tools"]
