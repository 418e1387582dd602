"""What a service sends without end, or nested without end, breaks no more than its reply."""

import asyncio
import json

import pytest

from llmrepl.context.tools import TOOLS
from llmrepl.errors import ProviderBusy, ProviderError, ProviderRefused
from llmrepl.providers.native import Calls
from llmrepl.providers.probe import first_model
from llmrepl.testing.asking import run
from tests.providers.calls import opened, partly
from tests.providers.excess import (
    DEEP,
    DEEP_ERROR,
    DEEP_WORDS,
    HEAD,
    MIB,
    NEAR,
    NO_MODEL,
    ODD_NAMES,
    answering,
    cut,
    endless,
    listing,
    packed,
)
from tests.providers.raw import raw_server, response
from tests.providers.test_hostile import heard

LONGEST = 400
"""Characters of what a person is told."""


def failed(kind, answer):
    """The error that this answer is."""
    with raw_server(answer) as (url, _):
        chunks, error = partly(opened(kind, url))
    assert not chunks
    assert len(error.message) + len(error.hint) < LONGEST
    return error


@pytest.mark.parametrize("body", [DEEP_ERROR, DEEP_WORDS, NEAR], ids=["list", "object", "near"])
@pytest.mark.parametrize(
    ("status", "means"), [(b"400 No", ProviderRefused), (b"503 No", ProviderBusy)]
)
def test_an_error_that_is_nested_without_end_is_told_by_its_status(kind, body, status, means):
    assert type(failed(kind, response(body, status=status))) is means


def test_an_event_that_is_nested_without_end_is_none(kind):
    whole = DEEP + b"\n" if kind == "ollama" else b"data: " + DEEP + b"\n\n"
    error = failed(kind, response(whole, media_type=b"text/event-stream"))
    assert "JSON" in error.message


def models_of(kind, url):
    async def models(provider):
        return await provider.models()

    return run(opened(kind, url), models)


@pytest.mark.parametrize("page", [response(DEEP), packed()], ids=["nested", "packed"])
def test_a_list_of_models_without_end_is_an_error(kind, page):
    with raw_server(page) as (url, _), pytest.raises(ProviderError):
        models_of(kind, url)


def test_a_list_of_models_is_not_read_for_ever(kind):
    head = HEAD % (b"200 OK", b"application/json")
    with endless(head, b" " * MIB) as url, pytest.raises(ProviderError, match="MiB"):
        models_of(kind, url)


def test_names_that_are_none_are_no_models(kind):
    with raw_server(listing([*ODD_NAMES, "test"])) as (url, _):
        assert [model.name for model in models_of(kind, url)] == ["test"]


def test_a_model_is_missed_whatever_others_are_called(kind):
    missing = response(NO_MODEL, status=b"404 Not Found")
    with answering(
        lambda request: listing(ODD_NAMES) if request.startswith(b"GET") else missing
    ) as url:
        _, error = partly(opened(kind, url))
    assert type(error) is ProviderRefused
    assert "has no model" in error.message
    assert len(error.hint) < LONGEST


@pytest.mark.parametrize(
    ("status", "means"), [(b"401 No", ProviderRefused), (b"503 No", ProviderBusy)]
)
def test_an_error_is_not_read_for_ever(kind, status, means):
    with endless(HEAD % (status, b"application/json"), b"x" * MIB) as url:
        _, error = partly(opened(kind, url))
    assert type(error) is means


def test_a_small_error_that_is_large_once_unpacked_is_not_kept(kind):
    assert type(failed(kind, packed(b"401 No"))) is ProviderRefused


def test_a_refusal_whose_words_break_off_is_one(kind):
    assert type(failed(kind, cut(b"401 No"))) is ProviderRefused


@pytest.mark.parametrize("piece", [b"x", b"data: ", b"{"], ids=["line", "data", "whole"])
def test_an_event_without_end_is_given_up(kind, piece):
    with endless(HEAD % (b"200 OK", b"text/event-stream"), piece * MIB) as url:
        _, error = partly(opened(kind, url))
    assert type(error) is ProviderError
    assert "MiB came without the end" in error.message


def test_a_stream_that_is_large_once_unpacked_is_given_up(kind):
    assert "MiB came without the end" in failed(kind, packed()).message


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ({"status": 400}, ProviderRefused),
        ({"status": 401}, ProviderRefused),
        ({"status": 403}, ProviderRefused),
        ({"status": 404}, ProviderRefused),
        ({"status": 429}, ProviderBusy),
        ({"status": 500}, ProviderError),
        ({}, ProviderError),
    ],
)
def test_a_stream_says_by_a_status_whether_another_try_may_help(kind, said, means):
    event = {"error": "No.", **said} if kind == "ollama" else {"error": {"message": "No.", **said}}
    chunks, error = heard(kind, event)
    assert not chunks
    assert type(error) is means
    assert "No." in error.message


def test_a_message_has_no_more_calls_than_a_model_makes(kind):
    function = {"name": "python", "arguments": {"code": "1"} if kind == "ollama" else "{}"}
    calls = [{"id": f"c{place}", "function": function} for place in range(501)]
    if kind == "ollama":
        event = {"message": {"content": "", "tool_calls": calls}, "done": True}
    else:
        event = {"choices": [{"delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
    _, error = heard(kind, event, tools=TOOLS)
    assert type(error) is ProviderError
    assert error.message.endswith("more than 500 calls came in one message")


@pytest.mark.parametrize("piece", ["}", "["])
def test_a_call_may_come_in_any_number_of_pieces(piece):
    calls = Calls()
    for _ in range(200_000):
        function = {"name": "python", "arguments": piece}
        calls.add([{"id": "same", "index": 0, "function": function}])
    (call,) = calls.all
    assert len(call.pieces) == 200_000


@pytest.mark.parametrize(
    "said", [{"code": 401}, {"code": "403"}, {"type": "authentication_error"}, {"status_code": 400}]
)
def test_the_status_has_many_names(said):
    _, error = heard("openai", {"error": {"message": "No.", **said}})
    assert type(error) is ProviderRefused


@pytest.mark.parametrize(
    "page",
    [response(DEEP), response(json.dumps({"models": [{"name": "\x1b[2J"}]}).encode())],
    ids=["nested", "control"],
)
def test_what_answers_at_ollamas_address_may_be_anything(page):
    with raw_server(page) as (url, _):
        assert asyncio.run(first_model(url, 10)) == ""
