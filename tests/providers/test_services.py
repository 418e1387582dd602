"""What is particular to Ollama, to Groq and to servers that speak OpenAI's API."""

import asyncio
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ollama._client import _parse_host

from llmrepl.errors import ConfigError, ProviderError, ProviderRefused
from llmrepl.providers.ollama import ollama_url
from llmrepl.providers.registry import open_provider
from llmrepl.testing import ModelServer, Refused, Reply, Wire
from llmrepl.usage import Usage
from tests.providers.calls import (
    KEY,
    ask,
    end_of,
    opened,
    partly,
    request,
    run,
    text_of,
    thought_of,
)
from tests.providers.raw import raw_server, response

# Ollama


@pytest.mark.parametrize(
    "host",
    [
        "",
        "1.2.3.4",
        ":56789",
        "1.2.3.4:56789",
        "http://1.2.3.4",
        "https://1.2.3.4",
        "https://example.com:56789/path/",
        "example.com",
        "example.com:56789/path",
        "example.com/",
        "[::2]",
        "[::2]:56789",
        "http://[0001:002:003:0004::1]",
        "https://[0001:002:003:0004::1]:56789/path",
        " 1.2.3.4 ",
    ],
)
def test_a_host_means_what_the_sdk_takes_it_for(host):
    assert ollama_url(host) == _parse_host(host.strip())


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:11434"), ("http://[::]:8080", "http://[::1]:8080")],
)
def test_a_server_on_every_interface_is_reached_on_this_machine(host, url):
    assert ollama_url(host) == url


@pytest.mark.parametrize("host", ["host:port", "ftp://host", "[::1", "host:99999", "http://"])
def test_a_host_that_is_none_is_a_configuration_error(host):
    with pytest.raises(ConfigError, match="OLLAMA_HOST is no address") as caught:
        ollama_url(host)
    assert "127.0.0.1:11434" in caught.value.hint


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_a_configuration_error(host):
    try:
        url = ollama_url(host)
    except ConfigError:
        return
    assert url.startswith(("http://", "https://"))


def test_ollama_is_found_through_its_variable(monkeypatch):
    with ModelServer(["hello"]) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url.removeprefix("http://"))
        monkeypatch.setenv("OLLAMA_API_KEY", KEY)
        assert text_of(ask(open_provider("ollama"))) == "hello"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_ollamas_own_settings_stand_where_it_expects_them():
    options = {"num_ctx": 8192, "num_gpu": 1, "think": "high", "keep_alive": "10m"}
    with ModelServer(["ok"]) as server:
        ask(opened("ollama", server.url, options=options), max_tokens=5)
        body = server.requests[0].body
    assert body["options"] == {"num_ctx": 8192, "num_gpu": 1, "num_predict": 5}
    assert (body["think"], body["keep_alive"]) == ("high", "10m")


def test_a_prompt_that_ollama_did_not_count_is_counted_by_us():
    line = (
        b'{"message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop",'
        b'"eval_count":3}\n'
    )
    with raw_server(response(line, media_type=b"application/x-ndjson")) as (url, _):
        chunks = ask(opened("ollama", url), estimated_tokens=77)
    assert end_of(chunks).usage == Usage(77, 3, estimated=True)


def test_ollamas_cloud_is_not_this_machine():
    assert open_provider("ollama").local
    assert not open_provider("ollama", {"base_url": "https://ollama.com"}).local


# Groq


def test_groq_without_a_key_refuses_with_where_to_get_one():
    with ModelServer(["never"]) as server:
        provider = open_provider("groq", {"base_url": server.url})
        _, error = partly(provider)
        with pytest.raises(ProviderRefused, match="Groq needs a key"):
            run(provider, lambda provider: provider.models())
    assert "set GROQ_API_KEY" in error.hint
    assert not server.exchanges


@pytest.mark.parametrize("suffix", ["", "/", "/openai/v1", "/openai/v1/"])
def test_groqs_address_may_hold_the_path_or_not(suffix, monkeypatch):
    with ModelServer(["hello"]) as server:
        monkeypatch.setenv("GROQ_BASE_URL", f"{server.url}{suffix}")
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        assert text_of(ask(open_provider("groq"))) == "hello"
        assert server.requests[0].path == "/openai/v1/chat/completions"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_the_sdk_does_not_try_again_by_itself(status):
    with ModelServer([Refused(status), "never asked for"]) as server:
        partly(opened("groq", server.url))
        assert len(server.requests) == 1


def test_an_error_in_groqs_own_field_is_an_error():
    event = b'data: {"choices":[],"x_groq":{"id":"r","error":"over capacity"}}\n\n'
    with raw_server(response(event, media_type=b"text/event-stream")) as (url, _):
        _, error = partly(opened("groq", url))
    assert error.message == "Groq broke off its reply: over capacity"


# OpenAI-compatible servers


def test_a_local_server_needs_no_key():
    with ModelServer(["hello"]) as server:
        provider = open_provider("openai", {"base_url": f"{server.url}/v1"})
        assert provider.local
        assert text_of(ask(provider)) == "hello"
        assert "authorization" not in server.requests[0].headers


def test_the_openai_variables_are_honoured(monkeypatch):
    with ModelServer(["hello"]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1/")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert text_of(ask(open_provider("openai"))) == "hello"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_openai_itself_is_not_this_machine():
    assert not open_provider("openai").local


def fields_sent(server):
    return [
        set(exchange.body) & {"stream_options", "stop", "max_tokens", "max_completion_tokens"}
        for exchange in server.requests
    ]


def test_a_server_that_knows_no_stream_options_is_asked_without_and_remembered():
    with ModelServer(["one", "two"], wire=Wire(refuses=("stream_options",))) as server:
        provider = opened("openai", server.url)
        models = ("test:latest", "another")
        assert [text_of(ask(provider, model=model)) for model in models] == ["one", "two"]
    assert fields_sent(server) == [{"stream_options"}, set(), set()]


def test_groq_is_never_asked_again_with_less():
    said = {"error": {"message": "property 'stream_options' is unsupported"}}
    with ModelServer([Refused(400, said), "never"]) as server:
        _, error = partly(opened("groq", server.url))
        assert len(server.requests) == 1
    assert "stream_options" in error.message


def test_a_model_that_wants_another_name_for_the_limit_gets_it():
    with ModelServer(["one two three", "x"], wire=Wire(refuses=("max_tokens", "stop"))) as server:
        provider = opened("openai", server.url)
        chunks = ask(provider, max_tokens=2, stop=("END",))
        ask(provider, max_tokens=2, stop=("END",))
    assert end_of(chunks).stop == "max_tokens"
    asked = {"stream_options", "max_completion_tokens"}
    assert fields_sent(server)[0] == {"stream_options", "max_tokens", "stop"}
    assert fields_sent(server)[-2:] == [asked, asked]


def test_a_refusal_that_has_another_reason_is_passed_on_and_nothing_remembered():
    said = {"error": {"message": "the prompt is too long"}}
    with ModelServer([Refused(400, said), "fine"]) as server:
        provider = opened("openai", server.url)
        _, error = partly(provider)
        ask(provider)
    assert error.message.endswith("the prompt is too long")
    assert fields_sent(server) == [{"stream_options"}, {"stream_options"}]


def test_a_reply_that_was_not_streamed_is_read_whole():
    body = (
        b'{"choices":[{"message":{"role":"assistant","reasoning_content":"Hm.","content":"Yes."},'
        b'"finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":4}}'
    )
    with raw_server(response(body)) as (url, _):
        chunks = ask(opened("openai", url))
    assert (thought_of(chunks), text_of(chunks)) == ("Hm.", "Yes.")
    assert (end_of(chunks).stop, end_of(chunks).usage) == ("max_tokens", Usage(9, 4))


def test_an_error_with_a_good_status_is_an_error():
    with raw_server(response(b'{"error":{"message":"no such deployment"}}')) as (url, _):
        _, error = partly(opened("openai", url))
    assert error.message.endswith("no such deployment")


def test_a_web_page_is_no_reply():
    page = response(b"<html>Welcome</html>", media_type=b"text/html; charset=utf-8")
    with raw_server(page) as (url, _):
        _, error = partly(opened("openai", url))
    assert type(error) is ProviderRefused
    assert "a web page came" in error.message
    assert "OPENAI_BASE_URL" in error.hint


@pytest.mark.parametrize("kind", ["openai", "groq"])
@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_found_under_both_of_its_names(kind, field):
    reply = Reply("42", reasoning="Let me see.")
    with ModelServer([reply], wire=Wire(reasoning=field)) as server:
        chunks = ask(opened(kind, server.url))
    assert (thought_of(chunks), text_of(chunks)) == ("Let me see.", "42")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_stream_may_hold_comments_and_any_line_end(newline):
    wire = Wire(newline=newline, comments=True, frame=5)
    with ModelServer(["Grüße 😀"], wire=wire) as server:
        assert text_of(ask(opened("openai", server.url))) == "Grüße 😀"


@pytest.mark.parametrize(
    ("events", "stop"),
    [
        (['{"choices":[{"delta":{"content":"a"}}]}', "[DONE]"], "end_turn"),
        (['{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}'], "end_turn"),
        (['{"choices":[{"delta":{},"finish_reason":"content_filter"}]}', "[DONE]"], "refusal"),
        (['{"choices":[{"delta":{"refusal":"I must not."}}]}', "[DONE]"], "refusal"),
        (['{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}', "[DONE]"], "end_turn"),
    ],
)
def test_a_stream_ends_with_its_mark_or_its_reason(events, stop):
    body = "".join(f"data: {event}\n\n" for event in events).encode()
    with raw_server(response(body, media_type=b"text/event-stream")) as (url, _):
        assert end_of(ask(opened("openai", url))).stop == stop


def test_a_stream_that_stays_open_after_its_mark_is_closed():
    body = b"data: [DONE]\n\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + body
    with raw_server(answer, hold=True) as (url, _):
        provider = opened("openai", url)

        async def work(provider):
            return await asyncio.wait_for(anext(provider.stream(request())), 5)

        assert run(provider, work).stop == "end_turn"


@pytest.mark.parametrize(
    ("body", "context"),
    [
        (b'{"data":[{"id":"m","max_model_len":4096}]}', 4096),
        (b'{"data":[{"id":"m"}]}', None),
        (b'{"data":null}', "nothing"),
    ],
)
def test_a_models_context_is_found_where_servers_put_it(body, context):
    with raw_server(response(body)) as (url, _):
        models = run(opened("openai", url), lambda provider: provider.models())
    assert [model.context for model in models] == ([] if context == "nothing" else [context])


def test_a_list_of_models_that_is_none_is_an_error(kind):
    with raw_server(response(b"[]")) as (url, _), pytest.raises(ProviderError):
        run(opened(kind, url), lambda provider: provider.models())


def test_a_provider_can_be_warmed_before_its_first_request(kind):
    open_provider(kind, {"base_url": "https://models.invalid", "api_key": KEY}).warm()


def test_no_sdk_is_imported_before_the_first_request():
    code = """
import sys
import llmrepl.providers.registry as registry
heavy = {"ollama", "groq", "httpx", "pydantic", "httpcore", "anyio"}
assert not heavy & sys.modules.keys(), sorted(heavy & sys.modules.keys())
for name in ("ollama", "groq", "openai", "scripted"):
    registry.open_provider(name)
assert not heavy & sys.modules.keys(), sorted(heavy & sys.modules.keys())
registry.open_provider("groq").warm()
assert "groq" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
