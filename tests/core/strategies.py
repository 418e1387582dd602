"""Hypothesis strategies for parts, events and records: any value the types allow."""

from dataclasses import fields
from decimal import Decimal

from hypothesis import strategies as st

from llmrepl import events as ev
from llmrepl.parts import Image, Output, Reasoning, Text, ToolCall, ToolResult, UnknownPart
from llmrepl.record import Record
from llmrepl.usage import Cost, Price, Usage

words = st.text(max_size=20)
names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(
    names.filter(lambda n: n not in {"kind", "type"}), json_values, max_size=3
)
money = st.decimals(0, 1000, places=9, allow_nan=False, allow_infinity=False).map(Decimal)
counts = st.integers(0, 10**7)

usages = st.builds(Usage, counts, counts, counts, counts, counts, st.booleans())
prices = st.builds(
    Price, money, money, st.none() | money, st.none() | money, words, st.none() | money
)
costs = st.builds(Cost, money, money, money, money, st.booleans(), st.none() | prices)

simple_parts = (
    st.builds(Text, words)
    | st.builds(Reasoning, words, words)
    | st.builds(ToolCall, words, names, names, objects, words, names, words)
    | st.builds(Output, names, words, counts)
    | st.builds(Image, words, words, words)
    | st.builds(UnknownPart, names.map("x_{}".format), objects)
)
some_parts = st.lists(simple_parts, max_size=3).map(tuple)
parts = simple_parts | st.builds(
    ToolResult,
    words,
    names,
    names,
    some_parts,
    st.none() | st.integers(0, 255),
    st.floats(0, 1e6, allow_nan=False),
    words,
    objects,
)

BY_NAME = {
    "prompt": some_parts,
    "parts": st.lists(parts, max_size=3).map(tuple),
    "usage": usages,
    "cost": st.none() | costs,
    "span": st.sampled_from([(), (0, 7)]),
    "pace": st.lists(counts, max_size=4).map(tuple),
    "kept": st.lists(counts, max_size=4).map(tuple),
    "options": st.lists(words, max_size=3).map(tuple),
    "passed": st.lists(words, max_size=3).map(tuple),
    "tools": st.lists(words, max_size=3).map(tuple),
    "dangers": st.lists(words, max_size=3).map(tuple),
    "touches": st.lists(words, max_size=3).map(tuple),
    "rules": st.lists(words, max_size=3).map(tuple),
    "artifacts": st.lists(words, max_size=3).map(tuple),
    "arguments": objects,
    "limits": objects,
    "schema": objects,
    "versions": st.dictionaries(names, words, max_size=3),
    "data": objects,
    "value": json_values,
    "exit_code": st.none() | st.integers(0, 255),
    "first_token_ms": st.none() | st.floats(0, 1e6),
}
BY_TYPE = {
    "str": words,
    "int": counts,
    "float": st.floats(0, 1e6, allow_nan=False),
    "bool": st.booleans(),
}


def _events_of(cls):
    values = {
        f.name: BY_NAME[f.name] if f.name in BY_NAME else BY_TYPE[f.type] for f in fields(cls)
    }
    return st.builds(cls, **values)


unknown_events = st.builds(ev.Unknown, name=names.map("x.{}".format), data=objects)
events = st.one_of(*map(_events_of, ev.TYPES.values())) | unknown_events
records = st.builds(Record, counts, counts, counts, counts, events)
