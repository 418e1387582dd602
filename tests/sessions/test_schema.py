"""What llmrepl writes meets the schema on the page; what it would not write does not."""

import copy
import json

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from llmrepl.events import TYPES, NoteAdded
from llmrepl.record import Record
from llmrepl.sessions.format import Header, encode_header, encode_line
from llmrepl.sessions.schema import schema
from tests.core.strategies import events
from tests.replaying.recording import SESSIONS
from tests.sessions import opener
from tests.sessions.page import PAGE
from tests.sessions.sample import PATIENT, lines_of, notes, story, write
from tests.sessions.sealed import sealing

SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)
PREV = "0" * 64


def wrong(line):
    return [error.message for error in VALIDATOR.iter_errors(line)]


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_file_beside_the_page_holds_the_schema():
    text = PAGE.with_name("session-format.schema.json").read_text()
    assert json.loads(text) == SCHEMA, "run: python docs/generate.py"


def test_it_describes_every_event_that_is_kept():
    described = {name.removeprefix("data.") for name in SCHEMA["$defs"] if name[:5] == "data."}
    assert described == {name for name, cls in TYPES.items() if cls.durable}


@pytest.mark.parametrize("path", sorted(SESSIONS.glob("*/*.jsonl")), ids=lambda path: path.stem)
def test_every_line_of_every_recorded_session_meets_it(path):
    assert [error for line in lines_of(path) for error in wrong(line)] == []


@PATIENT
@given(events.filter(lambda event: event.durable))
def test_any_event_meets_it(event):
    assert wrong(json.loads(encode_line(PREV, Record(1, 7, 1, 1, event)))) == []


def test_any_header_meets_it():
    for origin in (None, ("other", 0)):
        assert wrong(json.loads(encode_header(Header("mine", 1, "/π", origin)))) == []


def test_a_sealed_session_with_blobs_meets_it_and_the_other_reader_opens_it(tmp_path):
    records = [*notes(2), Record(3, 3, 0, 0, NoteAdded(text="x" * 70_000))]
    with sealing(tmp_path) as identity:
        path = write(tmp_path / "s", records, cwd="/")
    lines = lines_of(path)
    assert [message for line in lines for message in wrong(line)] == []
    for broken in (
        {**lines[0], "seal": {}},
        {**lines[0], "cwd": "/"},
        {**lines[3], "sealed": "no base64!"},
        {**lines[3], "blobs": [{}]},
    ):
        assert wrong(broken) != []
    _, found, said = opener.opened(path, identity.read_text().splitlines()[-1])
    (blob,) = found[2].pop("blobs").values()
    assert (blob["content"], said) == ("x" * 70_000, [])


def at(line, place):
    for step in place[:-1]:
        line = line[step]
    return line, place[-1]


@pytest.mark.parametrize(
    ("number", "place"),
    [
        *((0, [name]) for name in ("version", "id", "created", "forked_from", "cwd")),
        *((1, [name]) for name in ("prev", "seq", "at", "turn", "step", "type", "data")),
        (1, ["data", "prompt"]),
        (1, ["data", "prompt", 0, "kind"]),
        (1, ["data", "prompt", 0, "text"]),
        (4, ["data", "cost", "input"]),
        (10, ["data", "usage", "input_tokens"]),
    ],
    ids=str,
)
def test_a_line_with_something_of_another_type_does_not_meet_it(tmp_path, number, place):
    good = lines_of(write(tmp_path, story(), cwd="/"))[number]
    assert wrong(good) == []
    bad = copy.deepcopy(good)
    inside, name = at(bad, place)
    inside[name] = [{}]
    assert wrong(bad) != []


@pytest.mark.parametrize("name", ["prev", "seq", "at", "turn", "step", "type", "data"])
def test_a_record_without_one_of_its_fields_does_not_meet_it(tmp_path, name):
    line = lines_of(write(tmp_path, story()))[1]
    del line[name]
    assert wrong(line) != []


def test_a_type_and_a_field_that_it_does_not_know_meet_it(tmp_path):
    line = lines_of(write(tmp_path, story()))[1]
    line["type"] = "from.elsewhere"
    line["data"] = {"anything": [1]}
    assert wrong({**line, "more": True}) == []
