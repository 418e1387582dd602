"""A provider over the chat-completions API, whoever sends its requests.

A call that the service could not read is given as the model wrote it, or asked for once more. No
other refusal is ever answered with a second request.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from llmrepl.errors import ProviderError
from llmrepl.ports import Allowance, Chunk, Finish, ModelInfo, Request, Traits
from llmrepl.providers.completions import encode_message, read_models, read_reply, request_fields
from llmrepl.providers.encoding import Bodies
from llmrepl.providers.families import sees_images
from llmrepl.providers.limits import Limits
from llmrepl.providers.native import recovered
from llmrepl.providers.service import Rejected, Service, chain
from llmrepl.providers.shaping import Shapes, response_formats
from llmrepl.providers.taking import json_of, read_json

if TYPE_CHECKING:
    import httpx

CALMER = 0.2
"""The temperature at which a model is asked again that made a call which nobody could read."""


class Chat(ABC):
    """Replies and models of one service.

    Args:
        service: which one.
        options: more fields for the body of each request.
    """

    local: bool
    limit_field: ClassVar[str]
    takes_schema = True

    def __init__(self, service: Service, options: Mapping[str, Any] | None) -> None:
        self._service = service
        self._options = dict(options or {})
        self._limits = Limits()
        self._bodies = Bodies(encode_message)
        self._shapes = Shapes(service.name, response_formats)

    @abstractmethod
    async def _post(self, content: bytes) -> httpx.Response:
        """Send a request for a reply and return the answer, its body yet to be read."""

    @abstractmethod
    async def _list(self) -> httpx.Response:
        """Return the answer to a request for the models, its body yet to be read."""

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply's chunks as they come; closing the iterator closes the connection."""
        if request.schema is None:
            return self._reply(request)
        return self._shapes.held(self._reply, request)

    async def _reply(self, request: Request) -> AsyncGenerator[Chunk, None]:
        service = self._service
        fields = self._options | request_fields(request, limit_field=self.limit_field)
        fields |= self._shapes.fields(request)
        try:
            try:
                response = await self._send(request, fields)
            except Exception as error:
                rejected = rejection(error)
                if rejected:
                    self._limits.read(rejected.headers)
                said = recovered(error_in(rejected), request.tools) if rejected else None
                if said:
                    for chunk in said:
                        yield chunk
                    yield Finish()
                    return
                if said is None:
                    raise
                response = await self._send(request, fields | {"temperature": CALMER})
            self._limits.read(response.headers)
            try:
                async with aclosing(read_reply(response, service, request.tools)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                await response.aclose()
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary to a library
            refused = service.no_tools(error, request) or self._shapes.no_schema(error, request)
            raise refused or await service.explain(error, request.model, self._names) from None

    @abstractmethod
    async def takes_tools(self, model: str) -> bool | None:
        """Return whether a model takes tools; None where nobody knows."""

    def describe(self, model: str) -> Traits:
        """Return what is known of a model: by its name, unless its server is on this machine.

        Such a server may call anything by any name.
        """
        return Traits(self.local, None if self.local else sees_images(model))

    @property
    def allowances(self) -> Sequence[Allowance]:
        """What the service said is left, of what is not full again by now."""
        return self._limits.allowances

    async def models(self) -> Sequence[ModelInfo]:
        """Return the models that the service lists."""
        try:
            return read_models(await json_of(await self._list()))
        except Exception as error:  # noqa: BLE001 - the boundary to a library
            raise await self._service.explain(error) from None

    async def _names(self) -> Sequence[str]:
        return [model.name for model in await self.models()]

    async def _send(self, request: Request, body: dict[str, Any]) -> httpx.Response:
        return await self._post(self._bodies.body(request, body))


def rejection(error: BaseException) -> Rejected | None:
    """Return the rejection that an SDK wrapped into an error of its own."""
    return next((link for link in chain(error) if isinstance(link, Rejected)), None)


def error_in(rejected: Rejected) -> Mapping[str, Any]:
    """Return what the service says of a rejection; nothing where that is no JSON object."""
    try:
        error = read_json(rejected.body)["error"]
    except (ValueError, LookupError, TypeError):
        return {}
    return error if isinstance(error, Mapping) else {}
