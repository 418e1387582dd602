"""Frames between host and sandbox, and the channel that carries them."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.executors.channel import Channel
from llmrepl.executors.inside.frames import (
    MAX_FRAME,
    FrameBuffer,
    FrameError,
    encode_frame,
    receive_frame,
    send_frame,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5)


@given(messages=MESSAGES, cuts=st.lists(st.integers(0, 300), max_size=8))
def test_frames_come_out_as_they_went_in_for_any_split(messages, cuts):
    data = b"".join(map(encode_frame, messages))
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    buffer = FrameBuffer()
    found = []
    for begin, end in itertools.pairwise(edges):
        found += buffer.feed(data[begin:end])
    assert found == messages


@pytest.mark.parametrize(
    "body",
    [b"[1]", b"1", b"{", b"", b"\xff", b"[" * 100_000, b'{"a":' * 50_000],
    ids=["list", "number", "open", "empty", "bytes", "deep list", "deep object"],
)
def test_what_is_no_object_is_refused(body):
    with pytest.raises(FrameError):
        FrameBuffer().feed(struct.pack(">I", len(body)) + body)


def test_a_frame_that_is_too_long_is_refused_before_it_arrives():
    with pytest.raises(FrameError):
        FrameBuffer().feed(struct.pack(">I", MAX_FRAME + 1))
    with pytest.raises(FrameError):
        encode_frame({"text": "x" * MAX_FRAME})


def test_descriptors_travel_with_their_frame():
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    with ours, theirs:
        socket.send_fds(ours, [encode_frame({"n": 1})], [writer])
        send_frame(ours, {"n": 2})
        message, fds = receive_frame(theirs)
        assert (message, len(fds)) == ({"n": 1}, 1)
        os.write(fds[0], b"through")
        assert os.read(reader, 100) == b"through"
        assert receive_frame(theirs) == ({"n": 2}, [])
        ours.close()
        with pytest.raises(EOFError):
            receive_frame(theirs)
    for fd in (reader, writer, fds[0]):
        os.close(fd)


def talk(speak) -> tuple[list, int]:
    """Return what a channel received and how often it was lost while `speak` used the other end."""

    async def listening() -> tuple[list, int]:
        ours, theirs = socket.socketpair()
        heard: list = []
        lost: list[None] = []
        channel = Channel(ours, heard.append, lambda: lost.append(None))
        with theirs:
            await asyncio.to_thread(speak, theirs)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)
        channel.close()
        return heard, len(lost)

    return asyncio.run(listening())


def test_a_channel_hears_frames_and_is_lost_once():
    heard, lost = talk(lambda sock: [send_frame(sock, {"n": n}) for n in range(100)])
    assert heard == [{"n": n} for n in range(100)]
    assert lost == 1


def test_garbage_ends_a_channel():
    heard, lost = talk(lambda sock: sock.sendall(encode_frame({"n": 1}) + b"\xff" * 100))
    assert heard in ([{"n": 1}], [])
    assert lost == 1


def test_descriptors_that_the_other_side_sends_are_not_kept():
    before = len(list(Path("/proc/self/fd").iterdir()))
    talk(lambda sock: socket.send_fds(sock, [encode_frame({})], [0, 1, 2]))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_channel_sends_more_than_the_socket_holds_in_order_with_descriptors():
    async def sending() -> list:
        ours, theirs = socket.socketpair()
        channel = Channel(ours, lambda _: None, lambda: None)
        big = "x" * 900_000
        for number in range(4):
            channel.send({"n": number, "big": big}, [0])
        received = await asyncio.to_thread(lambda: [receive_frame(theirs) for _ in range(4)])
        channel.close()
        theirs.close()
        for _, fds in received:
            for fd in fds:
                os.close(fd)
        return [(message["n"], len(message["big"]), len(fds)) for message, fds in received]

    assert asyncio.run(sending()) == [(n, 900_000, 1) for n in range(4)]


def test_sending_to_a_side_that_has_gone_is_quiet():
    async def sending() -> bool:
        ours, theirs = socket.socketpair()
        channel = Channel(ours, lambda _: None, lambda: None)
        theirs.close()
        channel.send({"n": 1})
        channel.pump()
        channel.send({"n": 2})
        return channel.closed

    assert asyncio.run(sending())
