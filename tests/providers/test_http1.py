"""HTTP/1.1 and event streams read the same however their bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.providers.http1 import Chunked, Sized, Unframed, framing_of, keeps_alive, read_head
from llmrepl.providers.sse import EventStream

CUTS = st.lists(st.integers(0, 400), max_size=8)


def cut(data, cuts):
    """`data` in pieces, cut at these places."""
    places = sorted({min(place, len(data)) for place in cuts})
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def chunked(parts, *, extension=b"", trailer=b""):
    chunks = b"".join(b"%X%b\r\n%b\r\n" % (len(part), extension, part) for part in parts if part)
    return chunks + b"0\r\n" + trailer + b"\r\n"


@given(st.lists(st.binary(max_size=60), max_size=6), CUTS, st.binary(max_size=5))
def test_a_chunked_body_is_the_same_wherever_it_is_cut(parts, cuts, extra):
    body = Chunked()
    data = chunked(parts, extension=b"; name=value", trailer=b"X-Sum: 1\r\n") + extra
    assert b"".join(body.feed(piece) for piece in cut(data, cuts) if not body.complete) == (
        b"".join(parts)
    )
    assert body.complete


def test_what_follows_a_chunked_body_is_told_apart():
    body = Chunked()
    assert body.feed(chunked([b"all"]) + b"HTTP/1.1") == b"all"
    assert body.extra == b"HTTP/1.1"


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"-1\r\nx",
        b"+1\r\nx",
        b" 1\r\nx",
        b"1_0\r\nx",
        b"xyz\r\n",
        b"0x10\r\n",
        b"1" * 16 + b"\r\n",
        b"3\r\nabcd\r\n",
        b"1" * 300_000,
    ],
)
def test_a_malformed_chunk_is_an_error(data):
    body = Chunked()
    with pytest.raises(ValueError, match="a chunk"):
        body.feed(data)


@given(st.binary(max_size=100), CUTS, st.binary(max_size=5))
def test_a_sized_body_is_the_same_wherever_it_is_cut(content, cuts, extra):
    body = Sized(len(content))
    assert b"".join(body.feed(piece) for piece in cut(content + extra, cuts)) == content
    assert body.complete
    assert body.extra == extra


@given(CUTS)
def test_a_head_is_complete_only_with_its_empty_line(cuts):
    data = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Empty:\r\n\r\n"
    for piece in {data[:place] for place in cuts if place < len(data)}:
        assert read_head(piece) is None
    head, rest = read_head(data + b"body")
    assert (head.status, head.reason, head.version) == (200, b"OK", b"HTTP/1.1")
    assert head.get(b"content-type") == b"text/plain"
    assert head.get(b"x-missing") == b""
    assert rest == b"body"


def test_interim_responses_are_passed_over():
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert read_head(data) is None
    head, rest = read_head(data + b"HTTP/1.1 204\r\n\r\n")
    assert (head.status, rest) == (204, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0",
        b"<html>",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 300_000,
    ],
)
def test_what_is_not_a_response_is_an_error(data):
    with pytest.raises(ValueError, match=r"HTTP|status line|another protocol|never ends"):
        read_head(data)


@pytest.mark.parametrize(
    ("head", "method", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "GET", Chunked),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "GET", Sized),
        (b"HTTP/1.1 200 OK\r\n", "GET", Unframed),
        (b"HTTP/1.1 200 OK\r\n", "HEAD", Sized),
        (b"HTTP/1.1 204 No Content\r\n", "GET", Sized),
    ],
)
def test_the_headers_say_how_the_body_is_framed(head, method, kind):
    assert type(framing_of(read_head(head + b"\r\n")[0], method)) is kind


def test_a_length_that_is_no_number_is_an_error():
    head, _ = read_head(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")
    with pytest.raises(ValueError, match="no number"):
        framing_of(head, "GET")


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\n\r\n", False),
    ],
)
def test_the_headers_say_whether_the_connection_is_kept(head, kept):
    assert keeps_alive(read_head(head)[0]) is kept


STREAM = (
    "\ufeff: a comment\n\ndata: one\n\nevent: error\ndata:{}\ndata:  two\nid: 7\nretry: 10\n\n"
    "event: nothing\n\ndata\n\nunknown: x\ndata: Grüße 😀\u2028\n\ndata: never closed\n"
)
EVENTS = [("", "one"), ("error", "{}\n two"), ("", ""), ("", "Grüße 😀\u2028")]


@given(CUTS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_an_event_stream_is_the_same_wherever_it_is_cut(cuts, newline):
    stream = EventStream()
    data = STREAM.replace("\n", newline).encode()
    assert [e for piece in cut(data, cuts) for e in stream.feed(piece)] == EVENTS


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_an_event_stream_can_come_byte_by_byte(newline):
    stream = EventStream()
    data = STREAM.replace("\n", newline).encode()
    assert [e for i in range(len(data)) for e in stream.feed(data[i : i + 1])] == EVENTS


def test_bytes_that_are_no_text_do_not_stop_a_stream():
    assert EventStream().feed(b"data: \xff!\n\n") == [("", "\ufffd!")]
