"""Who is refused: asked as a program asks, which can say anything of itself."""

import asyncio
import socket
import ssl
import subprocess

import aiohttp
import httpx
import pytest

from tests.web.serving import Visitor


def refused(answer, reason=""):
    assert answer.status_code == 403
    assert reason in answer.text
    assert "script" not in answer.text
    return True


@pytest.mark.parametrize("path", ["/", "/ws", "/static/textual.js", "/download/x", "/favicon.ico"])
def test_without_a_token_there_is_nothing(server, path):
    refused(Visitor(server).get(path), "This browser has no session")
    assert server.sessions() == []


@pytest.mark.parametrize("path", ["", "ws", "static/page.js", "download/x"])
def test_a_session_that_is_guessed_or_of_another_is_refused(server, visitor, path):
    other = Visitor(server, server.another())
    address = f"{visitor.path}{path}"
    refused(Visitor(server).get(address))
    refused(other.get(address, Cookie=f"llmrepl={other.cookie}"))
    refused(other.get(address, Cookie=f"llmrepl={visitor.cookie[:-1]}"))
    refused(visitor.get(f"/s/{'A' * 22}/{path}", Cookie=f"llmrepl={visitor.cookie}"))
    assert other.connect(path=f"{visitor.path}ws") == (403, "")
    assert server.sessions() == []


def test_a_token_works_once_and_a_new_one_in_its_stead(server, visitor):
    assert visitor.get().status_code == 200
    again = Visitor(server)
    first = server.another()
    assert Visitor(server, first).get().status_code == 200
    refused(again.get(first), "used before")
    second, third = server.another(), server.another()
    assert second != third
    refused(again.get(second), "used before")
    refused(again.get(f"{third}x"))
    assert again.get(third, method="HEAD").status_code == 403
    assert Visitor(server, third).get().status_code == 200


def test_the_cookie_is_for_this_browser_and_its_session_alone(server):
    came = Visitor(server).get(server.another())
    cookie = came.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert f"Path={came.headers['location']}" in cookie
    assert "Domain" not in cookie


def test_another_name_for_this_machine_is_refused(server, visitor):
    refused(visitor.get(Host="rebound.example"), "a name that is not one of this server")
    refused(visitor.get(server.another(), Host="rebound.example"))
    assert visitor.connect(Host="rebound.example") == (403, "")
    localhost = server.origin.removeprefix("http://").replace("127.0.0.1", "localhost")
    assert visitor.get(Host=localhost, Cookie=f"llmrepl={visitor.cookie}").status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9", None])
def test_a_socket_from_another_page_is_refused(server, visitor, origin):
    assert visitor.connect(Origin=origin) == (403, "")
    assert server.sessions() == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_that_sends_a_browser_here_is_refused(visitor, site):
    refused(visitor.get(Sec_Fetch_Site=site), "another page")


def test_every_answer_keeps_its_page_to_itself(server, visitor):
    for answer in (visitor.get(), visitor.get("/"), visitor.get(f"{visitor.path}static/page.js")):
        said = answer.headers
        assert said["content-security-policy"].startswith("default-src 'self'; ")
        assert "frame-ancestors 'none'" in said["content-security-policy"]
        assert said["referrer-policy"] == "no-referrer"
        assert said["x-content-type-options"] == "nosniff"
        assert said["cache-control"] == "no-store"
    assert server.origin.removeprefix("http://") in visitor.get().text


@pytest.mark.parametrize("name", ["..%2fseat.py", "%2e%2e", "nothing.js", "..%5c..%5cseat.py"])
def test_there_are_no_files_but_those_of_the_page(visitor, name):
    assert visitor.get(f"{visitor.path}static/{name}").status_code == 404


def test_nobody_hears_of_it_on_another_address(server):
    port = int(server.origin.rpartition(":")[2])
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.2", port)) != 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--host", "0.0.0.0"), "nothing would be encrypted"),
        (("--host", "0.0.0.0", "--without-tls"), "every address"),
        (("--host", "box.example"), "not an address"),
        (("--sandbox", "off"), "--sandbox off is for the chat alone"),
        (("--certificate", "nothing.pem"), "cannot be used"),
    ],
)
def test_what_is_not_safe_does_not_begin(machine, args, told):
    ran = machine.run("web", "--port", 0, *args)
    assert (ran.code, ran.out) == (4, "")
    assert told in ran.err


def test_a_port_that_is_taken_is_said(machine, server):
    ran = machine.run("web", "--port", server.origin.rpartition(":")[2])
    assert ran.code == 1
    assert "cannot listen on 127.0.0.1" in ran.err
    assert "--port" in ran.err


def test_the_page_of_a_session_needs_its_server(machine):
    ran = machine.run("web", "--page")
    assert ran.code == 1
    assert "llmrepl web" in ran.err


def test_the_limit_holds(serving):
    server = serving("--limit", "1", "--grace", "60")
    first = Visitor(server, server.invitation)
    second = Visitor(server, server.another())
    status, screen = first.connect(until="full sandbox")
    assert (status, "full sandbox" in screen) == (101, True)
    assert len(server.sessions()) == 1  # it goes on for its grace
    told = second.get()
    assert told.status_code == 503
    assert "1 session may be open, and no more" in told.text
    assert second.connect() == (101, "")
    assert first.get().status_code == 200
    assert len(server.sessions()) == 1


def test_a_message_that_no_page_sends_ends_the_connection_and_nothing_else(serving):
    server = serving()
    visitor = Visitor(server, server.invitation)

    async def sent(words):
        headers = {"Origin": server.origin, "Cookie": f"llmrepl={visitor.cookie}"}
        address = f"{server.origin}{visitor.path}ws"
        async with (
            asyncio.timeout(60),
            aiohttp.ClientSession() as session,
            session.ws_connect(address, headers=headers) as page,
        ):
            await page.send_str(words)
            async for _ in page:
                pass

    for words in ("{", "{}", "[]", '["stdin"]', '["stdin", 7]', '["resize", {}]', "7"):
        asyncio.run(sent(words))
    assert visitor.connect(until="full sandbox")[0] == 101


def test_nothing_is_imported_from_the_project(serving, machine):
    (machine.project / "click.py").write_text("raise SystemExit('imported')")
    (machine.project / "llmrepl").mkdir()
    (machine.project / "llmrepl" / "__init__.py").write_text("raise SystemExit('imported')")
    server = serving()
    assert "full sandbox" in Visitor(server, server.invitation).connect(until="full sandbox")[1]


def test_with_a_certificate_all_is_encrypted(serving, machine):
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", machine.root / "box.key", "-out", machine.root / "box.pem"),
        ],
        check=True,
        capture_output=True,
    )
    server = serving(
        *("--certificate", machine.root / "box.pem", "--key", machine.root / "box.key")
    )
    assert server.invitation.startswith("https://127.0.0.1:")
    context = ssl.create_default_context(cafile=machine.root / "box.pem")
    visitor = Visitor(server, tls=context)
    came = visitor.get(server.invitation)
    assert "Secure" in came.headers["set-cookie"]
    visitor.path, visitor.cookie = came.headers["location"], came.cookies["llmrepl"]
    page = visitor.get()
    assert f"wss://{server.origin.removeprefix('https://')}/s/" in page.text
    assert visitor.connect(until="full sandbox")[0] == 101
    with pytest.raises(httpx.TransportError):
        httpx.get(server.origin.replace("https", "http"), trust_env=False)
