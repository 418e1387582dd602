"""A provider over the chat-completions API, whoever sends its requests.

What a server does not know of the request is left out, and remembered. A call that the service
could not read is given as the model wrote it, or asked for once more.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from llmrepl.errors import ProviderError
from llmrepl.ports import Chunk, Finish, ModelInfo, Request, TextChunk
from llmrepl.providers.completions import encode_message, read_models, read_reply, request_fields
from llmrepl.providers.encoding import Bodies
from llmrepl.providers.native import recovered
from llmrepl.providers.service import Rejected, Service, chain

if TYPE_CHECKING:
    import httpx

NOT_UNDERSTOOD = frozenset({400, 422})
"""The statuses with which servers answer a field that they do not know."""

RENAMED = {"max_tokens": "max_completion_tokens"}
"""Fields that some models want by another name."""

DISPENSABLE = ("stop", "stream_options")
"""Fields without which the reply is the same: we end it at a stop string and count tokens, too."""

CALMER = 0.2
"""The temperature at which a model is asked again that made a call which nobody could read."""


class Chat(ABC):
    """Replies and models of one service.

    Args:
        service: which one.
        options: more fields for the body of each request.
    """

    limit_field: ClassVar[str]

    def __init__(self, service: Service, options: Mapping[str, Any] | None) -> None:
        self._service = service
        self._options = dict(options or {})
        self._lacks: dict[str, set[str]] = {}
        self._bodies = Bodies(encode_message)

    @abstractmethod
    async def _post(self, content: bytes) -> httpx.Response:
        """Send a request for a reply and return the answer, its body yet to be read."""

    @abstractmethod
    async def _list(self) -> httpx.Response:
        """Return the answer to a request for the models."""

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply's chunks as they come; closing the iterator closes the connection."""
        service = self._service
        fields = self._options | request_fields(request, limit_field=self.limit_field)
        try:
            try:
                response = await self._send(request, fields)
            except Exception as error:
                rejected = _rejected(error)
                said = recovered(_error_in(rejected)) if rejected else None
                if said:
                    yield TextChunk(said)
                    yield Finish()
                    return
                if said is None:
                    raise
                response = await self._send(request, fields | {"temperature": CALMER})
            try:
                async with aclosing(read_reply(response, service)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                await response.aclose()
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary to a library
            raise await service.explain(error, request.model, self._names) from None

    async def models(self) -> Sequence[ModelInfo]:
        """Return the models that the service lists."""
        try:
            return read_models((await self._list()).json())
        except Exception as error:  # noqa: BLE001 - the boundary to a library
            raise await self._service.explain(error) from None

    async def _names(self) -> Sequence[str]:
        return [model.name for model in await self.models()]

    async def _send(self, request: Request, body: dict[str, Any]) -> httpx.Response:
        """Send `body`, without what the server turned out not to understand."""
        lacks = self._lacks.setdefault(request.model, set())
        for name in lacks:
            _leave_out(body, name)
        left_out: set[str] = set()
        while True:
            try:
                response = await self._post(self._bodies.body(request, body))
            except Exception as error:
                rejected = _rejected(error)
                field = _not_understood(rejected, body) if rejected else None
                if field is None:
                    raise
                _leave_out(body, field)
                left_out.add(field)
            else:
                lacks |= left_out
                return response


def _rejected(error: BaseException) -> Rejected | None:
    """Return the rejection that an SDK wrapped into an error of its own."""
    return next((link for link in chain(error) if isinstance(link, Rejected)), None)


def _error_in(rejected: Rejected) -> Mapping[str, Any]:
    try:
        error = json.loads(rejected.body)["error"]
    except (ValueError, LookupError, TypeError):
        return {}
    return error if isinstance(error, Mapping) else {}


def _not_understood(rejected: Rejected, body: Mapping[str, Any]) -> str | None:
    """Return the field that the request can do without or call otherwise; None for none."""
    if rejected.status not in NOT_UNDERSTOOD or recovered(_error_in(rejected)) is not None:
        return None
    candidates = [name for name in (*RENAMED, *DISPENSABLE) if name in body]
    named = [name for name in candidates if re.search(rf"\b{name}\b", rejected.body)]
    if named:
        return named[0]
    return "stream_options" if "stream_options" in body else None


def _leave_out(body: dict[str, Any], name: str) -> None:
    value = body.pop(name, None)
    if name in RENAMED and value is not None:
        body[RENAMED[name]] = value
