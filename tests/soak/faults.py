"""What goes wrong in a soak, one row a kind.

Each kind says what a service answers in place of its reply, whether it tells its counts with that,
and what a person or the machine does meanwhile.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from llmrepl.providers.script import Reply
from llmrepl.testing.dialects import ChatCompletions, Wire
from llmrepl.testing.faults import Broken, Item, Refused
from llmrepl.usage import Usage

PLAIN = Wire()
RECOVERED = {"name": "python", "arguments": {"code": "'recovered'"}}
PARSING = {"error": "error parsing tool call: raw='{\"code\": ', err=unexpected end of JSON input"}
SLEEPS = 'I\'ll wait.\n\n<helpers lang="bash">\nsleep 60\n</helpers>\n'
WIDE = "日本語のテキスト、größte Schlüssel, 👩‍👩‍👧‍👦 und 🍵 – "


class Then(NamedTuple):
    """What is done, `cancel` or `kill`, and at which moment the session tells of.

    The moments: `asked`, the request has come; `heard`, its first words have arrived; `failed`, it
    has failed and is asked again; `started`, a block runs.
    """

    what: str
    at: str


@dataclass(frozen=True)
class Fault:
    """One kind.

    Args:
        answer: makes what is sent of the reply that would have been.
        wire: how it is sent.
        told: whether the service tells what it counted.
        again: whether the client asks once more, and the log has only that.
        ollama: what Ollama sends, where that is something else.
        then: what is done meanwhile.
        away: nobody listens at the first provider's address for a turn; nothing is answered.
    """

    answer: Callable[[Reply], Item] = lambda reply: reply
    wire: Wire = PLAIN
    told: bool = False
    again: bool = False
    ollama: Callable[[Reply], Item] | None = None
    then: Then | None = None
    away: bool = False


def refused(status: int, body: object = None, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(lambda _: Refused(status, body, named))


def broken(how: str, *, at_once: bool = False, then: Then | None = None) -> Fault:
    def answer(reply: Reply) -> Item:
        return Broken("" if at_once else _lines(reply), how)

    return Fault(answer, then=then)


def changed(**changes: object) -> Callable[[Reply], Item]:
    """Return what makes another reply of one."""
    return lambda reply: replace(reply, **changes)


def _lines(reply: Reply) -> str:
    """Return text that no helper block is in, and that is worth its place in a history."""
    return "It is like this:\n\n- " + reply.text.partition("<")[0].strip() + "\n- and"


def _failed(said: str) -> dict[str, object]:
    error = {"message": "Failed to call a function.", "type": "invalid_request_error"}
    return {"error": {**error, "code": "tool_use_failed", "failed_generation": said}}


BUSY_WORDS = {"error": {"message": "Rate limit reached. Please try again in 20ms."}}
FAULTS = {
    "429, retry-after": refused(429, retry_after="0.02"),
    "429, wait in words": refused(429, BUSY_WORDS),
    "429, no wait": refused(429),
    "429, too long a wait": refused(429, retry_after="3600"),
    "500": refused(500),
    "502": refused(502),
    "503": refused(503),
    "529": refused(529),
    "400": refused(400),
    "401": refused(401),
    "403": refused(403),
    "404, no such model": refused(404),
    "413": refused(413),
    "422": refused(422),
    "connection refused": Fault(away=True),
    "reset before the first byte": broken("reset", at_once=True),
    "closed before the first word": broken("cut", at_once=True),
    "reset in mid-stream": broken("reset"),
    "closed in mid-stream": broken("cut"),
    "ends without saying so": broken("silent"),
    "ends before it begins": broken("silent", at_once=True),
    "malformed chunk": broken("garbage"),
    "error object in mid-stream": broken("error"),
    "error object at once": broken("error", at_once=True),
    "stall in mid-stream": broken("hang"),
    "stall at once": broken("hang", at_once=True),
    "slow first byte": Fault(changed(delay=0.2), told=True),
    "empty reply": Fault(changed(text=""), told=True),
    "output limit": Fault(changed(stop="max_tokens"), told=True),
    "no counts": Fault(wire=Wire(usage="none")),
    "counts twice": Fault(wire=Wire(usage="both"), told=True),
    "UTF-8 cut by frames": Fault(
        lambda reply: replace(reply, text=WIDE + reply.text), Wire(frame=1, chunk=4), told=True
    ),
    "empty chunks": Fault(wire=Wire(empty=3, reasoning="reasoning_content"), told=True),
    "CRLF and comments": Fault(wire=Wire(newline="\r\n", comments=True), told=True),
    "tool_use_failed, readable": Fault(
        lambda _: Refused(400, _failed(json.dumps(RECOVERED))),
        ollama=lambda _: Refused(500, PARSING),
    ),
    "tool_use_failed, without words": Fault(
        lambda _: Refused(400, _failed("")), again=True, ollama=lambda _: Refused(500, PARSING)
    ),
    "tool_use_failed in mid-stream": Fault(
        lambda _: Broken("", "error", json.dumps(_failed(json.dumps(RECOVERED)))),
        ollama=lambda _: Broken("", "error", "error parsing tool call: raw='{'"),
    ),
    "cancelled before the first word": broken("hang", at_once=True, then=Then("cancel", "asked")),
    "cancelled in mid-stream": broken("hang", then=Then("cancel", "heard")),
    "cancelled while it waits": Fault(
        lambda _: Refused(429, headers={"retry-after": "0.25"}), then=Then("cancel", "failed")
    ),
    "cancelled in a block": Fault(changed(text=SLEEPS), told=True, then=Then("cancel", "started")),
}
"""What a session lives through."""

KILLS = {
    "killed before the first word": broken("hang", at_once=True, then=Then("kill", "asked")),
    "killed in mid-stream": broken("hang", then=Then("kill", "heard")),
    "killed in a block": Fault(changed(text=SLEEPS), told=True, then=Then("kill", "started")),
    "killed a moment after": Fault(told=True, then=Then("kill", "soon")),
}
"""How its process is killed; `soon` is a few milliseconds after the request has come."""


class Completions(ChatCompletions):
    """The dialect, with errors in mid-stream that are objects of their own."""

    def failure(self, message: str, wire: Wire) -> bytes:
        """Return the event that ends a stream in the middle."""
        if not message.startswith("{"):
            return super().failure(message, wire)
        return f"event: error\ndata: {message}\n\n".encode()


def counted(content: bytes, text: str) -> Usage:
    """Return what a service says that a request took."""
    return Usage(len(content) // 4, len(text) // 4 + 1)
