"""Requests to the network as the chat shows them: a line each, that a block cannot forge."""

from __future__ import annotations

import io

import pytest

from llmrepl.displays.plain import PlainDisplay
from llmrepl.events import NetworkRequested, ToolOutput
from llmrepl.ports import Surface
from llmrepl.record import Record


def shown(*events) -> str:
    stream = io.StringIO()
    display = PlainDisplay(Surface(stream=stream))
    for number, event in enumerate(events, 1):
        display.show(Record(number, 0, 1, 1, event))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"method": "GET", "host": "a.test", "port": 80, "decision": "allow"},
            "GET a.test:80 allowed",
        ),
        (
            {"method": "CONNECT", "host": "::1", "port": 5, "decision": "deny"},
            "CONNECT ::1:5 refused",
        ),
        ({"decision": "deny"}, "? refused"),
        ({"method": "A\x1b[2J\nB", "decision": "deny"}, "A B ? refused"),
    ],
)
def test_a_request_is_one_line(fields, line):
    assert shown(NetworkRequested(**fields)) == f"  network: {line}\n"


def test_a_request_stands_on_a_line_of_its_own():
    output = ToolOutput(call_id="1", stream="stdout", text="half a line")
    request = NetworkRequested(method="GET", host="a.test", port=80, decision="allow")
    assert shown(output, request) == "  half a line\n  network: GET a.test:80 allowed\n"
