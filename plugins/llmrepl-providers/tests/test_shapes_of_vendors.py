"""Answers that hold to a schema, at each vendor: how it is asked, and what a refusal leads to."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from vendor_calls import ask, end_of, opened, server, text_of

from llmrepl.ports import TakesSchema
from llmrepl.testing import Refused

PLACE = Path(__file__).parents[3] / ".venv" / "vendors"
SCHEMA = {
    "type": "object",
    "properties": {"who": {"type": "object", "properties": {"age": {"type": "integer"}}}},
    "required": ["who"],
}
CLOSED = {
    "type": "object",
    "properties": {
        "who": {
            "type": "object",
            "properties": {"age": {"type": "integer"}},
            "additionalProperties": False,
        }
    },
    "required": ["who"],
    "additionalProperties": False,
}
JSON = {"responseMimeType": "application/json"}
THOUGHTS = {"thinkingConfig": {"includeThoughts": True}}
NAMED = {"name": "answer", "schema": SCHEMA, "strict": False}
WAYS = {
    "anthropic": [{"format": {"type": "json_schema", "schema": CLOSED}}, None],
    "gemini": [THOUGHTS | JSON | {"responseJsonSchema": SCHEMA}, THOUGHTS | JSON, THOUGHTS],
    "mistral": [
        {"type": "json_schema", "json_schema": NAMED},
        {"type": "json_object"},
        None,
    ],
}
FIELDS = {"anthropic": "output_config", "gemini": "generationConfig", "mistral": "response_format"}
SAID = {
    "anthropic": {"error": {"message": "output_config.format: not supported by this model"}},
    "gemini": {"error": {"code": 400, "message": "Unknown name responseJsonSchema"}},
    "mistral": {"object": "error", "message": "response_format is not supported"},
}
ANSWER = '{"who": {"age": 3}}'
TYPES = {
    "anthropic": """
        from anthropic.types import OutputConfigParam as Kind
        Kind.__pydantic_config__ = {"extra": "forbid"}""",
    "gemini": "from google.genai.types import GenerationConfig as Kind",
    "mistral": "from mistralai.client.models import ResponseFormat as Kind",
}
CHECK = """
import json, sys
from pydantic import TypeAdapter
TypeAdapter(Kind).validate_python(json.load(sys.stdin))
"""


def asked_for(kind, served):
    return [asked.body.get(FIELDS[kind]) for asked in served.requests]


def test_each_vendor_is_asked_in_its_own_way(kind):
    with server(kind, ANSWER) as served:
        provider = opened(kind, served.url)
        chunks = ask(provider, schema=SCHEMA)
    assert isinstance(provider, TakesSchema)
    assert provider.takes_schema
    assert (text_of(chunks), end_of(chunks).note) == (ANSWER, "")
    assert asked_for(kind, served) == WAYS[kind][:1]


def test_what_is_refused_gives_way_until_the_words_alone_ask_for_it(kind):
    ways = WAYS[kind]
    with server(kind, *[Refused(400, SAID[kind])] * (len(ways) - 1), ANSWER, ANSWER) as served:
        provider = opened(kind, served.url)
        chunks = ask(provider, schema=SCHEMA)
        ask(provider, schema=SCHEMA)
    assert text_of(chunks) == ANSWER
    assert end_of(chunks).note.endswith("it was asked for it in words alone")
    assert asked_for(kind, served) == [*ways, ways[-1]]


def test_a_vendor_that_passes_over_the_schema_is_heard_as_it_is(kind):
    with server(kind, "She is three.") as served:
        assert text_of(ask(opened(kind, served.url), schema=SCHEMA)) == "She is three."


def test_options_for_the_output_stay_beside_the_schema():
    with server("anthropic", ANSWER) as served:
        options = {"output_config": {"effort": "low"}}
        ask(opened("anthropic", served.url, options=options), schema=SCHEMA)
    assert asked_for("anthropic", served) == [WAYS["anthropic"][0] | {"effort": "low"}]


@pytest.mark.parametrize("vendor", list(TYPES))
def test_the_vendors_own_types_allow_what_is_asked(vendor):
    done = subprocess.run(
        [sys.executable, "-c", dedent(TYPES[vendor]) + CHECK],
        input=json.dumps(WAYS[vendor][0]).encode(),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PLACE)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
