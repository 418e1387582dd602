"""The proxy alone: what it lets through, what it answers itself, and that it leaves nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from llmrepl.events import NetworkRequested
from llmrepl.executors.network.proxy import Bounds, Proxy, look_up
from llmrepl.executors.network.request_head import CHUNKED, BadRequest, Body, parse_head
from tests.sandbox.upstream import Upstream

QUICK = Bounds(connections=8, head=0.5, resolve=0.5, connect=1, idle=2, half=1)


class Front:
    """A proxy behind a port of its own, and what it told."""

    def __init__(self, net: Sequence[str], resolve=None, bounds: Bounds = QUICK) -> None:
        self.told: list[NetworkRequested] = []
        self.proxy = Proxy(net, self.told.append, resolve, bounds)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)
        self._place = self._listener.getsockname()
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        self.proxy.serve(self._listener.accept()[0])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._place)

    async def ask(self, *parts: bytes, pause: float = 0, finish: bool = False) -> bytes:
        """Send `parts` and return all that comes back."""
        reader, writer = await self.connect()
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
            if finish:
                writer.write_eof()
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        await self.proxy.close()


def through(
    work: Callable[[Front], Awaitable[None]],
    net: Sequence[str],
    resolve=None,
    bounds: Bounds = QUICK,
) -> list[NetworkRequested]:
    """Run `work` with a proxy for `net`, and return what the proxy told."""

    async def running() -> list[NetworkRequested]:
        front = Front(net, resolve, bounds)
        try:
            await work(front)
        finally:
            await front.close()
        return front.told

    return asyncio.run(running())


def one(request: bytes, net: Sequence[str], resolve=None) -> tuple[bytes, list[NetworkRequested]]:
    """Return the answer to one request, and what was told."""
    answers = []

    async def work(front: Front) -> None:
        answers.append(await front.ask(request, finish=True))

    told = through(work, net, resolve)
    return answers[0], told


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as server:
        yield server


def answering(*addresses: str):
    """Return a resolver that gives each address once, and the hosts it was asked for."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return [addresses[min(len(asked), len(addresses)) - 1]]

    return resolve, asked


def test_a_request_reaches_the_host_that_was_named(upstream):
    place = f"127.0.0.1:{upstream.port}"
    answer, told = one(
        f"GET http://{place}/x?y=1 HTTP/1.1\r\nHost: other\r\n\r\n".encode(), [place]
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hello from /x?y=1\n")
    assert told == [
        NetworkRequested(
            method="GET",
            host="127.0.0.1",
            port=upstream.port,
            address="127.0.0.1",
            decision="allow",
            rule=place,
        )
    ]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 5", b"12345"),
        (b"Transfer-Encoding: chunked", b"3\r\n123\r\n2;x=y\r\n45\r\n0\r\n\r\n"),
    ],
)
def test_what_comes_after_a_request_s_body_is_not_passed_on(upstream, head, body):
    place = f"127.0.0.1:{upstream.port}"
    url = f"http://{place}/".encode()
    request = b"POST " + url + b" HTTP/1.1\r\n" + head + b"\r\n\r\n" + body
    second = b"GET " + url + b"second HTTP/1.1\r\n\r\n"
    answer, told = one(request + second, [place])
    assert b"\n5 5994471abb" in answer
    assert b"second" not in answer
    assert [event.method for event in told] == ["POST"]


def test_a_tunnel_passes_bytes_both_ways_until_both_sides_end(upstream):
    place = f"127.0.0.1:{upstream.port}"

    async def work(front: Front) -> None:
        connect = f"CONNECT {place} HTTP/1.1\r\n\r\n".encode()
        get = b"GET /inner HTTP/1.1\r\nConnection: close\r\n\r\n"
        answer = await front.ask(connect + get)
        assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")
        assert answer.endswith(b"hello from /inner\n")
        assert front.proxy.sent == len(get)
        assert front.proxy.received > 0

    assert [event.method for event in through(work, [place])] == ["CONNECT"]


def test_a_host_that_is_not_named_is_refused_and_the_option_told(upstream):
    answer, told = one(b"CONNECT other.test:443 HTTP/1.1\r\n\r\n", ["example.org"])
    line = b"other.test:443 is not allowed: --net other.test allows it"
    assert answer.startswith(b"HTTP/1.1 403 " + line + b"\r\n")
    assert answer.endswith(b"\r\n\r\nllmrepl: " + line + b"\n")
    assert (told[0].decision, told[0].rule, told[0].address) == ("deny", "", "")


def test_a_name_is_not_looked_up_before_it_is_allowed():
    resolve, asked = answering("1.1.1.1")
    one(b"GET http://secret.other.test/ HTTP/1.1\r\n\r\n", ["example.org"], resolve)
    assert asked == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0", "fe80::1"],
)
def test_a_name_that_leads_to_a_private_address_is_refused(address, upstream):
    resolve, _ = answering(address)
    rule = f"*.example.org:{upstream.port}"
    request = f"CONNECT www.example.org:{upstream.port} HTTP/1.1\r\n\r\n".encode()
    answer, told = one(request, [rule], resolve)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert rule.encode() in answer
    assert (told[0].decision, told[0].rule, told[0].address) == (
        "deny",
        rule,
        str(ip_address(address)),
    )


def test_the_connection_goes_to_the_address_that_was_judged(upstream):
    resolve, asked = answering("127.0.0.1", "127.0.0.99")
    place = f"rebound.test:{upstream.port}"
    answer, told = one(f"GET http://{place}/ HTTP/1.1\r\n\r\n".encode(), [place], resolve)
    assert answer.endswith(b"hello from /\n")
    assert asked == ["rebound.test"]
    assert told[0].address == "127.0.0.1"


def test_a_name_that_changes_to_a_private_address_is_refused_then(upstream):
    resolve, asked = answering("192.0.2.1", "127.0.0.1")
    request = f"GET http://a.example.org:{upstream.port}/ HTTP/1.1\r\n\r\n".encode()

    async def work(front: Front) -> None:
        for _ in range(2):
            assert b" 403 " in await front.ask(request)

    told = through(work, [f"*.example.org:{upstream.port}"], resolve)
    assert [event.address for event in told] == ["192.0.2.1", "127.0.0.1"]
    assert len(asked) == 2


def test_a_name_without_an_address_and_a_slow_lookup_are_said():
    async def nothing(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def slow(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    for resolve, said in ((nothing, b"Name or service not known"), (slow, b"it took too long")):
        answer, told = one(b"GET http://a.test/ HTTP/1.1\r\n\r\n", ["a.test"], resolve)
        assert answer.startswith(b"HTTP/1.1 502 a.test has no address: " + said)
        assert told[0].decision == "allow"


def test_a_host_that_does_not_listen_is_said():
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
    answer, told = one(f"CONNECT {place} HTTP/1.1\r\n\r\n".encode(), [place])
    assert answer.startswith(f"HTTP/1.1 502 {place} cannot be reached: ".encode())
    assert [event.decision for event in told] == ["allow"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        (b"GET https://a.test/ HTTP/1.1\r\n\r\n", 400),
        (b"GET ftp://a.test/ HTTP/1.1\r\n\r\n", 400),
        (b"GET http://user@a.test/ HTTP/1.1\r\n\r\n", 400),
        (b"GET http://a.test:0/ HTTP/1.1\r\n\r\n", 400),
        (b"GET http://a.test/ HTTP/2.0\r\n\r\n", 400),
        (b"CONNECT a.test HTTP/1.1\r\n\r\n", 400),
        (b"CONNECT a.test:443:443 HTTP/1.1\r\n\r\n", 400),
        (b"GET http://a.test/ HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET http://a.test/ HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400),
        (b"GET http://a.test/ HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"POST http://a.test/ HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400),
        (b"POST http://a.test/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (
            b"PUT http://a.test HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding:chunked\r\n\r\n",
            400,
        ),
        (b"POST http://a.test/ HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET http://a.test/ HTTP/1.1\r\n", 400),
        (b"GET http://a.test/" + b"x" * 40_000, 431),
        (b"G" * 30 + b" http://a.test/ HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_and_told(request_, code):
    answer, told = one(request_, ["a.test"])
    assert answer.startswith(f"HTTP/1.1 {code} ".encode())
    assert [(event.decision, event.host) for event in told] == [("deny", "")]


def test_a_slow_head_is_given_up_and_a_silent_connection_is_not_told():
    async def work(front: Front) -> None:
        slow = await front.ask(*(b"GET http://a.test/"[i : i + 1] for i in range(9)), pause=0.1)
        assert slow.startswith(b"HTTP/1.1 408 ")
        assert await front.ask() == b""

    assert [event.decision for event in through(work, ["a.test"])] == ["deny"]


def test_a_tunnel_without_traffic_ends(upstream):
    place = f"127.0.0.1:{upstream.port}"

    async def work(front: Front) -> None:
        await front.ask(f"CONNECT {place} HTTP/1.1\r\n\r\n".encode())
        await asyncio.sleep(0)
        assert front.proxy.serving == 0

    through(work, [place], bounds=Bounds(idle=0.2))


def test_a_slow_reader_slows_the_sender_down():
    sent = 0

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        try:
            while True:
                writer.write(b"x" * 65536)
                sent += 65536
                await writer.drain()
        except ConnectionError:
            writer.close()

    async def work(front: Front) -> None:
        server = await asyncio.start_server(flood, "127.0.0.1", port)
        reader, writer = await front.connect()
        writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode())
        await reader.readline()
        await asyncio.sleep(0.3)
        before = sent
        await asyncio.sleep(0.3)
        assert sent == before < 64 << 20
        writer.transport.abort()
        server.close()

    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    through(work, [f"127.0.0.1:{port}"])


def test_a_session_has_only_so_many_requests_and_says_so_once(upstream):
    place = f"127.0.0.1:{upstream.port}"
    request = f"GET http://{place}/ HTTP/1.1\r\n\r\n".encode()

    async def work(front: Front) -> None:
        assert [(await front.ask(request))[9:12] for _ in range(5)] == [b"200"] * 3 + [b"429"] * 2
        front.proxy.renew()
        assert (await front.ask(request))[9:12] == b"200"

    told = through(work, [place], bounds=Bounds(requests=3))
    assert [event.decision for event in told] == ["allow"] * 3 + ["deny", "allow"]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def no_more_than(before: int) -> None:
    """Wait until so few descriptors are open: ends of connections close in their own time."""
    for _ in range(1000):
        if descriptors() <= before:
            break
        await asyncio.sleep(0.01)
    assert descriptors() <= before


def test_no_descriptor_is_left_after_two_hundred_requests(upstream):
    place = f"127.0.0.1:{upstream.port}"
    kinds = [
        f"GET http://{place}/bytes/1000 HTTP/1.1\r\n\r\n".encode(),
        f"CONNECT {place} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n".encode(),
        b"CONNECT other.test:443 HTTP/1.1\r\n\r\n",
        b"garbage\r\n\r\n",
    ]

    async def work(front: Front) -> None:
        await front.ask(kinds[0])
        before = descriptors()
        for _ in range(5):
            await asyncio.gather(*(front.ask(kinds[i % 4]) for i in range(40)))
        await no_more_than(before)

    assert len(through(work, [place], bounds=Bounds())) == 201


def test_a_proxy_that_is_closed_breaks_its_connections_off(upstream):
    place = f"127.0.0.1:{upstream.port}"

    async def work(front: Front) -> None:
        before = descriptors()
        opened = [await front.connect() for _ in range(5)]
        for reader, writer in opened:
            writer.write(f"CONNECT {place} HTTP/1.1\r\n\r\n".encode())
            await reader.readline()
        await front.proxy.close()
        await front.proxy.close()
        for reader, writer in opened:
            assert await reader.read() == b"\r\n"
            writer.close()
        assert front.proxy.serving == 0
        await no_more_than(before)

    through(work, [place], bounds=Bounds())


def test_the_door_is_read_only_while_there_is_room():
    async def running() -> None:
        proxy = Proxy(["a.test"], lambda _: None, bounds=Bounds(connections=2, head=0.3))
        ours, theirs = socket.socketpair()
        proxy.listen(ours)
        clients = [socket.socketpair() for _ in range(5)]
        for near, _far in clients:
            socket.send_fds(theirs, [b"c"], [near.fileno()])
            near.close()
        await asyncio.sleep(0.1)
        assert proxy.serving == 2
        for _ in range(50):
            await asyncio.sleep(0.05)
            if not proxy.serving:
                break
        for _near, far in clients:
            assert far.recv(1) == b""
            far.close()
        null = os.open(os.devnull, os.O_RDONLY)
        socket.send_fds(theirs, [b"c"], [null])  # no socket: it is closed, and on it goes
        os.close(null)
        theirs.close()
        await asyncio.sleep(0.05)
        assert ours.fileno() < 0
        await proxy.close()

    before = descriptors()
    asyncio.run(running())
    assert descriptors() == before


def test_the_system_s_own_lookup_finds_localhost_and_not_nothing():
    assert "127.0.0.1" in asyncio.run(look_up("localhost", 80))
    with pytest.raises(OSError, match=r".+"):
        asyncio.run(look_up("nothing.invalid", 80))


def test_a_head_is_rewritten_for_the_host_and_nothing_of_the_proxy_passes():
    head = parse_head(
        b"GET http://A.Test:8080?q HTTP/1.0\r\nHost: evil\r\nProxy-Connection: keep-alive\r\n"
        b"Proxy-Authorization: secret\r\nX-Kept: yes\r\nConnection: keep-alive\r\n\r\n"
    )
    assert (head.host, head.port) == ("a.test", 8080)
    assert head.forward == (
        b"GET /?q HTTP/1.1\r\nHost: a.test:8080\r\nX-Kept: yes\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_the_end_of_a_chunked_body_is_found_however_it_arrives(size):
    whole = b"A\r\n0123456789\r\n1;x\r\nz\r\n0\r\nTrailer: x\r\n\r\n"
    body, taken = Body(CHUNKED), 0
    data = whole + b"GET /next"
    for start in range(0, len(data), size):
        taken += body.take(data[start : start + size])
    assert body.done
    assert taken == len(whole)


@pytest.mark.parametrize("data", [b"x\r\n", b"1\n", b"1\r\nabc\r\n", b"1" * 40_000, b"-1\r\n"])
def test_chunks_that_make_no_sense_are_refused(data):
    with pytest.raises(BadRequest):
        Body(CHUNKED).take(data)
