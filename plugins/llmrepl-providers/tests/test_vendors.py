"""What every vendor's provider does: replies, counts, limits, connections, over real HTTP."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest
from vendor_calls import (
    KEY,
    MODELS,
    SIZES,
    all_of,
    ask,
    end_of,
    opened,
    request,
    run,
    server,
    text_of,
    thought_of,
)

from llmrepl.ports import TextChunk
from llmrepl.testing import Refused, Reply, Wire, check_provider
from llmrepl.usage import Usage

ANSWER = "Grüße, 世界 🎉: the sum is 5050.\n"


def test_a_reply_comes_with_its_reasoning_and_its_counts(kind):
    written = 50 if kind == "anthropic" else 0
    counts = Usage(1000, 60, cache_read=700, cache_write=written, reasoning_tokens=20)
    with server(kind, Reply(ANSWER, "let me think", usage=counts)) as served:
        chunks = ask(opened(kind, served.url))
    assert text_of(chunks) == ANSWER
    assert thought_of(chunks) == "let me think"
    assert end_of(chunks).stop == "end_turn"
    assert end_of(chunks).usage == counts


def begun(content):
    """The body up to the end of its last message, and what comes after them."""
    text = content.decode()
    _, end = json.JSONDecoder().raw_decode(text, text.index("["))
    return text[: end - 1], text[end:]


def test_each_request_begins_with_the_bytes_of_the_one_before(kind):
    texts = ("Zähle", "<helpers>\n1 + 1\n</helpers>", "2", "Two.", "And 世界?")
    with server(kind, "a", "b", "c") as served:
        provider = opened(
            kind, served.url, options={"max_tokens": 9} if kind == "anthropic" else {}
        )
        for upto in (1, 3, 5):
            ask(provider, *texts[:upto], stop=("END",))
        sent = [begun(exchange.content) for exchange in served.requests]
    for (early, fields), (late, same) in pairwise(sent):
        assert late.startswith(early)
        assert len(late) > len(early)
        assert fields == same


@pytest.mark.parametrize("frame", [1, 7, 4096])
def test_text_is_whole_wherever_the_network_cuts_it(kind, frame):
    wire = Wire(frame=frame, newline="\r\n")
    with server(kind, Reply(ANSWER, "so"), wire=wire) as served:
        chunks = ask(opened(kind, served.url))
    assert (text_of(chunks), thought_of(chunks)) == (ANSWER, "so")


def test_an_empty_reply_is_only_an_end(kind):
    with server(kind, Reply("", usage=Usage(5, 0))) as served:
        assert ask(opened(kind, served.url))[0].stop == "end_turn"


def test_the_service_ends_a_reply_before_a_stop_string(kind):
    with server(kind, "one END two") as served:
        chunks = ask(opened(kind, served.url), stop=("END",))
    assert (text_of(chunks), end_of(chunks).stop) == ("one ", "end_turn")


def test_a_reply_that_was_cut_says_so(kind):
    with server(kind, "one two three four") as served:
        chunks = ask(opened(kind, served.url), max_tokens=2)
    assert (text_of(chunks), end_of(chunks).stop) == ("one two", "max_tokens")


def test_the_contract_of_the_port_is_kept(kind):
    with server(kind, ANSWER, ANSWER, ANSWER, Refused(400)) as served:
        provider = opened(kind, served.url)
        finish = asyncio.run(check_provider(provider, request(kind), refused=request(kind)))
    assert finish.usage.output_tokens > 0


def test_the_models_are_listed_with_the_size_of_their_context(kind):
    with server(kind) as served:
        (model,) = run(opened(kind, served.url), lambda provider: provider.models())
    assert (model.name, model.context) == (MODELS[kind], SIZES[kind])
    assert "Test" in model.details["name"]


def test_an_address_may_be_given_with_the_version(kind):
    version = "/v1beta" if kind == "gemini" else "/v1"
    with server(kind, "here") as served:
        assert text_of(ask(opened(kind, f"{served.url}{version}/"))) == "here"


def test_the_key_goes_where_the_service_wants_it(kind):
    field, value = {
        "anthropic": ("x-api-key", KEY),
        "gemini": ("x-goog-api-key", KEY),
        "mistral": ("authorization", f"Bearer {KEY}"),
    }[kind]
    with server(kind, "ok") as served:
        ask(opened(kind, served.url))
        (asked,) = served.requests
    assert asked.headers[field] == value
    assert KEY not in asked.path


def test_one_connection_serves_request_after_request(kind):
    with server(kind, *(f"reply {n}" for n in range(5))) as served:

        async def work(provider):
            return [text_of(await all_of(provider.stream(request(kind)))) for _ in range(5)]

        assert run(opened(kind, served.url), work) == [f"reply {n}" for n in range(5)]
        assert served.connections == 1


def test_a_provider_serves_one_event_loop_after_another(kind):
    with server(kind, "one", "two") as served:
        provider = opened(kind, served.url)
        assert [text_of(ask(provider)) for _ in range(2)] == ["one", "two"]


def test_closing_the_iterator_closes_the_connection(kind):
    with server(kind, "word " * 1000, "again", wire=Wire(rate=100)) as served:

        async def work(provider):
            async with contextlib.aclosing(provider.stream(request(kind))) as stream:
                first = await anext(stream)
            served.wire = Wire()
            left = served.requests[0]
            await asyncio.to_thread(left.ended.wait, 30)
            return first, left.left, await all_of(provider.stream(request(kind)))

        first, left, again = run(opened(kind, served.url), work)
    assert isinstance(first, TextChunk)
    assert left
    assert text_of(again) == "again"


def test_cancelling_the_reader_closes_the_connection(kind):
    with server(kind, Reply("too late", delay=60)) as served:

        async def work(provider):
            reader = asyncio.create_task(all_of(provider.stream(request(kind))))
            await asyncio.to_thread(served.wait_for_requests, 1, 30)
            reader.cancel()
            await asyncio.wait({reader})
            await asyncio.to_thread(served.requests[0].ended.wait, 30)
            return reader.cancelled()

        assert run(opened(kind, served.url), work)
        assert served.requests[0].left


def llmrepl(kind, served, home, *arguments):
    """Run the program with a home of its own and this vendor's address and key."""
    variables = {f"{kind.upper()}_BASE_URL": served.url, f"{kind.upper()}_API_KEY": KEY}
    return subprocess.run(
        [sys.executable, "-m", "llmrepl", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **variables},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_models_are_listed_beside_those_of_other_providers(kind, tmp_path):
    with server(kind) as served:
        done = llmrepl(kind, served, tmp_path, "models")
    assert f"{kind}/{MODELS[kind]}" in done.stdout.split()
    others = set(MODELS) - {kind}
    assert all(f"{other}/…" in done.stderr.split() for other in others), done.stderr


def test_a_chat_from_the_command_line_runs_a_helper_block(kind, tmp_path):
    block = "I compute.\n\n<helpers>\nprint(sum(range(101)))\n</helpers>\n"
    with server(kind, block, ANSWER) as served:
        asked = ("run", "--model", f"{kind}/{MODELS[kind]}", "What is the sum?")
        done = llmrepl(kind, served, tmp_path, *asked)
    assert (done.returncode, done.stdout) == (0, ANSWER), done.stderr
    assert "5050" in served.requests[-1].content.decode()
