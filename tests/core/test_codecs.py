"""Everything that is written down can be read back, known or not."""

import json
from decimal import Decimal

import pytest
from hypothesis import given

from llmrepl import events as ev
from llmrepl.events import Custom, TextDelta, ToolFinished, TurnStarted, Unknown, decode, encode
from llmrepl.parts import (
    Image,
    Text,
    ToolCall,
    UnknownPart,
    decode_part,
    decode_parts,
    encode_part,
    encode_parts,
    text_of,
)
from llmrepl.record import Record, decode_record, encode_record
from llmrepl.usage import Cost, decode_cost, decode_usage, encode_cost, encode_usage

from .strategies import costs, events, parts, records, usages


def through_json(data):
    return json.loads(json.dumps(data))


@given(events)
def test_an_event_survives_its_codec(event):
    assert decode(through_json(encode(event))) == event


@given(parts)
def test_a_part_survives_its_codec(part):
    assert decode_part(through_json(encode_part(part))) == part


@given(records)
def test_a_record_survives_its_codec(record):
    assert decode_record(through_json(encode_record(record))) == record


@given(usages)
def test_usage_survives_its_codec(usage):
    assert decode_usage(through_json(encode_usage(usage))) == usage


@given(costs)
def test_cost_survives_its_codec_to_the_last_digit(cost):
    assert decode_cost(through_json(encode_cost(cost))) == cost


def test_a_type_from_another_version_survives_a_round_trip():
    line = {"type": "lint.reported", "count": 3, "name": "x"}
    event = decode(line)
    assert event == Unknown(name="lint.reported", data={"count": 3, "name": "x"})
    assert encode(event) == line
    assert event.durable


def test_a_custom_event_is_not_an_unknown_one():
    event = Custom(name="lint.reported", data={"count": 3})
    assert encode(event) == {"type": "custom", "name": "lint.reported", "data": {"count": 3}}


def test_a_part_of_a_kind_from_another_version_survives_a_round_trip():
    data = {"kind": "video", "url": "x"}
    assert decode_part(data) == UnknownPart("video", {"url": "x"})
    assert encode_part(decode_part(data)) == data


def test_a_field_from_another_version_is_passed_over():
    assert decode({"type": "text.delta", "text": "a", "colour": "red"}) == TextDelta(text="a")
    assert decode_part({"kind": "text", "text": "a", "colour": "red"}) == Text("a")


def test_fields_at_their_default_are_not_written():
    assert encode(ToolFinished(call_id="1.1.1", status="ok")) == {
        "type": "tool.finished",
        "call_id": "1.1.1",
        "status": "ok",
    }


@pytest.mark.parametrize("line", [{}, {"text": "a"}])
def test_a_line_without_a_type_is_refused(line):
    with pytest.raises(KeyError):
        decode(line)


def test_a_line_without_a_needed_field_is_refused():
    with pytest.raises(TypeError, match="text"):
        decode({"type": "text.delta"})


def test_every_type_has_a_dotted_name_in_lower_case():
    assert all(name == name.lower() and name.count(".") <= 1 for name in ev.TYPES)
    assert "turn.started" in ev.TYPES


def test_a_record_line_keeps_the_envelope_apart_from_the_event():
    record = Record(1, 1_700_000_000_000, 1, 0, TurnStarted(prompt=(Text("hi"),)))
    assert encode_record(record) == {
        "seq": 1,
        "at": 1_700_000_000_000,
        "turn": 1,
        "step": 0,
        "type": "turn.started",
        "data": {"prompt": [{"kind": "text", "text": "hi"}]},
    }


def test_the_text_of_parts_is_their_text_parts_joined():
    assert text_of((Text("a"), Image("image/png"), Text("b"))) == "ab"
    assert decode_parts(encode_parts((Text("a"),))) == (Text("a"),)


def test_a_cost_without_a_price_is_written_without_one():
    assert "price" not in encode_cost(Cost(Decimal(1)))


def test_words_that_every_step_has_are_kept_once():
    data = encode_part(ToolCall("1", "a tool", "tool", {}))
    first, second = (decode_part(through_json(data)) for _ in range(2))
    assert first.name is second.name
    assert decode_part({**data, "name": 5}).name == 5
