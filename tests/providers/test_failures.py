"""Whatever a service does, a person reads one line, a hint, and never a key."""

import asyncio
import contextlib
import socket

import pytest

from llmrepl.errors import (
    ConfigError,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from llmrepl.parts import Image
from llmrepl.ports import ChatMessage
from llmrepl.testing import Broken, ModelServer, Refused, Reply
from tests.providers.calls import KEY, opened, partly, request, run, text_of
from tests.providers.raw import raw_server, response, unused_address


def failure(kind, *script, **settings):
    with ModelServer(script) as server:
        chunks, error = partly(opened(kind, server.url, **settings))
    assert chunks == []
    return checked(error)


def checked(error):
    assert isinstance(error, ProviderError)
    for words in (error.message, error.hint):
        assert "\n" not in words
        assert KEY not in words
    return error


def test_nobody_at_the_address_is_said_with_the_address(kind):
    url = unused_address()
    _, error = partly(opened(kind, url))
    assert type(checked(error)) is ProviderUnreachable
    assert error.message.startswith(f"No server answers at {url}")
    hints = {
        "ollama": "start it with `ollama serve`, or set OLLAMA_HOST",
        "groq": "check the network connection, or set GROQ_BASE_URL",
        "openai": "start the server, or set OPENAI_BASE_URL",
    }
    assert error.hint == hints[kind]


def test_nobody_at_the_address_is_said_of_the_models_too(kind):
    with pytest.raises(ProviderUnreachable, match="No server answers at"):
        run(opened(kind, unused_address()), lambda provider: provider.models())


def test_a_name_that_is_no_host_is_said(kind, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name)
    _, error = partly(opened(kind, f"http://{'x' * 64}.invalid"))
    assert type(checked(error)) is ProviderUnreachable
    assert error.message.endswith(": its name is not known")
    assert "is the address right?" not in error.message
    assert "right address" in error.hint


def test_a_name_with_several_addresses_refused_at_all_is_said_in_one_line(kind):
    url = unused_address().replace("127.0.0.1", "localhost")
    _, error = partly(opened(kind, url))
    assert (
        checked(error).message == f"No server answers at {url}{'/v1' if kind == 'openai' else ''}"
    )


def test_a_proxy_that_nobody_listens_at_is_named(kind):
    _, error = partly(opened(kind, "http://models.invalid"))
    assert type(checked(error)) is ProviderUnreachable
    assert "NO_PROXY" in error.hint


def test_a_service_that_says_nothing_is_given_up(kind):
    with ModelServer([Reply("late", delay=30)]) as server:
        _, error = partly(opened(kind, server.url, timeout=0.5))
    assert type(checked(error)) is ProviderUnreachable
    assert error.message.endswith(": nothing came for 0.5 s")


def test_a_service_that_falls_silent_is_given_up(kind):
    with ModelServer([Broken("So far", "hang")]) as server:
        chunks, error = partly(opened(kind, server.url, timeout=0.5))
    assert text_of(chunks) == "So far"
    assert type(checked(error)) is ProviderUnreachable


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_says_when_to_come_back(kind, status):
    error = failure(kind, Refused(status, headers={"retry-after": "2.5"}))
    assert type(error) is ProviderBusy
    assert error.retry_after == 2.5
    assert error.hint == "try again in 2.5 s"


@pytest.mark.parametrize(
    ("said", "seconds"), [("5.289s", 5.289), ("2m59.5s", 179.5), ("150ms", 0.15), ("1h2s", 3602)]
)
def test_a_busy_service_may_say_only_in_words_when_to_come_back(kind, said, seconds):
    words = f"Rate limit reached for model `m`. Please try again in {said}. Need more tokens?"
    error = failure(kind, Refused(429, {"error": {"message": words}}))
    assert error.retry_after == seconds


def test_a_busy_service_may_give_a_date(kind):
    error = failure(kind, Refused(429, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    assert error.retry_after == 0.0


@pytest.mark.parametrize("value", ["soon", "", "nan"])
def test_a_busy_service_may_say_nothing_usable(kind, value):
    error = failure(kind, Refused(429, headers={"retry-after": value}))
    assert type(error) is ProviderBusy
    assert error.retry_after is None
    assert error.hint == "try again later"


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_refused_with_the_variable_to_set(kind, status):
    error = failure(kind, Refused(status))
    assert type(error) is ProviderRefused
    assert error.hint == f"set {kind.upper()}_API_KEY to a valid key"


def test_a_key_that_the_service_repeats_is_blotted_out(kind):
    error = failure(kind, Refused(401, body={"error": f"wrong key {KEY}!"}))
    assert error.message.endswith("wrong key …!")


def test_a_bad_request_is_refused_in_the_services_words(kind):
    said = {"error": {"message": "temperature\nmust be small", "type": "invalid_request_error"}}
    error = failure(kind, Refused(400, body=said))
    assert type(error) is ProviderRefused
    assert error.message.endswith("refused the request: temperature must be small")


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 500, 502])
def test_what_was_refused_is_not_asked_again(kind, status):
    with ModelServer([Refused(status), "never"]) as server:
        _, error = partly(opened(kind, server.url))
        assert len(server.requests) == 1
    assert checked(error)


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_gets_no_answer_is_worth_another_try_later(kind, status):
    assert type(failure(kind, Refused(status))) is ProviderBusy


def test_ollamas_cloud_says_where_to_sign_in():
    body = {"error": "unauthorized", "signin_url": "https://ollama.test/connect?key=abc"}
    error = failure("ollama", Refused(401, body))
    assert type(error) is ProviderRefused
    assert error.hint.startswith("sign in at https://ollama.test/connect?key=abc, or set OLLAMA")
    hostile = {"error": "unauthorized", "signin_url": "javascript:alert(1)"}
    assert "javascript" not in failure("ollama", Refused(401, hostile)).hint


def test_a_model_that_cannot_think_is_said_with_the_setting_that_asked_it_to():
    body = {"error": '"test:latest" does not support thinking'}
    error = failure("ollama", Refused(400, body), options={"think": True})
    assert type(error) is ProviderRefused
    assert "does not support thinking" in error.message
    assert "`think`" in error.hint


def test_an_unknown_model_is_refused_with_the_names_there_are(kind):
    models = ["llama3.2:latest", "qwen3:8b", "test:7b"]
    with ModelServer([Refused(404)], models=models) as server:
        _, error = partly(opened(kind, server.url), model="test:70b")
    assert type(checked(error)) is ProviderRefused
    assert error.message.endswith("has no model 'test:70b'")
    assert "it has test:7b" in error.hint
    assert ("`ollama pull test:70b` gets it" in error.hint) == (kind == "ollama")


@pytest.fixture
def serving():
    """Returns a function from an answer to the address of a server that gives it once."""
    with contextlib.ExitStack() as stack:
        yield lambda answer: stack.enter_context(raw_server(answer))[0]


def test_an_address_with_something_else_behind_it_is_refused(kind, serving):
    _, error = partly(opened(kind, serving(response(b"gone", status=b"404 Not Found"))))
    assert type(checked(error)) is ProviderRefused
    assert "right address" in error.hint


def test_a_moved_service_is_not_followed_but_named(kind, serving):
    moved = response(status=b"301 Moved", headers=b"Location: https://elsewhere.invalid/\r\n")
    _, error = partly(opened(kind, serving(moved)))
    assert type(checked(error)) is ProviderRefused
    assert "https://elsewhere.invalid/" in error.message


def test_a_failing_service_is_no_refusal(kind):
    error = failure(kind, Refused(500))
    assert type(error) is ProviderError
    assert error.message.endswith("failed with status 500: internal server error")


def test_a_web_page_in_place_of_an_error_is_not_shown(kind, serving):
    page = response(b"<html><h1>Bad Gateway</h1></html>", status=b"502 Bad Gateway")
    _, error = partly(opened(kind, serving(page)))
    assert type(checked(error)) is ProviderBusy
    assert error.message.endswith("is busy: status 502")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("error", "the model stopped working"),
        ("cut", "the connection closed in the middle of the reply"),
        ("garbage", "what came is no"),
        ("silent", "the stream stopped in the middle"),
    ],
)
def test_a_reply_that_breaks_off_keeps_what_came(kind, how, said):
    with ModelServer([Broken("So far so good", how)]) as server:
        chunks, error = partly(opened(kind, server.url))
    assert text_of(chunks) == "So far so good"
    assert type(checked(error)) is ProviderError
    assert f"broke off its reply: {said}" in error.message


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_what_is_not_http_is_an_error_too(kind, answer, serving):
    _, error = partly(opened(kind, serving(answer)))
    assert type(checked(error)) is ProviderError


@pytest.mark.parametrize("body", [b"[1, 2]\n", b'"text"\n', b"\xff\xfe\n", b'{"message": 5}\n'])
def test_json_of_another_shape_is_an_error_too(kind, body, serving):
    lines = b"data: " + body + b"\n" if kind != "ollama" else body
    answer = response(lines, media_type=b"text/event-stream")
    _, error = partly(opened(kind, serving(answer)))
    assert type(checked(error)) is ProviderError


def test_after_a_failure_the_next_request_works(kind):
    with ModelServer([Refused(500), Broken("x", "cut"), "fine"]) as server:
        provider = opened(kind, server.url)
        errors = [partly(provider)[1] for _ in range(3)]
    assert [type(error) for error in errors] == [ProviderError, ProviderError, type(None)]


def test_a_key_that_cannot_be_sent_is_refused_at_once(kind):
    with pytest.raises(ConfigError, match="holds characters that no key has") as caught:
        opened(kind, "http://127.0.0.1:1", api_key="sk-ünicode\nX-Evil: 1")
    assert "ünicode" not in str(caught.value)


def test_white_space_around_a_key_is_no_part_of_it(kind):
    with ModelServer(["ok"]) as server:
        partly(opened(kind, server.url, api_key=f"  {KEY}\n"))
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("address", ["ftp://host", "http://", "http://host:port", "http://[::1"])
def test_an_address_that_is_none_is_refused_at_once(kind, address):
    with pytest.raises(ConfigError, match="no address of a server"):
        opened(kind, "", base_url=address)


@pytest.mark.parametrize("kind", ["groq", "openai"])
@pytest.mark.parametrize("mark", ["?key=", "#"])
def test_an_address_that_nothing_can_follow_is_refused_without_what_it_hides(kind, mark):
    with pytest.raises(ConfigError, match="no address of a server: 'http://host/v1'") as caught:
        opened(kind, "", base_url=f"http://host/v1{mark}{KEY}")
    assert KEY not in str(caught.value)


def test_a_server_that_closes_a_kept_connection_is_connected_to_anew(kind):
    body = b'{"message":{"role":"assistant","content":"ok"},"done":true,"done_reason":"stop"}\n'
    if kind != "ollama":
        body = b'data: {"choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]}\n\n'
    answer = response(body, media_type=b"text/event-stream")
    with raw_server(answer, answer) as (url, received):

        async def work(provider):
            replies = []
            for _ in range(2):
                replies.append([c async for c in provider.stream(request())])
                await asyncio.sleep(0.05)  # the end of the connection arrives
            return replies

        replies = run(opened(kind, url), work)
    assert [text_of(reply) for reply in replies] == ["ok", "ok"]
    assert len(received) == 2


def test_an_image_that_cannot_be_read_is_refused(kind, tmp_path):
    image = Image("image/png", path=str(tmp_path / "missing.png"))
    with ModelServer(["never"]) as server:
        _, error = partly(
            opened(kind, server.url), messages=(ChatMessage("user", "See?", (image,)),)
        )
    assert type(checked(error)) is ProviderRefused
    assert "missing.png cannot be read: No such file" in error.message
    assert not server.requests


def test_no_proxy_of_the_environment_is_asked_for_this_machine(kind):
    with socket.create_server(("127.0.0.1", 0)) as proxy, ModelServer(["direct"]) as server:
        proxy.settimeout(0.1)
        chunks, error = partly(opened(kind, server.url))
        with pytest.raises(TimeoutError):
            proxy.accept()
    assert error is None
    assert text_of(chunks) == "direct"


def test_a_proxy_of_the_environment_is_asked_for_other_machines(kind, monkeypatch):
    with ModelServer(["through the proxy"]) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        _, error = partly(opened(kind, "http://models.invalid"))
        assert isinstance(error, ProviderError | None)
        assert proxy.exchanges[0].headers["host"] == "models.invalid"
