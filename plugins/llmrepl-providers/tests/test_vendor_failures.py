"""Whatever a vendor's service does, a person reads one line, a hint, and never a key."""

import socket

import pytest
from vendor_calls import KEY, MODELS, opened, partly, run, server, text_of

from llmrepl.errors import (
    ConfigError,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from llmrepl.parts import Image
from llmrepl.ports import ChatMessage
from llmrepl.testing import Broken, Refused


def failure(kind, *script, **settings):
    with server(kind, *script) as served:
        chunks, error = partly(opened(kind, served.url, **settings))
    assert chunks == []
    return checked(error)


def checked(error):
    assert isinstance(error, ProviderError)
    for words in (error.message, error.hint):
        assert "\n" not in words
        assert KEY not in words
    return error


def test_nobody_at_the_address_is_said_with_the_variable(kind):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    _, error = partly(opened(kind, url))
    assert type(checked(error)) is ProviderUnreachable
    assert error.message.startswith(f"No server answers at {url}")
    assert error.hint.endswith(f"or set {kind.upper()}_BASE_URL")


def test_without_a_key_nothing_is_sent_to_the_vendor(kind):
    _, error = partly(opened(kind, None, api_key=None))
    assert type(checked(error)) is ProviderRefused
    assert error.message.endswith(" needs a key")
    assert error.hint.startswith(f"set {kind.upper()}_API_KEY; ")
    with pytest.raises(ProviderRefused, match="needs a key"):
        run(opened(kind, None, api_key=None), lambda provider: provider.models())


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_refused_with_the_variable_to_set(kind, status):
    error = failure(kind, Refused(status))
    assert type(error) is ProviderRefused
    assert error.hint == f"set {kind.upper()}_API_KEY to a valid key"


def test_a_key_that_the_service_repeats_is_blotted_out(kind):
    error = failure(kind, Refused(401, body={"error": {"message": f"wrong key {KEY}!"}}))
    assert error.message.endswith("wrong key …!")


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_busy_service_says_when_to_come_back(kind, status):
    error = failure(kind, Refused(status, headers={"retry-after": "2.5"}))
    assert type(error) is ProviderBusy
    assert (error.retry_after, error.hint) == (2.5, "try again in 2.5 s")


def test_a_failing_service_is_no_refusal(kind):
    error = failure(kind, Refused(500))
    assert type(error) is ProviderError
    assert error.message.endswith("failed with status 500: internal server error")


def test_a_bad_request_is_refused_in_the_services_words(kind):
    error = failure(kind, Refused(400))
    assert type(error) is ProviderRefused
    assert error.message.endswith("refused the request: the request is malformed")


UNKNOWN = {
    "anthropic": Refused(
        404,
        {"type": "error", "error": {"type": "not_found_error", "message": "model: no-such"}},
    ),
    "gemini": Refused(
        404,
        {
            "error": {
                "code": 404,
                "message": "models/no-such is not found for API version v1beta",
                "status": "NOT_FOUND",
            }
        },
    ),
    "mistral": Refused(
        400,
        {
            "object": "error",
            "message": "Invalid model: no-such",
            "type": "invalid_model",
            "param": None,
            "code": "1500",
        },
    ),
}


def test_an_unknown_model_is_refused_with_the_names_there_are(kind):
    with server(kind, UNKNOWN[kind]) as served:
        _, error = partly(opened(kind, served.url), model="no-such")
    assert type(checked(error)) is ProviderRefused
    assert error.message.endswith(" has no model 'no-such'")
    assert error.hint == f"it has {MODELS[kind]}"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("error", "the model stopped working"),
        ("cut", "the connection closed in the middle of the reply"),
        ("garbage", "what came is no JSON object"),
        ("silent", "the stream stopped in the middle"),
    ],
)
def test_a_reply_that_breaks_off_keeps_what_came(kind, how, said):
    with server(kind, Broken("So far so good", how)) as served:
        chunks, error = partly(opened(kind, served.url))
    assert text_of(chunks) == "So far so good"
    assert type(checked(error)) is ProviderError
    assert f"broke off its reply: {said}" in error.message


def test_a_service_that_gets_overloaded_in_the_middle_of_a_reply_is_busy(kind):
    with server(kind, Broken("So far", message="Overloaded")) as served:
        chunks, error = partly(opened(kind, served.url))
    assert text_of(chunks) == "So far"
    assert type(checked(error)) is ProviderBusy
    assert "Overloaded" in error.message


def test_a_service_that_falls_silent_is_given_up(kind):
    with server(kind, Broken("So far", "hang")) as served:
        chunks, error = partly(opened(kind, served.url, timeout=1.5))
    assert text_of(chunks) == "So far"
    assert type(checked(error)) is ProviderUnreachable


def test_a_web_page_in_place_of_a_reply_is_an_address_of_something_else(kind):
    error = failure(kind, Refused(200, "<html>Hello</html>", {"content-type": "text/html"}))
    assert type(error) is ProviderRefused
    assert "a web page came" in error.message
    assert "right address" in error.hint


def test_a_list_of_models_that_is_none_is_an_error(kind):
    pages = dict.fromkeys(("/v1/models", "/v1beta/models"), "soon")
    with server(kind, pages=pages) as served, pytest.raises(ProviderError) as caught:
        run(opened(kind, served.url), lambda provider: provider.models())
    assert checked(caught.value).message.endswith("what came is not JSON")


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
def test_a_service_that_tells_no_facts_about_a_model_answers_all_the_same(kind):
    facts = (f"/v1/models/{MODELS[kind]}", f"/v1beta/models/{MODELS[kind]}")
    with server(kind, "hello", "again", pages=dict.fromkeys(facts, "soon")) as served:
        provider = opened(kind, served.url)
        assert [text_of(partly(provider)[0]) for _ in range(2)] == ["hello", "again"]


def test_an_image_that_cannot_be_read_is_refused(kind, tmp_path):
    image = Image("image/png", path=str(tmp_path / "missing.png"))
    with server(kind, "never") as served:
        messages = (ChatMessage("user", "See?", (image,)),)
        _, error = partly(opened(kind, served.url), messages=messages)
    assert type(checked(error)) is ProviderRefused
    assert "missing.png cannot be read: No such file" in error.message
    assert not served.requests


def test_after_a_failure_the_next_request_works(kind):
    with server(kind, Refused(500), Broken("x", "cut"), "fine") as served:
        provider = opened(kind, served.url)
        errors = [partly(provider)[1] for _ in range(3)]
    assert [type(error) for error in errors] == [ProviderError, ProviderError, type(None)]


def test_an_address_that_is_none_is_refused_at_once(kind):
    with pytest.raises(ConfigError, match="no address of a server"):
        opened(kind, "ftp://host")


def test_a_key_that_cannot_be_sent_is_refused_at_once(kind):
    with pytest.raises(ConfigError, match="holds characters that no key has") as caught:
        opened(kind, "http://127.0.0.1:1", api_key="sk-ünicode\nX-Evil: 1")
    assert "ünicode" not in str(caught.value)
