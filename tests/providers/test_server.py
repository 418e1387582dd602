"""The scripted server: what tests of the whole product lean on."""

import contextlib
import gc
import json
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from llmrepl.testing import Broken, ModelServer, Refused, Reply, Wire
from tests.providers.calls import ask, end_of, opened, partly, request, text_of
from tests.providers.raw import unused_address


@contextlib.contextmanager
def connected(server):
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def post(connection, path, **body):
    connection.request("POST", path, json.dumps({"model": "m", "messages": []} | body))
    reply = connection.getresponse()
    return reply.status, reply.read()


def get(connection, path):
    connection.request("GET", path)
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def test_every_request_is_kept():
    with ModelServer(["one", "two"]) as server, connected(server) as connection:
        before = time.time()
        post(connection, "/api/chat", temperature=1)
        get(connection, "/api/version")
        post(connection, "/v1/chat/completions")
        first, second = server.requests
    assert [exchange.path for exchange in server.exchanges] == [
        "/api/chat",
        "/api/version",
        "/v1/chat/completions",
    ]
    assert first.body["temperature"] == 1
    assert first.headers["host"] == urlsplit(server.url).netloc
    assert before <= first.at <= second.at <= time.time()
    assert (first.status, first.left, first.tokens) == (200, False, 1)
    assert server.connections == 1
    assert server.tokens == 2


def test_a_reply_can_be_asked_for_whole():
    script = [Reply("Yes.", reasoning="Hm.")] * 2
    with ModelServer(script) as server, connected(server) as connection:
        _, ollama = post(connection, "/api/chat", stream=False)
        _, openai = post(connection, "/v1/chat/completions")
    assert json.loads(ollama)["message"] == {
        "role": "assistant",
        "content": "Yes.",
        "thinking": "Hm.",
    }
    (choice,) = json.loads(openai)["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Yes.", "reasoning": "Hm."}


def test_after_its_script_it_says_so():
    with ModelServer(["one"]) as server, connected(server) as connection:
        post(connection, "/api/chat")
        status, body = post(connection, "/api/chat")
    assert status == 500
    assert json.loads(body) == {"error": "the script has only 1 reply"}


def test_stateless_it_chooses_the_reply_by_the_messages(kind):
    with ModelServer(["one", "two"], stateless=True) as server:
        provider = opened(kind, server.url)
        assert text_of(ask(provider, "Hi", "one", "Go on")) == "two"
        assert text_of(ask(provider, "Hi")) == "one"
        assert text_of(ask(provider, "Hi")) == "one"


def test_stateless_a_fault_comes_once_before_its_reply(kind):
    script = [Refused(503), Reply("No.", error="busy"), "one", Broken("t"), "three"]
    with ModelServer(script, stateless=True) as server:
        provider = opened(kind, server.url)
        errors = [partly(provider)[1] for _ in range(3)]
        assert [error is None for error in errors] == [False, False, True]
        assert text_of(partly(provider, messages=request("Hi", "one", "On").messages)[0]) == "t"
        assert text_of(ask(provider, "Hi", "one", "On", "t", "And on")) == "three"


def test_a_function_says_what_each_request_is_answered_with_and_how(kind):
    def answer(exchange):
        server.wire = Wire(
            usage="none" if exchange.body["messages"][-1]["content"] == "Hi" else "both"
        )
        return Refused(503) if len(server.requests) == 1 else f"Reply {len(server.requests)}."

    with ModelServer(answer) as server:
        provider = opened(kind, server.url)
        assert partly(provider)[1] is not None
        quiet, loud = ask(provider, "Hi"), ask(provider, "Ho")
    assert (text_of(quiet), text_of(loud)) == ("Reply 2.", "Reply 3.")
    assert (end_of(quiet).usage is None, end_of(loud).usage is None) == (True, False)


@pytest.mark.parametrize("text", ["", "So far"])
def test_a_connection_is_torn_down_before_the_first_byte_or_behind_what_was_said(kind, text):
    with ModelServer([Broken(text, "reset"), "Back."]) as server:
        provider = opened(kind, server.url)
        chunks, error = partly(provider)
        assert text_of(ask(provider)) == "Back."
    assert text.startswith(text_of(chunks))  # a reset may take back what was under way
    assert "the connection closed in the middle" in error.message


@pytest.mark.parametrize(
    ("error", "status"), [("busy", 429), ("refused", 400), ("unreachable", 503)]
)
def test_a_scripted_failure_is_a_status(error, status):
    script = [Reply(error=error, retry_after=2)]
    with ModelServer(script) as server, connected(server) as connection:
        assert post(connection, "/api/chat")[0] == status


def test_a_reply_that_is_scripted_to_break_breaks(kind):
    with ModelServer([Reply("So far", error="broken")]) as server:
        chunks, error = partly(opened(kind, server.url))
    assert text_of(chunks) == "So far"
    assert "the model stopped working" in error.message


def test_the_rate_of_tokens_can_be_set_and_changed():
    with ModelServer(["a b c d e f"] * 2) as server:
        provider = opened("ollama", server.url)
        times = []
        for rate in (20, 1000):
            server.wire = Wire(rate=rate)
            began = time.perf_counter()
            ask(provider)
            times.append(time.perf_counter() - began)
    assert times[0] > 5 / 20
    assert times[1] < times[0]


def test_a_reply_that_is_held_begins_when_it_is_let_go():
    with ModelServer(["one"]) as server:
        server.held = True
        provider = opened("ollama", server.url)
        with ThreadPoolExecutor() as pool:
            asking = pool.submit(ask, provider)
            server.wait_for_requests(1)
            assert not asking.done()
            server.held = False
            assert text_of(asking.result(20)) == "one"


def test_tokens_can_come_several_at_a_time():
    with ModelServer(["a b c d e f g"], wire=Wire(chunk=3)) as server:
        chunks = ask(opened("ollama", server.url))
    assert [chunk.text for chunk in chunks[:-1]] == ["a b c", " d e f", " g"]
    assert end_of(chunks).usage.output_tokens == 7


def test_pipelined_requests_are_answered_in_order():
    with ModelServer(["one", "two"]) as server, connected(server) as connection:
        connection.connect()
        body = b'{"model":"m","messages":[],"stream":false}'
        head = b"POST /api/chat HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sock.sendall((head + body) * 2)
        received = b""
        while received.count(b"done_reason") < 2:
            received += connection.sock.recv(65536)
    assert received.index(b'"one"') < received.index(b'"two"')


def test_what_it_does_not_serve_is_not_found():
    with ModelServer() as server, connected(server) as connection:
        assert get(connection, "/api/nothing")[0] == 404
        assert get(connection, "/api/tags?x=1")[1]["models"][0]["name"] == "test:latest"
        assert json.loads(post(connection, "/api/show")[1])["capabilities"] == ["completion"]


def test_a_port_that_is_taken_is_an_error():
    with ModelServer() as server:
        port = urlsplit(server.url).port
        with pytest.raises(OSError, match=f"port {port} is taken"):
            ModelServer(port=port).__enter__()


def test_waiting_for_requests_that_do_not_come_ends():
    with ModelServer(["x"]) as server, connected(server) as connection:
        with pytest.raises(TimeoutError, match="0 of 1 requests came"):
            server.wait_for_requests(1, seconds=0.01)
        post(connection, "/api/chat")
        server.wait_for_requests(1)


def test_a_request_costs_it_well_under_a_millisecond():
    with ModelServer(["ok"] * 300) as server, connected(server) as connection:
        took = []
        for _ in range(300):
            began = time.process_time()
            post(connection, "/api/chat")
            took.append(time.process_time() - began)
    # The median of the whole process: what the client takes is part of it.
    assert sorted(took)[150] < 0.001


def test_who_comes_in_while_it_ends_is_left_open_by_nobody():
    def come_in(address, ended):
        came = []
        while not ended.is_set():
            with contextlib.suppress(OSError):
                came.append(socket.create_connection(address, 1))
        for connection in came:
            connection.close()

    with ThreadPoolExecutor() as visitors:
        for _ in range(30):
            ended = threading.Event()
            with ModelServer([]) as server:
                parts = urlsplit(server.url)
                address = parts.hostname, parts.port
                coming = [visitors.submit(come_in, address, ended) for _ in range(2)]
            ended.set()
            assert [visit.result() for visit in coming] == [None, None]
    gc.collect()  # what is left open complains now, here


def test_it_runs_in_a_process_of_its_own(tmp_path):
    script = tmp_path / "script.txt"
    script.write_text("Hello\n===\nusage: 7/3\n\nBye\n")
    port = urlsplit(unused_address()).port
    command = [sys.executable, "-m", "llmrepl.testing.server", "--script", str(script)]
    options = ["--port", str(port), "--stateless", "--model", "a", "--model", "b"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            assert url == f"http://127.0.0.1:{port}"
            provider = opened("openai", url)
            chunks = ask(provider, "Hi", "Hello", "And?")
        finally:
            process.terminate()
    assert text_of(chunks) == "Bye"
    assert (end_of(chunks).usage.input_tokens, end_of(chunks).usage.output_tokens) == (7, 3)
