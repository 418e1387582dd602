"""Sessions in other formats, read by those formats' own readers."""

import json
import math
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import html5lib
import jsonschema
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from llmrepl.errors import LlmreplError
from llmrepl.events import (
    MessageFinished,
    StepFinished,
    StepStarted,
    SystemSet,
    TurnFinished,
    TurnStarted,
)
from llmrepl.exchange.formats import FORMATS
from llmrepl.exchange.told import Session, totals_of, turns_of
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.replaying.playing import frames
from llmrepl.sanitise import clean
from llmrepl.usage import cost_of
from tests.exchange.readers import trajectory
from tests.exchange.stories import (
    ANSWER,
    COST,
    PIXEL,
    PRICE,
    SUMMARY,
    all_sessions,
    call,
    everything,
    export,
    shown,
    told,
)

SCHEMA = json.loads((Path(__file__).parent / "atif-v1.8.schema.json").read_text())
SESSIONS = pytest.mark.parametrize("session", all_sessions(), ids=lambda session: session.id)
HTML = "{http://www.w3.org/1999/xhtml}"
TEXTS = st.text(alphabet="`~<>!-&#\n *[]()\"'$%x\t", max_size=60)


def one_message(text, code="1"):
    """A session in which the model says this, and then makes one call."""
    part, asked = call("1.1.1", code)
    return told(
        [
            TurnStarted(prompt=(Text(text),)),
            StepStarted(provider="p", model="m"),
            asked,
            MessageFinished(parts=(Text(text), part), stop="end_turn"),
        ]
    )


# --- what all of them tell


def test_a_session_is_told_as_turns_of_steps_of_calls():
    turns = turns_of(everything().records)
    assert [turn.number for turn in turns] == [1, 2]
    first = turns[0].asked[0]
    assert [c.status for c in first.calls] == ["error", "denied", "ok", "error"]
    assert first.calls[0].code == "print(9)\n"
    assert first.calls[0].remarks == ["allowed (edit) by person", "network: GET a.test:80 refused"]
    assert turns[1].asked[0].calls[0].status == "unknown"
    totals = totals_of(turns)
    assert (totals.turns, totals.steps, totals.calls, totals.unpriced) == (2, 3, 5, 2)
    assert totals.usage.input_tokens == 3300 + SUMMARY.input_tokens
    assert totals.cost == 2 * COST.total + cost_of(SUMMARY, PRICE).total


@SESSIONS
@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("json", "atif")])
def test_nothing_that_a_terminal_obeys_is_written(session, name):
    text = export(session, name)
    if name in ("cast", "ipynb"):
        text = text.replace("\\u001b[", "")  # colours; and what a cell has printed is its own
    if name != "ipynb":
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x9b]|\\u001b\]|\\u0007|aGk=", text)


def test_a_summary_is_told_with_what_gave_way_to_it_and_what_it_took():
    told = "2 messages gave way · 9k → 700 tokens · groq/llama: ↑ 2k ↓ 50 tokens"
    for name in ("md", "html", "ipynb"):
        assert told in export(everything(), name).replace("\\\\", "")
    trajectory = json.loads(export(everything(), "atif"))
    extras = [step.get("extra", {}).get("llmrepl", {}) for step in trajectory["steps"]]
    done, failed, _ = [extra["compaction"] for extra in extras if "compaction" in extra]
    assert (done["model"], done["kept"], done["usage"]["input_tokens"]) == ("groq/llama", [0], 2000)
    assert done["cost_usd"] == pytest.approx(float(cost_of(SUMMARY, PRICE).total))
    assert failed["problem"].startswith("busy")
    turn = json.loads(export(everything(), "json"))["turns"][0]
    assert next(r["compaction"] for r in turn["remarks"] if "compaction" in r) == done


def test_a_format_that_is_none_is_an_error_that_names_all():
    with pytest.raises(LlmreplError, match="'pdf'") as caught:
        export(everything(), "pdf")
    assert caught.value.hint == f"formats: {', '.join(FORMATS)}"


# --- Markdown


def fences(text):
    return [t.content for t in MarkdownIt().parse(text) if t.type == "fence" and not t.level]


@SESSIONS
def test_markdown_has_a_heading_for_each_turn_and_a_fence_for_each_output(session):
    text = export(session, "md")
    headings = [t.map for t in MarkdownIt().parse(text) if t.type == "heading_open" and not t.level]
    turns = turns_of(session.records)
    assert len(headings) == 1 + len([turn for turn in turns if turn.number])
    for turn in turns:
        for step in turn.asked:
            for made in step.calls:
                code = made.code
                if code is None:
                    code = json.dumps(dict(made.request.arguments), indent=2, ensure_ascii=False)
                assert clean(code).rstrip("\n") + "\n" in fences(text)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
def test_no_text_in_markdown_swallows_the_code_that_follows_it(text, code):
    written = fences(export(one_message(text, code), "md"))
    assert written[-1].rstrip("\n") == code.rstrip("\n")


# --- HTML


def parsed(text):
    return html5lib.HTMLParser(strict=True).parse(text)


@SESSIONS
def test_the_page_is_sound_html_that_loads_and_runs_nothing(session):
    tree = parsed(export(session, "html"))
    tags = {element.tag for element in tree.iter() if isinstance(element.tag, str)}
    assert not tags & {HTML + name for name in ("script", "iframe", "link", "object", "form")}
    for element in tree.iter():
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
        for name in ("src", "href"):
            value = element.attrib.get(name, "")
            assert value.startswith(("data:image/", "http://", "https://")) or not value
        if element.tag == HTML + "img":
            assert element.attrib["src"] == f"data:image/png;base64,{PIXEL}"


def test_the_page_allows_itself_its_own_style_and_nothing_else():
    tree = parsed(export(everything(), "html"))
    style = next(tree.iter(HTML + "style")).text
    policy = next(e for e in tree.iter(HTML + "meta") if "http-equiv" in e.attrib)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy.attrib["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def test_the_page_folds_turns_and_calls_and_draws_tokens_and_cost():
    tree = parsed(export(everything(), "html"))
    classes = [element.attrib.get("class", "") for element in tree.iter()]
    assert classes.count("turn") == 2
    assert classes.count("call") == 5
    assert classes.count("sent") == classes.count("said") == 3
    assert classes.count("cost") == 1
    words = " ".join("".join(tree.itertext()).split())
    for word in ("5.3k", "<script>alert(1)</script>", "error · exit 1 · 20 ms", "a person said no"):
        assert word in words


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS)
def test_no_text_leaves_its_place_in_the_page(text, code):
    tree = parsed(export(one_message(text, code), "html"))
    pre = list(tree.iter(HTML + "pre"))[-1]
    assert "".join(pre.itertext()).strip() == code.strip()


# --- JSON


@SESSIONS
def test_the_json_object_has_what_was_said_and_what_ran(session):
    data = json.loads(export(session, "json"))
    assert (data["llmrepl"], data["version"], data["id"]) == ("export", 1, session.id)
    turns = turns_of(session.records)
    assert data["totals"]["steps"] == sum(len(turn["steps"]) for turn in data["turns"])
    for turn, found in zip(turns, data["turns"], strict=True):
        assert [s.text for s in turn.asked] == [s["text"] for s in found["steps"]]


# --- ATIF


@SESSIONS
def test_the_trajectory_is_valid_by_the_published_schema(session):
    data = json.loads(export(session, "atif"))
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert [step["step_id"] for step in data["steps"]] == list(range(1, len(data["steps"]) + 1))
    for step in data["steps"]:  # rules of the format that its schema has no words for
        if step["source"] != "agent":
            assert not step.keys() & {"model_name", "reasoning_content", "tool_calls", "metrics"}
        calls = {made["tool_call_id"] for made in step.get("tool_calls", ())}
        results = step.get("observation", {}).get("results", ())
        assert {result["source_call_id"] for result in results} <= calls


@SESSIONS
def test_the_formats_own_reader_takes_the_trajectory_and_writes_the_same(session):
    text = export(session, "atif")
    read = trajectory().model_validate_json(text)
    assert read.model_dump(mode="json", exclude_unset=True) == json.loads(text)


def test_the_formats_own_reader_refuses_what_is_none():
    data = json.loads(export(everything(), "atif"))
    data["steps"][1]["step_id"] = 7
    with pytest.raises(ValueError, match="step_id"):
        trajectory().model_validate(data)


def test_the_system_prompt_is_in_exports_for_programs():
    happened = [
        TurnStarted(prompt=(Text("go"),)),
        SystemSet(text="Be short."),
        StepStarted(provider="p", model="m"),
        MessageFinished(parts=(Text("Gone."),), stop="end_turn"),
        StepFinished(),
        TurnFinished(reason="end_turn"),
    ]
    records = [Record(seq, 1000, 1, 1, event) for seq, event in enumerate(happened, start=1)]
    session = Session("mine", 1000, records)
    (turn,) = json.loads(export(session, "json"))["turns"]
    assert turn["system"] == "Be short."
    data = json.loads(export(session, "atif"))
    trajectory().model_validate(data)
    steps = [(step["source"], step["message"]) for step in data["steps"]]
    assert steps == [("system", "Be short."), ("user", "go"), ("agent", "Gone.")]
    assert "Be short." not in export(session, "md")


# --- asciicast


def played(text):
    """Read asciicast v3 as its page documents it: the header, and each event with its time."""
    first, *lines = text.splitlines()
    header = json.loads(first)
    assert header["version"] == 3
    assert header["term"]["cols"] > 0 < header["term"]["rows"]
    events, now = [], 0.0
    for line in lines:
        interval, code, data = json.loads(line)
        assert interval >= 0
        assert code in "oimrx"
        assert isinstance(data, str)
        now += interval
        events.append((now, code, data))
    return header, events


@SESSIONS
@pytest.mark.parametrize("display", ["plain", "timeline"])
def test_a_recording_draws_what_a_replay_shows(session, display):
    _, events = played(export(session, "cast", display))
    drawn = "".join(data for _, code, data in events if code == "o")
    plain = re.sub(r"\x1b\[[\d;]*m", "", drawn).replace("\r\n", "\n")
    if display == "plain":
        assert plain == shown(record for _, record in frames(session.records))
    assert events[-1][1:] == ("x", "0")
    if session.records:
        lasted = sum(seconds for seconds, _ in frames(session.records, math.inf))
        assert events[-1][0] == pytest.approx(lasted, abs=0.05)
    assert len([e for e in events if e[1] == "m"]) == len(
        [turn for turn in turns_of(session.records) if turn.number]
    )


def test_a_recording_shows_lines_when_they_came():
    happened = [
        TurnStarted(prompt=(Text("go"),)),
        StepStarted(provider="p", model="m"),
        MessageFinished(
            parts=(Text("one\ntwo\nthree\n"),),
            stop="end_turn",
            first_token_ms=500.0,
            total_ms=9000.0,
            pace=(500, 4, 3500, 4, 8000, 6),
        ),
        StepFinished(ms=9000.0),
        TurnFinished(reason="end_turn", ms=9000.0),
    ]
    ats = (1000, 1000, 10_000, 10_000, 10_000)
    timed = enumerate(zip(ats, happened, strict=True), start=1)
    records = [Record(seq, at, 1, 1, event) for seq, (at, event) in timed]
    _, events = played(export(Session("mine", 1000, records), "cast", "plain"))
    came = {word: at for at, _, data in events for word in ("one", "two", "three") if word in data}
    assert came == {
        "one": pytest.approx(0.5),
        "two": pytest.approx(3.5),
        "three": pytest.approx(8.0),
    }
    assert events[-1][0] == pytest.approx(9.0)


# --- ipynb


@SESSIONS
def test_the_notebook_is_valid_and_what_did_not_run_is_no_code_in_it(session):
    notebook = nbformat.reads(export(session, "ipynb"), as_version=4)
    nbformat.validate(notebook)
    made = [c for turn in turns_of(session.records) for s in turn.asked for c in s.calls]
    ran = [
        ("%%bash\n" if c.request.language == "bash" else "") + c.code
        for c in made
        if c.code is not None and not c.request.problem and c.status not in ("denied", "cancelled")
    ]
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code"] == ran


def test_a_notebook_holds_outputs_as_jupyter_does():
    notebook = nbformat.reads(export(everything(), "ipynb"), as_version=4)
    outputs = next(cell for cell in notebook.cells if cell.cell_type == "code").outputs
    assert [output.output_type for output in outputs] == [
        *("stream", "error", "display_data", "stream")
    ]
    assert (outputs[1].ename, outputs[1].evalue) == ("ValueError", "<bad>")
    assert outputs[2].data["image/png"] == PIXEL
    answer = ANSWER.splitlines()[0].replace("![", "\\![")
    assert any(answer in cell.source for cell in notebook.cells)
