"""Requests and replies against the vendors' own published clients, in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from vendor_calls import MODELS, SIZES, ask, opened, server

from llmrepl.parts import Image, Reasoning, ToolCall
from llmrepl.ports import CallResult, ChatMessage, Tool
from llmrepl.testing import Reply
from llmrepl.usage import Usage

HERE = Path(__file__).parent
PLACE = HERE.parents[2] / ".venv" / "vendors"
TEXT = "Grüße, 世界 🎉\n"
THOUGHT = "let me think"
PICTURE = Image("image/png", data="QUJD")
CALL = ToolCall("1.2.1", "python", "python", {"code": "6 * 7"}, seal="gemini:c2ln")
MESSAGES = (
    ChatMessage("user", "See?", (PICTURE,)),
    ChatMessage("assistant", "I see."),
    ChatMessage("user", "What?"),
    ChatMessage("assistant", "42?", calls=(CALL,), thoughts=(Reasoning("", "anthropic:c2ln"),)),
    ChatMessage("tool", "", results=(CallResult(CALL, "42", (PICTURE,), failed=True),)),
)
SCHEMA = {
    "type": "object",
    "properties": {"code": {"type": "string", "description": "The code."}},
    "required": ["code"],
}
TOOLS = (Tool("python", "Runs Python.", SCHEMA),)
CALLS = (("python", {"code": "print(1)"}),)
COUNTS = {
    "anthropic": [100, 700, 50, 60],
    "gemini": [850, 700, 40, 20],
    "mistral": [850, 60],
}
STOPS = {"anthropic": "tool_use", "gemini": "STOP", "mistral": "tool_calls"}
NAMES = {**MODELS, "gemini": "models/gemini-test-1"}
OPTIONS = {
    "anthropic": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096},
    "gemini": {"generationConfig": {"topK": 20.0}},
    "mistral": {"prompt_mode": "reasoning"},
}


@pytest.fixture(scope="module", params=list(MODELS))
def vendor(request):
    """A vendor; the bodies we sent and its client sent; and what the client heard."""
    kind = request.param
    assert PLACE.is_dir(), "the vendors' clients are not installed: .ci/setup dev"
    written = 50 if kind == "anthropic" else 0
    reply = Reply(
        TEXT, THOUGHT, calls=CALLS, usage=Usage(850, 60, 700, written, reasoning_tokens=20)
    )
    with server(kind, reply, reply) as served:
        ask(
            opened(kind, served.url, options=OPTIONS[kind]),
            messages=MESSAGES,
            stop=("END",),
            max_tokens=None if kind == "anthropic" else 99,
            temperature=0.25,
            seed=7,
            tools=TOOLS,
        )
        done = subprocess.run(
            [sys.executable, HERE / "vendor_clients.py", kind, served.url],
            input=served.requests[0].content,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PLACE)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        ours, theirs = (asked.body for asked in served.requests)
    return kind, ours, theirs, json.loads(done.stdout)


def camel(data):
    """The same with names as the API has them; its client writes some in its own language's way."""
    if isinstance(data, list):
        return [camel(item) for item in data]
    if not isinstance(data, dict):
        return data
    heads = (name.partition("_") for name in data)
    names = [first + rest.title().replace("_", "") for first, _, rest in heads]
    return dict(zip(names, map(camel, data.values()), strict=True))


def test_the_vendors_client_sends_what_we_send(vendor):
    kind, ours, theirs, _ = vendor
    if kind == "mistral":  # its client sends defaults along
        answers = [m for m in theirs["messages"] if m["role"] == "assistant"]
        assert [m.pop("prefix") for m in answers] == [False, False]
        (call,) = answers[1]["tool_calls"]
        assert call.pop("index", 0) == 0
    assert (camel(theirs) if kind == "gemini" else theirs) == ours


def test_the_vendors_client_hears_what_the_server_of_these_tests_says(vendor):
    kind, _, _, heard = vendor
    assert (heard["text"], heard["thought"], heard["stop"]) == (TEXT, THOUGHT, STOPS[kind])
    assert heard["counts"] == COUNTS[kind]
    assert heard["calls"] == [["python", {"code": "print(1)"}]]


def test_the_vendors_client_finds_the_models_of_the_server_of_these_tests(vendor):
    kind, _, _, heard = vendor
    assert [NAMES[kind], SIZES[kind]] in heard["models"]
