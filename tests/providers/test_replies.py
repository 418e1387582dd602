"""What comes back from a service, through each provider's own SDK over real HTTP."""

import asyncio
import contextlib

import httpx
import pytest
from groq.types.chat import ChatCompletionChunk
from ollama import ChatResponse

from llmrepl.parts import Image
from llmrepl.ports import ChatMessage, Request, TextChunk
from llmrepl.testing import ModelServer, Reply, Wire
from llmrepl.usage import Usage
from tests.providers.calls import ask, end_of, opened, request, run, text_of, thought_of

AWKWARD = 'Grüße 😀 "quoted" \\ back\tslash,\u2028 a\u2029 line\x85end 漢字\n\nand `</code>` é'


def test_a_reply_comes_in_pieces_and_ends_with_its_usage(kind):
    with ModelServer([Reply("Hello to you, my friend.", usage=Usage(120, 40))]) as server:
        chunks = ask(opened(kind, server.url))
    assert text_of(chunks) == "Hello to you, my friend."
    assert len(chunks) > 4
    assert end_of(chunks).stop == "end_turn"
    assert end_of(chunks).usage == Usage(120, 40)


@pytest.mark.parametrize("frame", [1, 7, 4096])
def test_text_is_whole_wherever_the_network_cuts_it(kind, frame):
    with ModelServer([AWKWARD], wire=Wire(frame=frame)) as server:
        assert text_of(ask(opened(kind, server.url))) == AWKWARD


def test_reasoning_is_told_apart_from_text(kind):
    with ModelServer([Reply("42", reasoning="6 times 7 is …")]) as server:
        chunks = ask(opened(kind, server.url))
    assert (thought_of(chunks), text_of(chunks)) == ("6 times 7 is …", "42")


def test_empty_chunks_are_passed_over(kind):
    with ModelServer(["So it is."], wire=Wire(empty=5)) as server:
        chunks = ask(opened(kind, server.url))
    assert text_of(chunks) == "So it is."
    assert all(chunk.text for chunk in chunks[:-1])


def test_an_empty_reply_is_only_an_end(kind):
    with ModelServer([""]) as server:
        (end,) = ask(opened(kind, server.url))
    assert end.stop == "end_turn"


def test_the_service_ends_a_reply_before_a_stop_string(kind):
    with ModelServer(["print(1)\n</helpers>\nand more"]) as server:
        chunks = ask(opened(kind, server.url), stop=("</helpers>",))
    assert text_of(chunks) == "print(1)\n"
    assert end_of(chunks).stop == "end_turn"


def test_a_service_that_ignores_stop_strings_is_not_corrected_here(kind):
    with ModelServer(["a</helpers>b"], wire=Wire(obeys_stop=False)) as server:
        assert text_of(ask(opened(kind, server.url), stop=("</helpers>",))) == "a</helpers>b"


def test_a_reply_that_was_cut_says_so(kind):
    with ModelServer(["one two three four five"]) as server:
        chunks = ask(opened(kind, server.url), max_tokens=3)
    assert text_of(chunks) == "one two three"
    assert end_of(chunks).stop == "max_tokens"


def test_everything_asked_for_reaches_the_service(kind):
    with ModelServer(["ok"]) as server:
        ask(
            opened(kind, server.url),
            "one",
            "two",
            "three",
            stop=("END",),
            max_tokens=99,
            temperature=0.25,
            seed=7,
        )
        body = server.requests[0].body
    assert body["model"] == "test:latest"
    assert body["stream"] is True
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "Be brief."),
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
    ]
    asked = body["options"] if kind == "ollama" else body
    limit = {"ollama": "num_predict", "groq": "max_completion_tokens", "openai": "max_tokens"}
    assert asked["stop"] == ["END"]
    assert asked[limit[kind]] == 99
    assert asked["temperature"] == 0.25
    assert asked["seed"] == 7


def test_what_was_not_asked_for_is_left_to_the_service(kind):
    with ModelServer(["ok"]) as server:
        ask(opened(kind, server.url), system="")
        body = server.requests[0].body
    names = {"stop", "temperature", "seed", "max_tokens", "max_completion_tokens", "num_predict"}
    assert not names & (body.keys() | body.get("options", {}).keys())
    assert [m["role"] for m in body["messages"]] == ["user"]


def test_settings_of_the_provider_give_way_to_the_request(kind):
    options = {"temperature": 0.9, "top_p": 0.5}
    with ModelServer(["ok"]) as server:
        ask(opened(kind, server.url, options=options), temperature=0.1)
        body = server.requests[0].body
    asked = body["options"] if kind == "ollama" else body
    assert (asked["temperature"], asked["top_p"]) == (0.1, 0.5)


def test_images_are_sent_along(kind, tmp_path):
    path = tmp_path / "dot.png"
    path.write_bytes(b"PNG!")
    images = (Image("image/png", data="QUJD"), Image("image/png", path=str(path)))
    asked = Request("test:latest", "", (ChatMessage("user", "See?", images),))
    with ModelServer(["I see"]) as server:
        run(opened(kind, server.url), lambda provider: _all(provider.stream(asked)))
        (message,) = server.requests[0].body["messages"]
    if kind == "ollama":
        assert message["images"] == ["QUJD", "UE5HIQ=="]
    else:
        assert message["content"] == [
            {"type": "text", "text": "See?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,UE5HIQ=="}},
        ]


async def _all(stream):
    return [chunk async for chunk in stream]


@pytest.mark.parametrize("where", ["x_groq", "extra", "both"])
@pytest.mark.parametrize("kind", ["groq", "openai"])
def test_usage_is_counted_once_wherever_it_stands(kind, where):
    usage = Usage(100, 50, cache_read=30, reasoning_tokens=20)
    with ModelServer([Reply("Yes.", usage=usage)], wire=Wire(usage=where)) as server:
        assert end_of(ask(opened(kind, server.url))).usage == usage


def test_usage_that_nobody_gave_is_not_made_up(kind):
    with ModelServer(["Yes."], wire=Wire(usage="none")) as server:
        assert end_of(ask(opened(kind, server.url))).usage is None


def test_one_connection_serves_request_after_request(kind):
    with ModelServer([f"reply {n}" for n in range(5)]) as server:

        async def work(provider):
            return [text_of(await _all(provider.stream(request()))) for _ in range(5)]

        assert run(opened(kind, server.url), work) == [f"reply {n}" for n in range(5)]
        assert server.connections == 1


def test_a_provider_serves_one_event_loop_after_another(kind):
    with ModelServer(["one", "two"]) as server:
        provider = opened(kind, server.url)
        assert [text_of(ask(provider)) for _ in range(2)] == ["one", "two"]


def test_closing_the_iterator_closes_the_connection(kind):
    with ModelServer(["word " * 1000, "again"], wire=Wire(rate=100)) as server:

        async def work(provider):
            async with contextlib.aclosing(provider.stream(request())) as stream:
                first = await anext(stream)
            server.wire = Wire()
            left = server.requests[0]
            await asyncio.to_thread(left.ended.wait, 5)
            return first, left.left, await _all(provider.stream(request()))

        first, left, again = run(opened(kind, server.url), work)
    assert isinstance(first, TextChunk)
    assert left
    assert text_of(again) == "again"


def test_cancelling_the_reader_closes_the_connection(kind):
    with ModelServer([Reply("too late", delay=60)]) as server:

        async def work(provider):
            reader = asyncio.create_task(_all(provider.stream(request())))
            await asyncio.to_thread(server.wait_for_requests, 1)
            reader.cancel()
            await asyncio.wait({reader})
            await asyncio.to_thread(server.requests[0].ended.wait, 5)
            return reader.cancelled()

        assert run(opened(kind, server.url), work)
        assert server.requests[0].left


def test_pieces_are_passed_on_as_they_come(kind):
    with ModelServer(["one two three four five six seven eight"], wire=Wire(rate=40)) as server:

        async def work(provider):
            now = asyncio.get_running_loop().time
            return [now() async for _ in provider.stream(request())]

        times = run(opened(kind, server.url), work)
    assert times[-1] - times[0] > 0.1


def test_two_replies_can_come_at_the_same_time(kind):
    with ModelServer(["slow one here", "slow two here"], wire=Wire(rate=50)) as server:

        async def work(provider):
            return await asyncio.gather(*(_all(provider.stream(request())) for _ in range(2)))

        replies = run(opened(kind, server.url), work)
    assert sorted(map(text_of, replies)) == ["slow one here", "slow two here"]


def test_the_models_on_offer_are_listed(kind):
    with ModelServer(models=["llama3.2:latest", "org/model-7b"]) as server:
        models = run(opened(kind, server.url), lambda provider: provider.models())
    assert [model.name for model in models] == ["llama3.2:latest", "org/model-7b"]
    if kind == "ollama":
        assert models[0].details["parameter_size"] == "1B"
    else:
        assert models[0].context == 8192


def test_a_provider_may_be_closed_twice_and_used_again(kind):
    with ModelServer(["one", "two"]) as server:

        async def work(provider):
            first = await _all(provider.stream(request()))
            await provider.close()
            await provider.close()
            return text_of(first) + text_of(await _all(provider.stream(request())))

        assert run(opened(kind, server.url), work) == "onetwo"


@pytest.mark.parametrize("usage", ["extra", "x_groq", "both", "none"])
def test_the_test_server_sends_what_the_sdks_expect(usage):
    reply = Reply("Yes, indeed.", reasoning="Hm.", usage=Usage(10, 5, 2, 0, 3))
    body = {"model": "m", "messages": [], "stream": True}
    options = {"stream_options": {"include_usage": True}}
    server = ModelServer([reply, reply], wire=Wire(usage=usage))
    with server, httpx.Client(trust_env=False) as client:
        sse = client.post(f"{server.url}/v1/chat/completions", json=body | options).text
        lines = client.post(f"{server.url}/api/chat", json=body).text
    *events, done = [event.removeprefix("data: ") for event in sse.split("\n\n") if event]
    chunks = [ChatCompletionChunk.model_validate_json(event, strict=True) for event in events]
    assert done == "[DONE]"
    assert chunks[-1].model_dump()["object"] == "chat.completion.chunk"
    replies = [ChatResponse.model_validate_json(line) for line in lines.splitlines()]
    assert [r.done for r in replies] == [False] * (len(replies) - 1) + [True]
