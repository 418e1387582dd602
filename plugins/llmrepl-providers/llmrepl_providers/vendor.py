"""A vendor's service over HTTP: a reply is one POST whose answer is a stream of events.

What differs between vendors is in the methods that a vendor's class has to write. Whatever goes
wrong leaves here as a `ProviderError`.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from llmrepl.errors import ProviderError, ProviderRefused
from llmrepl.parts import Image
from llmrepl.ports import Allowance, CallResult, ChatMessage, Chunk, ModelInfo, Request, Traits
from llmrepl.sdk import (
    SILENCE_SECONDS,
    Asked,
    Bodies,
    Encoded,
    PerLoop,
    Rejected,
    Service,
    Shapes,
    clean_key,
    clean_url,
    json_of,
    sees_images,
    takes_tools,
    tls_settings,
)
from llmrepl_providers.rations import Headers, Rations
from llmrepl_providers.reading import Reader, read_reply

if TYPE_CHECKING:
    import httpx

FACTS_SECONDS = 5.0
"""How long a service may take to tell the facts about a model before it is asked without them."""

NOTHING = "(nothing)"
"""Stands for a message without text, which services refuse."""

NO_SUCH_PAGE = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a vendor's service is, for who says nothing else.

    Args:
        name: what people call it.
        variable: what the names of its environment variables begin with.
        url: where it is.
        version: the part of the path that people may give with another address, or leave out.
        keys: where a key can be had.
    """

    name: str
    variable: str
    url: str
    version: str
    keys: str


class Vendor(ABC):
    """One vendor's service.

    Args:
        base_url: its address. None: what the variable has, else the vendor's own.
        api_key: the key. None: what the variable has.
        options: more fields for the body of each request.
        timeout: seconds of silence after which a request is given up. None: five minutes.

    Raises:
        ConfigError: the address or the key cannot be one.
    """

    name: ClassVar[str]
    local = False
    takes_schema = True
    address: ClassVar[Address]
    models_path: ClassVar[str]
    reader: ClassVar[type[Reader]]
    messages_field: ClassVar[str] = "messages"
    limits: ClassVar[Mapping[str, Headers]] = {}

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        at = self.address
        url_variable, key_variable = f"{at.variable}_BASE_URL", f"{at.variable}_API_KEY"
        url = clean_url(base_url or os.environ.get(url_variable) or at.url, f"the {at.name} URL")
        self._service = Service(
            name=at.name,
            url=url.removesuffix(at.version),
            url_variable=url_variable,
            key_variable=key_variable,
            start="check the network connection",
            key=clean_key(api_key or os.environ.get(key_variable) or "", f"the {at.name} key"),
            silence=SILENCE_SECONDS if timeout is None else timeout,
        )
        self._options = dict(options or {})
        self._rations = Rations(self.limits)
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._asked_for: Asked[Mapping[str, Any]] = Asked()
        self._bodies = Bodies(self._encoded, self.messages_field)
        self._shapes = Shapes(at.name, self._forms)
        self._clients = PerLoop(self._make_client, self.warm)

    @abstractmethod
    def _headers(self, key: str) -> Mapping[str, str]:
        """Return what each request carries."""

    @abstractmethod
    def _encoded(self, message: ChatMessage) -> Encoded:
        """Return a message as the service has it."""

    @abstractmethod
    async def _asked(self, request: Request) -> tuple[str, bytes]:
        """Return the path and the body of the request for a reply."""

    @abstractmethod
    def _listed(self, answer: Mapping[str, Any]) -> Sequence[ModelInfo]:
        """Return the models in an answer to the request for them."""

    @abstractmethod
    def _forms(self, schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Return the fields that ask for JSON of a schema, the strictest way first."""

    def _meant(self, rejected: Rejected) -> Rejected:
        """Return a rejection with the status that it would have elsewhere."""
        return rejected

    def warm(self) -> None:
        """Import what the first request needs. Blocking: call it in a thread."""
        import httpx  # noqa: F401 - for its effect

        if self._service.url.startswith("https:"):
            tls_settings()

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply's chunks as they come; closing the iterator closes the connection."""
        if request.schema is None:
            return self._reply(request)
        return self._shapes.held(self._reply, request)

    async def _reply(self, request: Request) -> AsyncGenerator[Chunk, None]:
        try:
            client = await self._client()
            path, body = await self._asked(request)
            sent = client.build_request("POST", self._service.url + path, content=body)
            response = await client.send(sent, stream=True)
            self._rations.read(response.headers)
            try:
                reader = self.reader(self._service, [tool.name for tool in request.tools])
                reply = read_reply(response, reader, self._service, request.tools)
                async with aclosing(reply) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                await response.aclose()
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary to a library
            no_tools = self._service.no_tools(error, request)
            refused = no_tools or self._shapes.no_schema(error, request)
            raise refused or await self._explained(error, request.model) from None

    async def prepare(self, model: str, /) -> None:
        """Import what sends requests, and ask for the facts about a model."""
        with suppress(ProviderRefused):  # there is no key: the first request says so
            await self._facts_about(model)

    async def takes_tools(self, model: str) -> bool | None:
        """Return whether a model takes tools, as far as its name says it."""
        return takes_tools(model)

    def describe(self, model: str) -> Traits:
        """Return what is known of a model, as far as its name says it."""
        return Traits(images=sees_images(model))

    @property
    def allowances(self) -> Sequence[Allowance]:
        """What the service said is left, of what is not full again by now."""
        return self._rations.left(datetime.now(UTC))

    async def models(self) -> Sequence[ModelInfo]:
        """Return the models that the service lists."""
        try:
            client = await self._client()
            asked = client.build_request("GET", self._service.url + self.models_path)
            return self._listed(await json_of(await client.send(asked, stream=True)))
        except ProviderError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary to a library
            raise await self._explained(error) from None

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop()
        if client is not None:
            await client.aclose()

    async def _facts_about(self, model: str) -> Mapping[str, Any]:
        """Return what the service says of a model; nothing where it says nothing in time."""
        if model not in self._facts:
            return await self._asked_for.once(model, lambda: self._ask_facts(model))
        return self._facts[model]

    async def _ask_facts(self, model: str) -> Mapping[str, Any]:
        client = await self._client()
        path = self.models_path.partition("?")[0]
        url = f"{self._service.url}{path}/{quote(model, safe='')}"
        try:
            async with asyncio.timeout(FACTS_SECONDS):
                asked = client.build_request("GET", url)
                found = await json_of(await client.send(asked, stream=True))
        except Rejected as rejected:
            if rejected.status not in NO_SUCH_PAGE:
                return {}
            found = {}
        except Exception:  # noqa: BLE001 - the request itself will say what is wrong
            return {}
        self._facts[model] = found if isinstance(found, dict) else {}
        return self._facts[model]

    async def _client(self) -> httpx.AsyncClient:
        service = self._service
        if not (service.key or service.is_local):
            hint = f"set {service.key_variable}; {self.address.keys} gives one"
            raise ProviderRefused(f"{service.name} needs a key", hint=hint)
        return await self._clients.get()

    def _make_client(self) -> httpx.AsyncClient:
        import httpx

        service = self._service
        headers = {"Content-Type": "application/json"}
        if service.key:
            headers |= self._headers(service.key)
        return httpx.AsyncClient(headers=headers, **service.client_options())

    async def _explained(self, error: Exception, model: str = "") -> ProviderError:
        if isinstance(error, Rejected):
            self._rations.read(error.headers)
            error = self._meant(error)
        return await self._service.explain(error, model, self._names if model else None)

    async def _names(self) -> Sequence[str]:
        return [model.name for model in await self.models()]


def is_blank(message: ChatMessage) -> bool:
    """Return whether a message has no text that a service would take."""
    return not message.text or message.text.isspace()


def words(message: ChatMessage) -> str:
    """Return a message's text, or what stands for none."""
    return NOTHING if is_blank(message) else message.text


def content_of(
    message: ChatMessage, image: Callable[[Image], Mapping[str, Any]]
) -> str | Sequence[Mapping[str, Any]]:
    """Return what a message says as the services have it: images before text, or text alone.

    Args:
        message: one without calls and results.
        image: returns an image as the service has it.
    """
    if not message.images:
        return words(message)
    text = () if is_blank(message) else ({"type": "text", "text": message.text},)
    return [*map(image, message.images), *text]


def result_of(
    result: CallResult, image: Callable[[Image], Mapping[str, Any]]
) -> str | Sequence[Mapping[str, Any]]:
    """Return what came of a call as the services have it: text alone, or images behind it."""
    if not result.images:
        return result.text
    return [{"type": "text", "text": result.text}, *map(image, result.images)]


def alone(request: Request) -> Request:
    """Return `request` without its system prompt, for a body that has it elsewhere."""
    return replace(request, system="")


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
