"""Each reason of Gemini's to finish: an answer, a refusal in words, or a call to make again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from vendor_calls import ask, end_of, hear, opened, server, text_of

from llmrepl.errors import ProviderError
from llmrepl.ports import CallChunk, Tool
from llmrepl.testing import Refused
from llmrepl_providers.gemini_ends import BROKEN, REFUSED, UNREADABLE, WHOLE

PLACE = Path(__file__).parents[3] / ".venv" / "vendors"
SCHEMA = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
TOOLS = (Tool("python", "Runs Python.", SCHEMA), Tool("bash", "Runs bash.", SCHEMA))
SAID = "Malformed function call: "


def ended(reason, message="", text=""):
    candidate = {"finishReason": reason} | ({"finishMessage": message} if message else {})
    content = {"content": {"parts": [{"text": text}]}} if text else {}
    return {"candidates": [candidate | content]}


def calls_in(chunks):
    return [chunk.call for chunk in chunks if isinstance(chunk, CallChunk)]


def test_every_reason_in_googles_own_client_has_a_meaning():
    code = "import json\nfrom google.genai.types import FinishReason as R\n"
    code += "print(json.dumps([r.name for r in R]))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PLACE)},
        capture_output=True,
        text=True,
        check=True,
    )
    tables = (WHOLE, REFUSED, UNREADABLE, BROKEN)
    meant = [reason for table in tables for reason in table]
    assert len(meant) == len(set(meant))
    assert set(json.loads(done.stdout)) <= set(meant)


@pytest.mark.parametrize("reason", WHOLE)
def test_an_answer_that_is_whole_or_was_cut_says_so(reason):
    chunks, error = hear("gemini", ended(reason, text="So."))
    assert error is None
    assert (text_of(chunks), end_of(chunks).stop) == ("So.", WHOLE[reason])
    assert end_of(chunks).usage is None


@pytest.mark.parametrize("reason", REFUSED)
def test_a_refusal_says_why_and_keeps_what_came(reason):
    chunks, error = hear("gemini", ended(reason, text="So far"))
    assert error is None
    assert (text_of(chunks), end_of(chunks).stop) == ("So far", "refusal")
    assert end_of(chunks).note == f"Gemini ended its reply: {REFUSED[reason]} ({reason})"


@pytest.mark.parametrize("reason", [*BROKEN, "SOMETHING_NEW"])
def test_a_reply_that_ends_for_no_good_reason_broke_off(reason):
    chunks, error = hear("gemini", ended(reason, text="So far"), tools=TOOLS)
    assert text_of(chunks) == "So far"
    assert type(error) is ProviderError
    said = BROKEN.get(reason, "a reason of its own")
    assert error.message == f"Gemini broke off its reply: {said} ({reason})"


@pytest.mark.parametrize(
    ("written", "calls"),
    [
        ("print(default_api.python(code='print(6 * 7)'))", [("python", "print(6 * 7)")]),
        ('default_api.bash(code = "ls \\"a b\\"\\n")', [("bash", 'ls "a b"\n')]),
        ("python(code='1')\nprint(default_api.bash(code='2'))", [("python", "1"), ("bash", "2")]),
        ("default_api.python(code='''\nx = \"\\d\"\n''')", [("python", '\nx = "\\d"\n')]),
    ],
)
def test_a_call_that_was_written_as_python_is_made(written, calls):
    chunks, error = hear(
        "gemini", ended("MALFORMED_FUNCTION_CALL", SAID + written, "I look."), tools=TOOLS
    )
    assert error is None
    assert text_of(chunks) == "I look."
    assert [(call.name, call.arguments["code"]) for call in calls_in(chunks)] == calls
    assert not any(call.problem for call in calls_in(chunks))
    assert end_of(chunks).stop == "end_turn"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("print(default_api.python(code=open('x').read()))", "python"),
        ("print(default_api.python('1'))", "python"),
        ("print(default_api.python(**{'code': '1'}))", "python"),
        ("print(default_api.python(code='1", "python"),
        ("call:bash{code:<escape>ls<escape>}", "bash"),
        ("call:default_api:bash{code: 'ls'}", "bash"),
        ("print(default_api.search(query='x'))", ""),
        ("x = 1", ""),
        ("(" * 5000, ""),
        ("\0", ""),
        ("Function call is empty - no input to parse.", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("reason", UNREADABLE)
def test_a_call_that_is_not_certain_goes_back_to_the_model(reason, written, name):
    chunks, error = hear("gemini", ended(reason, written and SAID + written), tools=TOOLS)
    assert error is None
    (call,) = calls_in(chunks)
    assert (call.name, call.arguments) == (name, {})
    assert call.problem.startswith(UNREADABLE[reason])
    assert end_of(chunks).stop == "end_turn"


def test_a_call_that_came_beside_it_is_made_all_the_same():
    part = {"functionCall": {"name": "python", "args": {"code": "1"}}}
    first = {"candidates": [{"content": {"parts": [part]}}]}
    chunks, _ = hear("gemini", first, ended("MALFORMED_FUNCTION_CALL"), tools=TOOLS)
    good, bad = calls_in(chunks)
    assert (good.arguments, good.problem) == ({"code": "1"}, "")
    assert bad.problem


@pytest.mark.parametrize("reason", UNREADABLE)
def test_where_nothing_was_offered_it_broke_off_and_may_be_asked_again(reason):
    chunks, error = hear("gemini", ended(reason, text="So far"))
    assert text_of(chunks) == "So far"
    assert type(error) is ProviderError
    assert error.message == f"Gemini broke off its reply: {UNREADABLE[reason]} ({reason})"


def test_a_call_of_what_was_not_offered_is_a_helper_block_where_it_came():
    part = {"functionCall": {"name": "python", "args": {"code": "6 * 7"}}}
    first = {"candidates": [{"content": {"parts": [part]}}]}
    chunks, error = hear("gemini", first, ended("UNEXPECTED_TOOL_CALL"))
    assert error is None
    assert "<helpers>\n6 * 7\n</helpers>" in text_of(chunks)


def test_a_chat_goes_on_after_a_call_that_could_not_be_read():
    with server("gemini", Refused(200, ended("MALFORMED_FUNCTION_CALL"))) as served:
        (chunk, end) = ask(opened("gemini", served.url), tools=TOOLS)
    assert chunk.call.problem.startswith("the model made a call that it could not read")
    assert end.stop == "end_turn"
