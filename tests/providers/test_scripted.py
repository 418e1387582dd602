"""Prepared replies: the file they are written in, and the order they are served in."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.errors import (
    ConfigError,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from llmrepl.ports import Finish, TextChunk
from llmrepl.providers.registry import open_provider
from llmrepl.providers.script import Reply, pieces, read_script
from llmrepl.testing import Scripted
from llmrepl.usage import Usage
from tests.providers.calls import ask, end_of, partly, request, run, text_of, thought_of


def texts(script):
    return [reply.text for reply in read_script(script)]


# The file


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        ("\n", []),
        ("one", ["one"]),
        ("one\n===\ntwo\n", ["one", "two"]),
        ("one\r\n=====  \r\ntwo\r\n", ["one", "two"]),
        ("\ufeffone\n===\n", ["one"]),
        ("===\none\n===\ntwo", ["one", "two"]),
        ("one\n===\n===\nthree", ["one", "", "three"]),
        ("one\n\n\n===\n\ntwo\n\n", ["one\n\n", "two\n"]),
        ("a == b\n==\n === \n=== x", ["a == b\n==\n === \n=== x"]),
        ("    indented\n\tand tabbed", ["    indented\n\tand tabbed"]),
        ("a\u2028b\x0cc", ["a\u2028b\x0cc"]),
    ],
)
def test_a_line_of_equals_signs_separates_replies(script, expected):
    assert texts(script) == expected


def test_a_first_line_of_equals_signs_says_how_long_the_others_are():
    assert texts("=====\nTitle\n===\ntext\n=====\nTwo\n======\n") == [
        "Title\n===\ntext",
        "Two\n======",
    ]


def test_options_stand_under_the_separator():
    script = """===
stop: max_tokens
usage: 120/40
delay: 0.5
rate: 200
reasoning: First this,
reasoning: then that.

The reply.
===
error: busy
retry_after: 2
Too much.
"""
    assert read_script(script) == (
        Reply(
            "The reply.",
            "First this,\nthen that.",
            "max_tokens",
            Usage(120, 40),
            delay=0.5,
            rate=200,
        ),
        Reply("Too much.", error="busy", retry_after=2),
    )


def test_a_reply_may_begin_with_what_looks_like_an_option():
    assert texts("===\n\nusage: as you like\n===\nnote: this") == [
        "usage: as you like",
        "note: this",
    ]


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("stop: never", "end_turn, max_tokens, refusal"),
        ("usage: many", "input/output tokens, like 120/40"),
        ("usage: 12", "input/output tokens, like 120/40"),
        ("delay: soon", "seconds, like 0.5"),
        ("delay: -1", "seconds, like 0.5"),
        ("rate: inf", "tokens per second, like 200"),
        ("error: other", "busy, unreachable, refused, broken"),
        ("retry_after:", "seconds, like 2"),
    ],
)
def test_an_option_with_a_wrong_value_is_named_with_its_line(line, accepted):
    with pytest.raises(ConfigError) as caught:
        read_script(f"one\n===\n{line}\ntwo", "demo.txt")
    name, _, value = line.partition(":")
    assert caught.value.message == f"demo.txt, line 3: {name} cannot be {value.strip()!r}"
    assert caught.value.hint == f"accepted: {accepted}"


@given(st.lists(st.text(st.characters(blacklist_characters="=\r"), min_size=1), min_size=1))
def test_every_text_survives_the_file(replies):
    script = "".join(f"====\n\n{reply}\n" for reply in replies)
    assert texts(script) == replies


@given(st.text())
def test_pieces_are_the_text(text):
    assert "".join(pieces(text)) == text
    assert all(len(piece) <= 9 for piece in pieces(text))


# The provider


def test_replies_are_served_by_their_place_in_the_conversation():
    provider = Scripted(["one", "two", "three"])
    assert text_of(ask(provider, "Hi")) == "one"
    assert text_of(ask(provider, "Hi", "one", "Go on")) == "two"
    assert text_of(ask(provider, "Hi", "one", "Go on")) == "two"
    assert text_of(ask(Scripted(["one", "two"]), "Hi", "one", "Go on")) == "two"


def test_after_the_last_reply_the_script_says_how_long_it_is():
    for replies, said in ((["one"], "1 reply"), ([], "0 replies")):
        _, error = partly(Scripted(replies), messages=request("Hi", "one", "On").messages)
        assert type(error) is ProviderError
        assert error.message == f"the script has only {said}"
        assert "add a reply" in error.hint


def test_the_same_reply_comes_in_the_same_pieces():
    chunks = ask(Scripted(["Hello to you."]))
    assert [chunk.text for chunk in chunks[:-1]] == ["Hello", " to", " you", "."]
    assert chunks == ask(Scripted(["Hello to you."]))


def test_usage_is_counted_where_none_is_given():
    chunks = ask(Scripted([Reply("Hello to you.", "Hm.")]), estimated_tokens=50)
    assert end_of(chunks).usage == Usage(50, 6, reasoning_tokens=2)
    assert end_of(ask(Scripted([Reply("x", usage=Usage(1, 2))]))).usage == Usage(1, 2)


def test_a_stop_string_or_the_token_limit_ends_a_reply():
    script = ["one two three</helpers>four"]
    assert text_of(ask(Scripted(script), stop=("</helpers>", "three"))) == "one two "
    chunks = ask(Scripted(script), max_tokens=2)
    assert (text_of(chunks), end_of(chunks).stop) == ("one two", "max_tokens")


@pytest.mark.parametrize("stop", ["end_turn", "max_tokens", "refusal"])
def test_a_reply_can_end_for_any_reason(stop):
    assert end_of(ask(Scripted([Reply("Well", stop=stop)]))).stop == stop


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("busy", ProviderBusy),
        ("unreachable", ProviderUnreachable),
        ("refused", ProviderRefused),
    ],
)
def test_a_reply_can_fail_once_before_the_next(error, kind):
    provider = Scripted([Reply("No luck.", error=error), Reply(error=error), "at last"])
    failed = [partly(provider) for _ in range(2)]
    assert [type(error) for _, error in failed] == [kind, kind]
    assert failed[0][1].message == "No luck."
    assert text_of(ask(provider)) == "at last"
    assert text_of(ask(provider)) == "at last"


def test_a_failure_at_the_end_stays():
    provider = Scripted(["one", Reply(error="busy", retry_after=3)])
    for _ in range(2):
        _, error = partly(provider, messages=request("Hi", "one", "On").messages)
        assert error.retry_after == 3


def test_a_broken_reply_fails_after_its_text_and_is_a_message():
    provider = Scripted([Reply("So far", error="broken"), "next"])
    chunks, error = partly(provider)
    assert text_of(chunks) == "So far"
    assert type(error) is ProviderError
    assert text_of(ask(provider, "Hi", "So far", "Go on")) == "next"


def test_an_empty_reply_leaves_no_message_so_asking_again_gets_the_next():
    provider = Scripted(["", "next"])
    assert [text_of(ask(provider)) for _ in range(2)] == ["", "next"]


def test_a_rate_spreads_the_pieces_over_time():
    began = time.perf_counter()
    chunks = ask(Scripted([Reply("one two three four five", delay=0.05, rate=50)]))
    took = time.perf_counter() - began
    assert len(chunks) == 6
    assert 0.05 + 4 / 50 <= took < 10


def test_a_script_is_a_model(tmp_path):
    path = tmp_path / "demo.txt"
    path.write_text("===\nreasoning: Hm.\n\nHello\n===\nBye\n", "utf-8")
    provider = open_provider("scripted")
    chunks = ask(provider, model=str(path))
    assert (thought_of(chunks), text_of(chunks)) == ("Hm.", "Hello")
    assert text_of(ask(provider, "Hi", "Hello", "And?", model=str(path))) == "Bye"


def test_a_script_that_was_changed_is_read_again(tmp_path):
    path = tmp_path / "demo.txt"
    path.write_text("one")
    provider = open_provider("scripted")
    assert text_of(ask(provider, model=str(path))) == "one"
    path.write_text("another")
    assert text_of(ask(provider, model=str(path))) == "another"


def test_a_script_that_cannot_be_read_is_refused(tmp_path):
    bad = tmp_path / "bad.txt"
    bad.write_text("===\nrate: fast\n\nHello")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, said in (
        (tmp_path / "missing", "No such file"),
        (tmp_path, "Is a directory"),
        (binary, "cannot be read"),
        (bad, "line 2: rate cannot be 'fast'"),
    ):
        _, error = partly(open_provider("scripted"), model=str(path))
        assert type(error) is ProviderRefused
        assert said in error.message
        assert error.hint


def test_it_offers_no_models_and_closes_at_any_time():
    provider = Scripted(["one"])

    async def work(provider):
        stream = provider.stream(request())
        assert await anext(stream) == TextChunk("one")
        assert isinstance(await anext(stream), Finish)
        await stream.aclose()
        return await provider.models()

    assert run(provider, work) == ()
    asyncio.run(provider.close())
