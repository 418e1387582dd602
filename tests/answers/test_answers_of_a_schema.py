"""Schemas from files, and what is wrong with answers, held against a full validator."""

import json
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llmrepl.answers.faults import fault_of, json_in, same
from llmrepl.answers.schema import load_schema
from llmrepl.errors import ConfigError

SCHEMAS = [
    True,
    {},
    {"type": "integer"},
    {"type": ["number", "null"]},
    {"type": "string", "minLength": 2, "maxLength": 3},
    {"type": "string", "pattern": "^a+$", "title": "x", "format": "email"},
    {"enum": [1, "a", None, [1, {"b": True}]]},
    {"const": {"a": [0]}},
    {"const": True},
    {"type": "number", "minimum": 0, "exclusiveMaximum": 2},
    {"exclusiveMinimum": 0, "maximum": 1},
    {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
    {"type": "array", "uniqueItems": True},
    {"prefixItems": [{"type": "string"}], "items": {"type": "boolean"}},
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    },
    {"additionalProperties": {"type": "null"}, "minProperties": 1, "maxProperties": 2},
    {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    {"oneOf": [{"type": "number"}, {"type": "integer"}]},
    {"allOf": [{"type": "array"}, {"minItems": 1}], "not": {"maxItems": 1}},
    {
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/tree"}, "b": {"type": "array"}},
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/tree",
    },
    {"properties": {"a": False}},
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from([0.0, 1.5, 2.0])
    | st.sampled_from(["", "a", "aa", "abcd", "ä"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_an_answer_has_a_fault_where_a_full_validator_finds_one(schema):
    validator = Draft202012Validator(schema)

    @given(VALUES)
    def holds(value):
        assert (not fault_of(json.dumps(value), schema)) is validator.is_valid(value)

    holds()


@pytest.mark.parametrize("schema", [schema for schema in SCHEMAS if isinstance(schema, dict)])
def test_every_such_schema_can_be_loaded(schema, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(json.dumps(schema))
    assert load_schema(path) == schema


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "it is no object"),
        ('{"type": "text"}', "/type is none of object"),
        ('{"type": []}', "/type is none of"),
        ('{"properties": {"a": {"if": true}}}', "/properties/a has 'if', which is not checked"),
        ('{"properties": []}', "/properties does not hold schemas"),
        ('{"anyOf": []}', "/anyOf does not hold schemas"),
        ('{"items": 3}', "/items is neither an object nor"),
        ('{"required": "a"}', "/required is not a list"),
        ('{"required": [1]}', "/required is not a list of names"),
        ('{"enum": 1}', "/enum is not a list"),
        ('{"minimum": "1"}', "/minimum is not a number"),
        ('{"uniqueItems": 1}', "/uniqueItems is neither true nor false"),
        ('{"pattern": "("}', "/pattern is no regular expression"),
        ('{"pattern": 1}', "/pattern is no regular expression"),
        ('{"$ref": "#/$defs/a"}', "/$ref leads nowhere"),
        ('{"$ref": "http://x/y"}', "/$ref leads nowhere"),
        ('{"$ref": "#"}', "/$ref leads to itself"),
        ('{"$ref": "#/required", "required": ["a"]}', "/$ref leads nowhere"),
        ('{"not":' * 5000 + "{}" + "}" * 5000, "too deep"),
    ],
)
def test_a_file_that_is_no_schema_is_told_with_the_place(text, said, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as told:
        load_schema(path)
    if said != "too deep":
        assert said in told.value.message


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load_schema(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "there is no answer"),
        ("Well, {}", "it is not JSON"),
        ("NaN", "NaN is no number"),
        ("1e999", "1e999 is no number"),
        ("[" * 100_000, "it is too deep"),
        ('{"a": {"b": 1}}', "/a/b is not of type string"),
        ('{"a": {}}', "/a lacks 'b'"),
    ],
)
def test_a_fault_says_where_it_is(text, fault):
    inner = {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}
    assert fault in fault_of(text, {"properties": {"a": inner}})


SAME = [0, 0.0, False, "0", None, [], {}, [0], {"a": 0}, {"a": False}, {"a": 0.0}, "list"]


@pytest.mark.parametrize(("one", "other"), [*combinations_with_replacement(SAME, 2)])
def test_an_item_is_there_twice_where_two_are_the_same(one, other):
    fault = fault_of(json.dumps([one, other]), {"uniqueItems": True})
    assert bool(fault) == same(one, other)


def test_a_long_list_is_looked_through_once():
    assert fault_of(json.dumps([*range(100_000)]), {"uniqueItems": True}) == ""


@pytest.mark.parametrize(
    ("answer", "found"),
    [(' {"a": 1}\n', '{"a": 1}'), ("```json\n[1]\n```", "[1]"), ("```\n1\n```\nSo.", None)],
)
def test_marks_of_code_around_the_json_are_taken_away(answer, found):
    assert json_in(answer) == (found or answer)
