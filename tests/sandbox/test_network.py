"""Blocks that reach for the network: through the proxy, and never past it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from pathlib import Path

import pytest

from llmrepl.executors import Policy
from tests.sandbox import promises
from tests.sandbox.session import SMALL, Session
from tests.sandbox.upstream import Upstream, certificate


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def servers(pem):
    with Upstream() as plain, Upstream(pem) as tls:
        yield plain.port, tls.port


@pytest.fixture(scope="module")
def session(servers, pem, tmp_path_factory):
    plain, tls = servers
    project = tmp_path_factory.mktemp("project")
    text = pem.read_text()
    (project / "ca.crt").write_text(text[text.index("-----BEGIN CERTIFICATE") :])
    net = (f"127.0.0.1:{plain}", f"localhost:{tls}", f"localhost:{plain}")
    with Session(Policy(project=project, limits=SMALL, net=net)) as opened:
        opened.start()
        yield opened


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_curl_gets_and_posts_through_the_proxy(session, servers):
    url = f"http://127.0.0.1:{servers[0]}"
    result = session.bash(
        f"curl -sS {url}/page; cd /tmp;"
        f"head -c 3000000 /dev/zero > big; curl -sS --data-binary @big {url}/;"
        f"curl -sS -H 'Transfer-Encoding: chunked' --data-binary @big {url}/"
    )
    digest = hashlib.sha256(bytes(3000000)).hexdigest()
    assert result.out == f"hello from /page\n3000000 {digest}\n3000000 {digest}\n"
    assert [event.method for event in result.requests] == ["GET", "POST", "POST"]
    assert {event.call_id for event in result.requests} == {result.finished.call_id}
    assert {event.decision for event in result.requests} == {"allow"}


def test_curl_and_urllib_reach_a_tls_server_through_a_tunnel(session, servers):
    url = f"https://localhost:{servers[1]}/secret"
    authority = session.executor.settings.project / "ca.crt"
    result = session.bash(f"curl -sS --cacert {authority} {url}")
    assert result.out == "hello from /secret\n", result
    code = f"""
import ssl, urllib.request
context = ssl.create_default_context(cafile="{authority}")
urllib.request.urlopen({url!r}, context=context).read()
"""
    result = session.python(code)
    assert result.value == r"b'hello from /secret\n'", result
    assert [(e.method, e.host, e.port) for e in result.requests] == [
        ("CONNECT", "localhost", servers[1])
    ]


def test_urllib_posts_and_keeps_asking_on_new_connections(session, servers):
    code = f"""
import urllib.request
[urllib.request.urlopen("http://localhost:{servers[0]}/", data=b"abc").status for _ in range(3)]
"""
    result = session.python(code)
    assert result.value == "[200, 200, 200]"
    assert len(result.requests) == 3


def test_pip_asks_through_the_proxy_and_is_refused(session):
    code = "python3 -m pip download --no-input --retries 0 --isolated nothing-here -d /tmp"
    result = session.bash(code, timeout=30)
    assert result.status == "error"
    assert {event.decision for event in result.requests} == {"deny"}
    assert "--net" in result.reason


def test_a_host_that_is_not_named_gets_403_and_the_reason_names_the_option(session):
    result = session.bash("curl -sS -o /dev/null -w '%{http_code}' http://example.org/; false")
    assert result.out == "403"
    assert "example.org:80 is not allowed: --net example.org allows it" in result.reason
    assert [(e.host, e.decision) for e in result.requests] == [("example.org", "deny")]
    result = session.python("import urllib.request as u; u.urlopen('https://example.org')")
    assert result.reason.count("--net example.org") == 1


def test_private_addresses_are_refused_where_they_are_not_named(session, servers):
    places = ("127.0.0.1:1", f"[::1]:{servers[0]}", "169.254.169.254", "10.0.0.1", "0.0.0.0")
    for place in places:
        result = session.bash(f"curl -g -sS -o /dev/null -w '%{{http_code}}' http://{place}/")
        if result.out != "000":  # curl goes to ::1 itself
            assert result.out == "403", place


def test_nothing_is_reached_without_the_proxy(session, servers):
    promises.no_network_but_the_proxy(session, servers[0])


def test_the_reason_of_a_direct_attempt_names_the_proxy(session):
    for code in (
        "import socket; socket.create_connection(('192.0.2.1', 80))",
        "import socket; socket.getaddrinfo('example.org', 80)",
    ):
        result = session.python(code)
        assert "only the proxy in HTTP_PROXY reaches" in result.reason, result.reason
        assert "--net HOST" in result.reason


def test_a_service_of_the_sandbox_s_own_is_reached_directly(session):
    code = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 5000))
threading.Thread(target=lambda: listener.accept()[0].sendall(b"own"), daemon=True).start()
socket.create_connection(("127.0.0.1", 5000)).recv(3)
"""
    assert session.python(code).value == "b'own'"


def test_many_connections_at_once_are_served_and_leave_no_descriptor(session, servers):
    url = f"http://127.0.0.1:{servers[0]}/bytes/1000"
    session.bash(f"curl -sS -o /dev/null {url}")
    before = descriptors()
    code = f"""
import socket, time
opened = []
for _ in range(200):
    client = socket.create_connection(("127.0.0.1", 3128))
    client.sendall(b"GET {url} HTTP/1.1\\r\\n\\r\\n")
    opened.append(client)
whole = 0
for client in opened:
    data = b""
    while more := client.recv(65536):
        data += more
    client.close()
    whole += data.endswith(b"x" * 1000)
whole
"""
    result = session.python(code, timeout=30)
    assert result.value == "200", result
    assert len(result.requests) == 200
    deadline = time.monotonic() + 5
    while descriptors() > before and time.monotonic() < deadline:
        session.bash("sleep 0.05")
    assert descriptors() <= before


def test_requests_between_blocks_come_with_the_next_one(session, servers):
    code = f"""
import threading, time, urllib.request
def later():
    time.sleep(0.3)
    urllib.request.urlopen("http://127.0.0.1:{servers[0]}/later")
threading.Thread(target=later).start()
"""
    assert session.python(code).requests == ()

    session.wait(asyncio.sleep(1))
    requests = session.bash("true").requests
    assert [(event.call_id, event.host) for event in requests] == [("", "127.0.0.1")]


def test_after_a_reset_and_a_restart_the_proxy_is_there_again(session, servers):
    url = f"http://127.0.0.1:{servers[0]}/again"
    assert session.python("import os; os.kill(os.getpid(), 9)").status == "error"
    assert session.bash(f"curl -sS {url}").out == "hello from /again\n"
    os.kill(session.agent, 9)
    time.sleep(0.3)
    assert session.bash(f"curl -sS {url}").out == "hello from /again\n"


def test_without_named_hosts_there_is_no_proxy(project):
    with Session(Policy(project=project, limits=SMALL)) as session:
        promises.no_network(session)
        assert session.bash("env | grep -i proxy").out == ""
        reason = session.python("import socket; socket.socket()").reason
        assert "--net HOST allows a host" in reason


def test_after_the_session_nothing_is_left(project, servers):
    before = descriptors()
    place = f"127.0.0.1:{servers[0]}"
    with Session(Policy(project=project, limits=SMALL, net=(place,))) as session:
        assert session.bash(f"curl -sS http://{place}/").status == "ok"
        code = "import socket; kept = socket.create_connection(('127.0.0.1', 3128)); 'open'"
        assert session.python(code).value == "'open'"
        proxy = session.executor._proxy
    assert proxy is not None
    assert proxy.serving == 0
    assert descriptors() <= before
