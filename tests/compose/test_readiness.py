"""What a request would wait for is done before it, and asked of the service once."""

import asyncio

import pytest

from llmrepl.compose import assemble
from llmrepl.compose.ways import Calling
from llmrepl.config import load
from llmrepl.parts import Text
from llmrepl.providers.asked import Asked
from llmrepl.testing import ModelServer, Reply, Scripted, Wire

TAKES = Wire(capabilities=("completion", "tools"))
CALL = Reply(calls=(("python", {"code": "6 * 7"}),))


def assembled(place, server, work, model="ollama/test"):
    """Run `work(assembly)` for a chat with this model of the server's."""
    environ = {"HOME": str(place), "OLLAMA_HOST": server.url}
    environ |= {"GROQ_BASE_URL": server.url, "GROQ_API_KEY": "gsk_of_the_test"}
    environ |= {"OPENAI_BASE_URL": f"{server.url}/v1"}

    async def main():
        config = load({"sessions.save": False, "model": model}, environ, place).config
        assembly = await assemble(config, environ=environ, cwd=place)
        try:
            return await work(assembly)
        finally:
            await assembly.close()

    return asyncio.run(main())


def paths(server):
    return [exchange.path for exchange in server.exchanges]


@pytest.fixture(autouse=True)
def addresses(monkeypatch):
    for name in ("OLLAMA_HOST", "GROQ_BASE_URL", "GROQ_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_what_a_model_can_is_asked_before_the_prompt_is_sent(tmp_path, monkeypatch):
    async def work(assembly):
        assembly.readiness.begin()
        await assembly.readiness.done()
        before = paths(server)
        await assembly.runtime.turn((Text("6 * 7?"),))
        return before

    with ModelServer([CALL, "It is 42."], wire=TAKES) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert assembled(tmp_path, server, work) == ["/api/show"]
        assert paths(server) == ["/api/show", "/api/chat", "/api/chat"]
        assert server.requests[0].body["tools"]


def test_another_model_is_made_ready_for_once_it_is_chosen(tmp_path, monkeypatch):
    async def work(assembly):
        assembly.readiness.begin()
        await assembly.readiness.done()
        await assembly.use_model("ollama/other")
        await assembly.readiness.done()

    with ModelServer(wire=TAKES) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assembled(tmp_path, server, work)
        assert [e.body["model"] for e in server.exchanges] == ["test", "other"]


def test_a_chat_that_nobody_types_in_is_made_ready_for_with_its_first_request(
    tmp_path, monkeypatch
):
    async def work(assembly):
        await assembly.use_model("ollama/other")
        await assembly.readiness.done()

    with ModelServer(wire=TAKES) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assembled(tmp_path, server, work)
        assert paths(server) == []


@pytest.mark.parametrize("model", ["groq/x", "openai/x", "scripted/none.txt"])
def test_to_make_ready_asks_a_service_nothing_that_is_known(tmp_path, monkeypatch, model):
    async def work(assembly):
        assembly.readiness.begin()
        await assembly.readiness.done()

    with ModelServer() as server:
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        monkeypatch.setenv("GROQ_API_KEY", "gsk_of_the_test")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        assembled(tmp_path, server, work, model)
        assert paths(server) == []


class Slow(Scripted):
    """A provider that takes its time to say that it takes tools."""

    def __init__(self):
        super().__init__([])
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def takes_tools(self, model):
        self.asked += 1
        await self.may_answer.wait()
        return True


def test_a_request_waits_for_the_question_that_is_under_way_and_asks_no_other(tmp_path):
    async def main():
        provider = Slow()
        ways = Calling(load({}, {"HOME": str(tmp_path)}, tmp_path).config)
        making = asyncio.ensure_future(ways.prepare(provider, "m"))
        asking = asyncio.ensure_future(ways.native(provider, "m"))
        await asyncio.sleep(0)
        making.cancel()  # what one waits for no longer, the other still does
        await asyncio.wait([making])
        provider.may_answer.set()
        return await asking, provider.asked

    assert asyncio.run(main()) == (True, 1)


def test_a_question_that_failed_can_be_asked_again():
    answers = [ValueError("no"), 5]

    async def ask():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def main():
        asked = Asked()
        with pytest.raises(ValueError, match="no"):
            await asked.once("x", ask)
        return await asked.once("x", ask)

    assert asyncio.run(main()) == 5
