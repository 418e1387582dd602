"""Lying to the host on the channels it listens to."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tests.sandbox.abuse.case import Step, bash, case, ends, gives, host, prints, python, that
from tests.sandbox.abuse.stage import Stage, wait_until

TITLE = "Protocol"

CHANNEL = """
import json, socket, struct, sys, time
def channel():
    for number in range(3, 64):
        try: return socket.socket(fileno=os.dup(number))
        except OSError: continue
def running():
    frame = sys._getframe()
    while "message" not in frame.f_locals: frame = frame.f_back
    return frame.f_locals["message"]["id"]
def send(message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    channel().sendall(struct.pack(">I", len(body)) + body)
"""


def lying(code: str) -> Step:
    return python(f"{CHANNEL}{code}\ntime.sleep(5)", timeout=10)


def _kill(stage: Stage) -> bool:
    agent = stage.session.agent
    os.kill(agent, signal.SIGKILL)
    return wait_until(lambda: not Path(f"/proc/{agent}").exists())


def _descriptors(stage: Stage) -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _is_untrusted(seen: Any) -> bool:
    return seen.last.status == "error" and "no result" in seen.last.reason


UNTRUSTED = that("the block ends with an error that says it sent no result", _is_untrusted)

CASES = (
    case(
        "forged-own-result",
        "Inherent: a block can fake the text of its own result, as it can print anything",
        python(CHANNEL + "send({'id': running(), 'exit': 0, 'value': 'faked'})\ntime.sleep(0.5)"),
        that("the faked text is taken for its value", lambda seen: seen.last.value == "faked"),
        bash("echo true"),
        prints("true\n"),
    ),
    case(
        "forged-other-result",
        "A block cannot fake the result of another block, earlier or later",
        lying("send({'id': running() + 1, 'exit': 0, 'value': 'faked'})"),
        UNTRUSTED,
        python("'true'"),
        gives("'true'"),
    ),
    case(
        "forged-between-blocks",
        "What Python left running cannot send a result while no block runs",
        python(
            CHANNEL
            + """
import threading
def later():
    time.sleep(0.1)
    for number in range(1000):
        try: send({"id": number, "exit": 0, "value": "faked"})
        except OSError: return
threading.Thread(target=later).start()
"""
        ),
        bash("sleep 0.3"),
        python("print('true')"),
        that(
            "the next block's result is its own or lost",
            lambda seen: seen.last.out == "true\n" or "lost" in seen.last.reason,
        ),
    ),
    case(
        "forged-bash-result",
        "A Python block cannot fake the result of a bash block, whose channel is not its own",
        python(
            CHANNEL
            + """
import threading
def later():
    for number in range(2000):
        try: send({"id": number, "exit": 0, "cwd": "/evil", "exports": "exit", "event": "kernel-exit"})
        except OSError: return
threading.Thread(target=later).start()
"""
        ),
        bash("sleep 0.1; pwd; exit 3"),
        that(
            "bash ends as it does, or is ended, and nothing of the lie is in its result",
            lambda seen: seen.last.finished.exit_code in (3, 137) and "evil" not in seen.last.out,
        ),
    ),
    case(
        "not-a-frame",
        "Bytes that are no message end the block alone",
        lying("channel().sendall(os.urandom(100_000))"),
        UNTRUSTED,
    ),
    case(
        "not-an-object",
        "A message that is no object ends the block alone",
        lying("send(b'[1, 2]')"),
        UNTRUSTED,
    ),
    case(
        "nested-message",
        "A message that nests a hundred thousand deep ends the block alone",
        lying("send(b'[' * 200_000 + b']' * 200_000)"),
        UNTRUSTED,
    ),
    case(
        "huge-message",
        "A message that says it is 4 GiB long ends the block alone",
        lying("channel().sendall(b'\\xff\\xff\\xff\\xff' + b'x' * 100_000)"),
        UNTRUSTED,
    ),
    case(
        "huge-numbers",
        "Numbers of a million digits and values that are no numbers end the block alone",
        lying("send(b'{\"id\": ' + b'9' * 900_000 + b'}')"),
        UNTRUSTED,
        lying('send(b\'{"id": NaN, "exit": Infinity}\')'),
        UNTRUSTED,
    ),
    case(
        "half-a-message",
        "A message that never ends is waited for no longer than the block may take",
        python(
            CHANNEL + "channel().sendall(b'\\x00\\x00\\x10\\x00{')\nwhile True: time.sleep(1)",
            timeout=0.3,
        ),
        ends("timeout"),
    ),
    case(
        "odd-types",
        "A result whose parts are of other kinds than they should be is shown as far as it makes sense",
        python(
            CHANNEL + "send({'id': running(), 'exit': 'x', 'value': [1], 'error': {}, 'errno': 'y',"
            " 'kind': 5, 'cut': -1, 'rest': None, 'died': True, 'message': ['z'], 'left': -3})\ntime.sleep(0.5)"
        ),
        that("the block has ended", lambda seen: seen.last.status in ("ok", "error", "unknown")),
    ),
    case(
        "control-in-a-result",
        "Sequences that control a terminal are removed from a faked result too",
        python(
            CHANNEL
            + "send({'id': running(), 'exit': 1, 'value': 'a\\x1b[2J\\u202eb', 'error': '\\x9b2Jc\\r',"
            " 'message': 'd\\x07\\n\\x1b]0;t\\x07e', 'kind': '\\x1b[31m'})\ntime.sleep(0.5)"
        ),
        ends("error"),
    ),
    case(
        "closed-channel",
        "A block that closes its channel loses Python, and nothing else",
        lying("channel().shutdown(2)"),
        that("the block ends with an error", lambda seen: seen.last.status == "error"),
    ),
    case(
        "sent-descriptors",
        "Descriptors that a block sends to the host do not stay open there",
        host(_descriptors),
        python(
            CHANNEL
            + """
sock = channel()
for _ in range(200):
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
    try: socket.send_fds(sock, [b"\\x00"], fds)
    except OSError: break
    finally: [os.close(fd) for fd in fds]
time.sleep(1)
"""
        ),
        host(_descriptors),
        that(
            "the host has at most ten more", lambda seen: seen.results[-1] - seen.results[0] <= 10
        ),
    ),
    case(
        "endless-messages",
        "Messages without end cost the host neither memory nor time",
        python(CHANNEL + "while True: send({'id': 10**9, 'value': 'x' * 500_000})", timeout=5),
        that("the block is ended", lambda seen: seen.last.status in ("error", "timeout")),
    ),
    case(
        "supervisor-killed",
        "A sandbox that is killed from outside starts again, with its files and without its variables",
        bash("echo kept > /tmp/kept; echo kept > kept"),
        host(_kill),
        bash("cat /tmp/kept kept"),
        prints("kept\nkept\n"),
        alone=True,
    ),
    case(
        "supervisor-killed-often",
        "It does so again and again",
        *(
            step
            for _ in range(3)
            for step in (
                host(_kill),
                bash("true"),
                bash("echo on"),
                prints("on\n"),
            )
        ),
        alone=True,
    ),
)
