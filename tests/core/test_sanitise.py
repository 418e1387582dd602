"""Text of untrusted programs is safe to show, whatever is in it."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.sanitise import Sanitiser, clean

AWKWARD = st.sampled_from(
    [*"aé😀\n\r\t\x1b\x07\\;[]P(B 31m/\x18\x9b\x9d\x9c\x90", "\x1b[", "\x1b]", "\u200b", "\u202e"]
)
TEXTS = st.lists(AWKWARD | st.text(max_size=2), max_size=30).map("".join)
BYTES = st.binary(max_size=40) | TEXTS.map(lambda text: text.encode("utf-8", "replace"))


def streamed(data: bytes, cuts: list[int]) -> str:
    sanitiser = Sanitiser()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pairs = itertools.pairwise(edges)
    return "".join(sanitiser.feed(data[a:b]) for a, b in pairs) + sanitiser.close()


@given(data=BYTES, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_the_text_is_the_same_for_any_split(data, cuts):
    whole = streamed(data, [])
    assert streamed(data, cuts) == whole
    assert streamed(data, list(range(len(data)))) == whole


@given(data=BYTES)
def test_without_carriage_returns_both_ways_agree(data):
    data = data.replace(b"\r", b"")
    assert streamed(data, []) == clean(data.decode("utf-8", "replace"))


@given(text=st.text() | TEXTS)
def test_nothing_is_left_that_moves_a_cursor_or_hides(text):
    for safe in (clean(text), streamed(text.encode("utf-8", "replace"), [])):
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", safe
        )
        assert not re.search("[\U000e0000-\U000e0fff\ud800-\udfff]", safe)


@given(text=TEXTS)
def test_cleaning_twice_changes_nothing(text):
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]52;c;c2VjcmV0\x1b\\after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[?1049h\x1b[2J\x1b[Hscreen", "screen"),
        ("\x1b[6n\x1b[c", ""),
        ("\x1bPq#0;2\x1b\\after", "after"),
        ("\x1b(B\x1b7\x1b8\x1bcafter", "after"),
        ("\x9b31mred\x9d0;t\x9cx", "redx"),
        ("\x1b]never ended\nnext line", "\nnext line"),
        ("bell\x07 back\x08space", "bell backspace"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("lone \ud800", "lone \ufffd"),
        ("10%\r50%\r100%\n", "100%\n"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("working\r", "working"),
    ],
)
def test_known_tricks_are_undone(text, safe):
    assert clean(text) == safe


def test_a_line_that_is_rewritten_arrives_as_its_first_and_last_state():
    assert streamed(b"0%\r50%\r99%\r100%\ndone\n", []) == "0%\n100%\ndone\n"
    assert streamed(b"\r0%\r100%\nnext", []) == "100%\nnext"


def test_a_line_arrives_before_it_is_finished():
    sanitiser = Sanitiser()
    assert sanitiser.feed(b"Password: ") == "Password: "
    assert sanitiser.feed("é".encode()[:1]) == ""
    assert sanitiser.feed("é".encode()[1:]) == "é"


@pytest.mark.parametrize(
    "piece",
    ["\x1b]", "\x1b[", "\x9d", "\x9d\n", "\x1b[1;", "a\r", "\x1b ", "\u200b", "x", "\x1bPq"],
)
def test_time_is_linear_for_hostile_text(piece):
    times = []
    for count in (20_000, 80_000):
        data = (piece * count).encode()
        began = time.perf_counter()
        streamed(data, [])
        clean(data.decode())
        times.append(time.perf_counter() - began)
    assert times[1] < 20 * times[0] + 0.1


@given(text=TEXTS, cut=st.integers(0, 30))
def test_text_that_arrives_as_text_is_the_same_for_any_split(text, cut):
    whole, halves = Sanitiser(), Sanitiser()
    expected = whole.feed_text(text) + whole.close()
    assert halves.feed_text(text[:cut]) + halves.feed_text(text[cut:]) + halves.close() == expected


def test_bytes_that_are_no_text_are_replaced():
    assert streamed(b"a\x80\x80\x80\x80b", [2, 4]) == "a\ufffd\ufffd\ufffd\ufffdb"
    sanitiser = Sanitiser()
    assert sanitiser.feed(b"\x80\x80\x80\x80") == "\ufffd" * 4


def test_a_state_that_arrives_in_two_pieces_is_one_state():
    sanitiser = Sanitiser()
    pieces = [sanitiser.feed(piece) for piece in (b"x\r", b"a", b"b\n")]
    assert "".join(pieces) == "x\nab\n"
