"""Answers that hold to a schema: how each service is asked, and what a refusal leads to."""

import json

import pytest

from llmrepl.errors import ProviderBusy, ProviderRefused
from llmrepl.ports import TakesSchema
from llmrepl.providers.shaping import is_strict
from llmrepl.testing import ModelServer, Refused
from tests.providers.calls import ask, end_of, opened, partly, text_of

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
NAMED = {"name": "answer", "schema": SCHEMA, "strict": True}
CHAT = [
    {"response_format": {"type": "json_schema", "json_schema": NAMED}},
    {"response_format": {"type": "json_object"}},
    {},
]
WAYS = {
    "openai": CHAT,
    "groq": CHAT,
    "ollama": [{"format": SCHEMA}, {"format": "json"}, {}],
}
SAID = {
    "groq": "This model does not support response format `json_schema`. See supported models",
    "openai": "Invalid parameter: 'response_format' of type 'json_schema' is not supported",
    "ollama": "json: cannot unmarshal object into Go struct field ChatRequest.format of string",
}
ANSWER = '{"age": 3}'


def refusal(kind):
    return Refused(400, {"error": SAID[kind] if kind == "ollama" else {"message": SAID[kind]}})


def asked_for(asked):
    return {n: v for n, v in asked.body.items() if n in ("response_format", "format")}


def test_each_service_is_asked_in_its_own_way(kind):
    with ModelServer([ANSWER, ANSWER]) as server:
        provider = opened(kind, server.url)
        chunks = ask(provider, schema=SCHEMA)
        ask(provider)
    assert isinstance(provider, TakesSchema)
    assert provider.takes_schema
    assert (text_of(chunks), end_of(chunks).note) == (ANSWER, "")
    assert [asked_for(asked) for asked in server.requests] == [WAYS[kind][0], {}]


def test_the_requests_are_what_the_official_types_allow():
    from groq.types.chat.completion_create_params import ResponseFormat
    from ollama._types import ChatRequest
    from pydantic import TypeAdapter

    for way in CHAT[:2]:
        TypeAdapter(ResponseFormat).validate_python(way["response_format"])
    with ModelServer([ANSWER]) as server:
        ask(opened("ollama", server.url), schema=SCHEMA)
    assert ChatRequest.model_validate(server.requests[0].body).format == SCHEMA


def test_a_way_that_is_refused_gives_way_to_the_next_and_is_not_tried_again(kind):
    with ModelServer([refusal(kind), ANSWER, ANSWER]) as server:
        provider = opened(kind, server.url)
        chunks = ask(provider, schema=SCHEMA)
        ask(provider, schema=SCHEMA)
    assert text_of(chunks) == ANSWER
    assert SAID[kind] in end_of(chunks).note
    assert end_of(chunks).note.endswith("it was asked for any JSON")
    first, second, _ = WAYS[kind]
    assert [asked_for(asked) for asked in server.requests] == [first, second, second]


def test_where_every_way_is_refused_the_words_alone_ask_for_it(kind):
    with ModelServer([refusal(kind), refusal(kind), ANSWER, refusal(kind)]) as server:
        provider = opened(kind, server.url)
        chunks = ask(provider, schema=SCHEMA)
        _, error = partly(provider, schema=SCHEMA)
    assert end_of(chunks).note.endswith("it in words alone")
    assert [asked_for(asked) for asked in server.requests] == [*WAYS[kind], {}]
    assert isinstance(error, ProviderRefused)


def test_what_groq_says_was_written_in_place_of_json_is_heard():
    error = {
        "message": "Failed to generate JSON. Please adjust your prompt.",
        "code": "json_validate_failed",
        "failed_generation": "She is three.",
    }
    with ModelServer([Refused(400, {"error": error})]) as server:
        chunks = ask(opened("groq", server.url), schema=SCHEMA)
    assert text_of(chunks) == "She is three."


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [(429, "json_schema is busy", ProviderBusy), (401, "bad schema", ProviderRefused)],
)
def test_other_refusals_stay_what_they_are(status, said, error, kind):
    body = {"error": said if kind == "ollama" else {"message": said}}
    with ModelServer([Refused(status, body)]) as server:
        _, told = partly(opened(kind, server.url), schema=SCHEMA)
    assert type(told) is error
    assert len(server.requests) == 1


def test_a_service_that_passes_over_the_schema_is_heard_as_it_is(kind):
    with ModelServer(["She is three."]) as server:
        assert text_of(ask(opened(kind, server.url), schema=SCHEMA)) == "She is three."


@pytest.mark.parametrize(
    ("change", "strict"),
    [
        ({}, True),
        ({"additionalProperties": True}, False),
        ({"required": []}, False),
        ({"properties": {"age": {"anyOf": [{"type": "object"}]}}}, False),
    ],
)
def test_only_a_schema_of_closed_objects_is_strict(change, strict):
    schema = SCHEMA | change
    assert is_strict(schema) is strict
    with ModelServer([ANSWER]) as server:
        ask(opened("openai", server.url), schema=schema)
    sent = json.loads(server.requests[0].content)["response_format"]["json_schema"]
    assert (sent["schema"], sent["strict"]) == (schema, strict)
