"""What a scripted server can answer with other than a reply, and how each looks to a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llmrepl.providers.script import Reply
from llmrepl.providers.script import leaves_message as reply_leaves_message


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer with an error status; `body` None is what the real services send with it."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broken:
    """A reply that begins well and breaks off after `text`.

    `how` is `error` (the service says so), `cut` (the connection closes), `reset` (it is torn down,
    before the first byte where there is no text), `garbage` (what comes is not JSON), `silent` (the
    stream ends as if that were all) or `hang` (nothing comes any more).
    """

    text: str
    how: str = "error"
    message: str = "the model stopped working"


Item = str | Reply | Refused | Broken

STATUS_OF = {"busy": 429, "refused": 400, "unreachable": 503}


def leaves_message(item: Reply | Refused | Broken) -> bool:
    """Return whether a conversation holds a message after `item`."""
    if isinstance(item, Reply):
        return reply_leaves_message(item)
    return isinstance(item, Broken) and bool(item.text)


def on_the_wire(item: Reply | Refused | Broken) -> Reply | Refused | Broken:
    """Return `item`, a reply that is scripted to fail as the fault that a client will see."""
    if not isinstance(item, Reply) or not item.error:
        return item
    if item.error == "broken":
        return Broken(item.text)
    after = {} if item.retry_after is None else {"retry-after": str(item.retry_after)}
    return Refused(STATUS_OF[item.error], headers=after)
