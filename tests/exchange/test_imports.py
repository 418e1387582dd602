"""Other programs' conversations as sessions; `llm-*.sql` is what real versions of llm wrote."""

import json
import sqlite3
from base64 import b64decode
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrepl.compose.importing import imported
from llmrepl.conversation import Phase
from llmrepl.errors import LlmreplError
from llmrepl.exchange.foreign import Foreign, Said, records_of
from llmrepl.exchange.told import Session, turns_of
from llmrepl.parts import Image, Text, ToolCall, ToolResult, text_of
from llmrepl.redaction import Redactor
from llmrepl.runtime import fold
from llmrepl.sessions.catalog import session_path
from llmrepl.sessions.reader import LogReader
from tests.exchange.stories import PIXEL, all_sessions, export

HERE = Path(__file__).parent
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


@pytest.fixture
def bring(tmp_path):
    """Import a file, and return each session's reader with its records and what was said of it."""

    def brought(content, name=""):
        path = tmp_path / "file"
        if isinstance(content, Path):
            path = content
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        found = []
        for made in imported(path, name, tmp_path / "sessions", "/home/me", Redactor()):
            reader = LogReader(session_path(tmp_path / "sessions", made.id))
            records = list(reader)
            assert reader.problem is None
            assert fold(records).phase is Phase.IDLE
            found.append((reader.header, records, made.told))
        return found

    return brought


def told(records):
    """Each turn as its prompt, and the text and the calls of its steps."""
    return [
        (
            text_of(turn.prompt),
            [
                (
                    step.text,
                    [(c.request.name, dict(c.request.arguments), c.status) for c in step.calls],
                )
                for step in turn.asked
            ],
        )
        for turn in turns_of(records)
        if turn.number
    ]


@pytest.mark.parametrize("version", ["0.27", "0.36"])
def test_the_database_of_llm_becomes_a_session_for_each_conversation(version, bring, tmp_path):
    path = tmp_path / "logs.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript((HERE / f"llm-{version}.sql").read_text())
    chat, tools, picture = bring(path)
    assert told(chat[1]) == [
        ("Good morning", [("Hello, *you*.", [])]),
        ("Bye", [("Hello, *you*.", [])]),
    ]
    assert "not carried over" not in chat[2]
    assert turns_of(chat[1])[0].system == "Be short."
    assert told(tools[1]) == [
        (
            "What is 6 times 7?",
            [("I'll multiply.", [("multiply", {"a": 6, "b": 7}, "ok")]), ("It is 42.", [])],
        )
    ]
    first = turns_of(tools[1])[0]
    assert first.asked[0].model == "llm/demo-model"
    assert (first.usage.input_tokens, first.usage.output_tokens) == (47, 10)
    image = turns_of(picture[1])[0].prompt[1]
    assert image.media_type == "image/png"
    assert b64decode(image.data).startswith(b"\x89PNG")
    header = tools[0]
    assert header.extra["imported_from"]["format"] == "llm"
    assert header.created == tools[1][0].at < 1_800_000_000_000


def test_openai_messages_become_turns_with_calls_and_results(bring):
    messages = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Add."},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "assistant", "content": "Two.", "reasoning_content": "easy"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "A pixel."}]},
    ]
    [(header, records, said)] = bring({"model": "gpt", "messages": messages})
    assert told(records) == [
        ("Add.", [("", [("add", {"a": 1}, "ok")]), ("Two.", [])]),
        ("And this?", [("A pixel.", [])]),
    ]
    turn = turns_of(records)[0]
    assert turn.asked[1].reasoning == "easy"
    assert turns_of(records)[1].prompt[1] == Image("image/png", PIXEL)
    assert (turn.system, turns_of(records)[1].system) == ("Be short.", "")
    assert said == "imported from openai; not carried over: content of the type 'image_url'"
    assert header.cwd == "/home/me"


def test_a_call_without_a_result_ends_unknown_and_a_result_without_a_call_is_said(bring):
    call = {"role": "assistant", "tool_calls": [CALL]}
    other = {"role": "tool", "tool_call_id": "c9", "content": "2"}
    [(_, records, said)] = bring([{"role": "user", "content": "Add."}, call, other])
    assert told(records) == [("Add.", [("", [("add", {"a": 1}, "unknown")])])]
    assert said.endswith("not carried over: results without a call")


def test_lines_of_conversations_become_a_session_each(bring):
    lines = [{"messages": [{"role": "user", "content": text}]} for text in "ab"]
    found = bring("\n".join(map(json.dumps, lines)))
    assert [told(records) for _, records, _ in found] == [[("a", [])], [("b", [])]]
    assert turns_of(found[0][1])[0].reason == "interrupted"


@pytest.mark.parametrize("session", all_sessions(), ids=lambda session: session.id)
def test_a_session_survives_the_way_through_atif(session, bring):
    found = bring(export(session, "atif"))
    if not session.records:
        assert found == []
        return
    [(header, records, _)] = found
    assert header.extra["imported_from"] == {"format": "atif", "id": session.id}
    assert told(records) == told(session.records)
    again = Session(session.id, session.created, records)
    for before, after in zip(turns_of(session.records), turns_of(again.records), strict=True):
        assert [s.model for s in before.asked] == [s.model for s in after.asked]
        assert [s.cost for s in before.asked] == [s.cost for s in after.asked]
        assert [s.reasoning for s in before.asked] == [s.reasoning for s in after.asked]


def test_a_trajectory_of_another_agent_keeps_its_times_and_tokens(bring):
    steps = [
        {"step_id": 1, "source": "user", "message": "hi", "timestamp": "2026-01-02T03:04:05Z"},
        {
            "step_id": 2,
            "source": "agent",
            "message": "hello",
            "metrics": {"prompt_tokens": 5, "completion_tokens": 2, "cost_usd": 0.1},
            "observation": {"results": [{"content": "nobody asked"}]},
        },
    ]
    agent = {"name": "other", "version": "1", "model_name": "m"}
    [(_, records, said)] = bring({"schema_version": "ATIF-v1.4", "agent": agent, "steps": steps})
    assert records[0].at == 1_767_323_045_000
    step = turns_of(records)[0].asked[0]
    assert (step.model, step.usage.input_tokens, step.cost) == ("atif/m", 5, None)
    assert said.endswith(
        "not carried over: costs, whose prices are not known, observations without a call"
    )


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("no json", "", "it is not JSON"),
        ('{"a": 1}', "", "conversation 1 has no list of messages"),
        ('{"a": 1}', "atif", "it is no trajectory in ATIF"),
        (
            '{"schema_version": "ATIF-v1.2", "steps": [{"source": "agent", "metrics": 3}]}',
            "",
            "3|int",
        ),
        ("no database", "llm", "file is not a database"),
        ("[]", "pdf", "there is no format 'pdf'"),
    ],
)
def test_a_file_that_holds_something_else_is_an_error_that_says_so(content, name, message, bring):
    with pytest.raises(LlmreplError, match=message) as caught:
        bring(content, name)
    assert caught.value.hint


PARTS = {
    "user": st.builds(Text, st.text(max_size=5)),
    "assistant": st.one_of(
        st.builds(Text, st.text(max_size=5)),
        st.builds(ToolCall, st.sampled_from("abc"), st.just("t"), st.just("tool")),
    ),
    "tool": st.builds(ToolResult, st.sampled_from("abc"), st.just("t"), st.just("ok")),
}
SAID = st.sampled_from(sorted(PARTS)).flatmap(
    lambda role: st.builds(
        Said, st.just(role), st.lists(PARTS[role], max_size=3), st.integers(0, 10**13)
    )
)


@settings(deadline=None)
@given(st.lists(SAID, min_size=1, max_size=8))
def test_messages_in_any_order_become_a_session_that_can_be_gone_on_with(said):
    records = records_of(Foreign("openai", said=said), 1)
    assert fold(records).phase is Phase.IDLE
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    times = [record.at for record in records]
    assert times == sorted(times)
    answers = [s for turn in turns_of(records) for s in turn.asked]
    assert len(answers) == len([message for message in said if message.role == "assistant"])


def test_secrets_are_not_saved(tmp_path):
    path = tmp_path / "chat.json"
    path.write_text(json.dumps([{"role": "user", "content": "my key is sk-very-secret-thing"}]))
    redactor = Redactor([("KEY", "sk-very-secret-thing")])
    [made] = imported(path, "", tmp_path / "sessions", "", redactor)
    saved = session_path(tmp_path / "sessions", made.id).read_text()
    assert "sk-very" not in saved
    assert "[redacted:KEY]" in saved
