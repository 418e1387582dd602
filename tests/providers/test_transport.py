"""The connections under every provider, seen through a plain httpx client."""

import asyncio
import contextlib
import gzip
import socket
import ssl
import threading
from pathlib import Path

import httpx
import pytest

from llmrepl.providers import transport as module
from llmrepl.providers.transport import Transport
from llmrepl.testing import ModelServer, Reply
from tests.providers.raw import raw_server, response, unused_address

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""For 127.0.0.1, signed by itself, with its key; it protects nothing."""


def fetch(work, timeout=5.0, tls=ssl.create_default_context):
    """Run `work(client)` with a client on a transport of its own."""

    async def main():
        async with httpx.AsyncClient(transport=Transport(tls), timeout=timeout) as client:
            return await work(client)

    return asyncio.run(main())


def get(url, **options):
    return fetch(lambda client: client.get(url, **options))


@pytest.mark.parametrize(
    "answer",
    [
        response(b"hello"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    ],
)
def test_a_body_is_read_in_each_framing(answer):
    with raw_server(answer) as (url, _):
        reply = get(url)
    assert (reply.status_code, reply.text) == (200, "hello")


def test_a_compressed_body_is_unpacked():
    packed = response(gzip.compress(b"hello"), headers=b"Content-Encoding: gzip\r\n")
    with raw_server(packed) as (url, _):
        assert get(url).text == "hello"


def test_a_request_arrives_as_it_was_made():
    with raw_server(response()) as (url, received):
        fetch(lambda c: c.post(f"{url}/a%20b?c=d", content="Grüße", headers={"X-One": "1"}))
    head, _, body = received[0].partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first == b"POST /a%20b?c=d HTTP/1.1"
    assert b"X-One: 1" in lines
    assert b"Content-Length: 7" in lines
    assert body == "Grüße".encode()


def test_a_large_request_and_a_large_reply_go_through(monkeypatch):
    monkeypatch.setattr(module, "HIGH_WATER", 1000)
    text = "word " * 400_000
    with ModelServer([text]) as server:

        async def work(client):
            body = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": False}
            return await client.post(f"{server.url}/api/chat", json=body)

        assert fetch(work).json()["message"]["content"] == text
        assert server.requests[0].body["messages"][0]["content"] == text


def test_a_server_waits_while_nobody_reads(monkeypatch):
    monkeypatch.setattr(module, "HIGH_WATER", 1000)
    size = 60_000_000
    sent = []

    def serve():
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(60):
            connection.sendall(bytes(size // 60))
            sent.append(size // 60)
        connection.close()

    async def work(client):
        async with client.stream("GET", f"http://127.0.0.1:{listener.getsockname()[1]}") as reply:
            await asyncio.sleep(0.3)
            return sum(sent), len(b"".join([part async for part in reply.aiter_raw()]))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        early, total = fetch(work)
        thread.join()
    assert early < size / 2
    assert total == size


def test_connections_are_kept_only_up_to_a_limit():
    with ModelServer() as server:

        async def work(client):
            url = f"{server.url}/api/version"
            await asyncio.gather(*(client.get(url) for _ in range(8)))
            before = server.connections
            await asyncio.gather(*(client.get(url) for _ in range(4)))
            return before, server.connections

        assert fetch(work) == (8, 8)


def test_an_idle_connection_expires(monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.0)
    with ModelServer() as server:

        async def work(client):
            for _ in range(3):
                await client.get(f"{server.url}/api/version")

        fetch(work)
        assert server.connections == 3


def test_a_connection_on_which_more_came_than_asked_for_is_not_used_again():
    answers = [response(b"one") + b"HTTP/1.1 200 surprise", response(b"two")]
    with raw_server(*answers, hold=True) as (url, _):

        async def work(client):
            return [(await client.get(url)).text for _ in range(2)]

        assert fetch(work) == ["one", "two"]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"])
def test_a_header_cannot_smuggle_in_another(value):
    with pytest.raises(httpx.LocalProtocolError) as caught:
        get("http://127.0.0.1:9", headers={"X-Key": value})
    assert "Evil" not in str(caught.value)


def test_nobody_listening_is_a_connect_error():
    with pytest.raises(httpx.ConnectError):
        get(unused_address())


def test_being_refused_at_several_addresses_is_being_refused():
    both = "Connect call failed ('::1', 9, 0, 0), [Errno 111] Connect call failed ('127.0.0.1', 9)"
    error = OSError(f"Multiple exceptions: [Errno 111] {both}")
    assert isinstance(module._of_one_address(error), ConnectionRefusedError)


def test_a_server_that_does_not_speak_tls_is_a_connect_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(httpx.ConnectError):
            get(f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()


def test_silence_is_a_timeout():
    with ModelServer([Reply("late", delay=30)]) as server:

        async def work(client):
            await client.post(f"{server.url}/api/chat", json={"model": "m", "messages": []})

        with pytest.raises(httpx.ReadTimeout):
            fetch(work, timeout=httpx.Timeout(10, read=0.1))


def test_a_service_behind_tls_is_read_and_its_certificate_checked():
    def serve():
        for _ in range(2):
            plain, _ = listener.accept()
            with (
                contextlib.suppress(ssl.SSLError),
                server.wrap_socket(plain, server_side=True) as c,
            ):
                for _ in range(2):
                    c.recv(65536)
                    c.sendall(response(b"secret"))

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=serve)
        thread.start()

        async def work(client):
            return [(await client.get(url)).text for _ in range(2)]

        trusting = ssl.create_default_context(cafile=CERTIFICATE)
        assert fetch(work, tls=lambda: trusting) == ["secret", "secret"]
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            fetch(work)
        thread.join()
