"""The server and a browser session's process, with applications that do what ours seldom does."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from llmrepl_textual.web.admission import Admission
from llmrepl_textual.web.guard import Guard
from llmrepl_textual.web.seat import Program
from llmrepl_textual.web.server import Pages

PATIENCE = 90.0

GIVING = """
import io
from textual.app import App

class Giving(App):
    def on_mount(self):
        self.open_url("javascript:alert(1)")
        self.open_url("file:///etc/passwd")
        self.open_url("https://example.org/")
        self.deliver_text(io.StringIO("<script>1</script>" * 9000), save_filename='a "page".html',
                          open_method="browser", mime_type="text/html")

Giving().run()
"""
FAILING = "import sys; sys.exit('it is \\x1b[31mbroken')"
TALKING = "import sys; print('hello ' * 100000); sys.exit(sys.stdin.read())"
LEAVING = """
import json, sys, time

def packet(kind, payload):
    sys.stdout.buffer.write(kind + len(payload).to_bytes(4, "big") + payload)
    sys.stdout.buffer.flush()

print("__GANGLION__", flush=True)
packet(b"D", b"here")
while kind := sys.stdin.buffer.read(1):
    told = sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(4), "big"))
    if kind == b"M" and json.loads(told)["type"] == "quit":
        time.sleep(0.5)
        packet(b"M", b'{"type": "exit"}')
        break
"""


class Served:
    """Pages whose sessions run a script; `told` is what their processes complained of."""

    def __init__(self, script):
        self.told = []
        self.admission = Admission()
        program = Program((sys.executable, "-c", script), (), 0.0, self.told.append)
        self.pages = Pages(program, 2, self.admission)
        self.origin = ""

    async def enter(self, client):
        """Use an address; return the path of the session, and what its requests say."""
        address = f"{self.origin}/open/{self.admission.invite()}"
        async with client.get(address, allow_redirects=False) as came:
            secret = came.cookies["llmrepl"].value
            headers = {"Cookie": f"llmrepl={secret}", "Origin": self.origin}
            return f"{self.origin}{came.headers['Location']}", headers


@asynccontextmanager
async def served(script):
    this = Served(script)
    runner = web.AppRunner(this.pages.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        this.pages.guard = Guard("http", ("127.0.0.1",), runner.addresses[0][1])
        this.origin = this.pages.guard.origin
        jar = aiohttp.DummyCookieJar()
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession(cookie_jar=jar) as client:
            yield this, client
    finally:
        await runner.cleanup()


def test_a_file_is_for_its_session_alone_and_runs_nowhere():
    async def play():
        async with served(GIVING) as (this, client):
            path, headers = await this.enter(client)
            other, others = await this.enter(client)
            async with client.ws_connect(f"{path}ws", headers=headers) as page:
                asked = []
                while len(asked) < 2:
                    message = await page.receive()
                    if message.type is aiohttp.WSMsgType.TEXT:
                        asked.append(json.loads(message.data)[1]["url"])
                first, download = asked
                assert first == "https://example.org/"
                key = download.rpartition("/")[2]
                assert f"{this.origin}{download}" == f"{path}download/{key}"
                for tried, by in ((other, others), (path, others), (other, headers)):
                    async with client.get(f"{tried}download/{key}", headers=by) as answer:
                        assert answer.status in (403, 404)
                async with client.get(f"{path}download/{key}", headers=headers) as answer:
                    assert answer.status == 200
                    assert await answer.text() == "<script>1</script>" * 9000
                    assert answer.headers["Content-Disposition"].startswith("attachment;")
                    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
                async with client.get(f"{path}download/{key}", headers=headers) as answer:
                    assert answer.status == 404

    asyncio.run(play())


@pytest.mark.parametrize(("script", "words"), [(FAILING, "it is"), (TALKING, "")])
def test_a_process_that_fails_ends_its_page_and_nothing_else(script, words):
    async def play():
        async with served(script) as (this, client):
            path, headers = await this.enter(client)
            for _ in range(2):
                async with client.ws_connect(f"{path}ws", headers=headers) as page:
                    assert (await page.receive()).type is aiohttp.WSMsgType.CLOSE
                async with client.get(path, headers=headers) as answer:
                    assert answer.status == 200
            assert len(this.told) == 2
            assert all(words in told for told in this.told)

    asyncio.run(play())


def test_a_page_that_comes_while_the_process_ends_gets_the_next_one():
    async def play():
        async with served(LEAVING) as (this, client):
            path, headers = await this.enter(client)
            async with client.ws_connect(f"{path}ws", headers=headers) as page:
                assert (await page.receive()).data == b"here"
            (seat,) = this.pages._seats.values()
            while not seat._ending:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            async with client.ws_connect(f"{path}ws", headers=headers) as page:
                assert (await page.receive()).data == b"here"
                assert seat.running

    asyncio.run(play())
