"""Any server that speaks OpenAI's chat-completions API, like vLLM, llama.cpp or LM Studio.

It needs no SDK. What a server does not know of the request is left out, and remembered.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from llmrepl.errors import ProviderError
from llmrepl.ports import Chunk, ModelInfo, Request
from llmrepl.providers.address import clean_key, clean_url
from llmrepl.providers.completions import encode_message, read_models, read_reply, request_fields
from llmrepl.providers.encoding import Bodies
from llmrepl.providers.service import SILENCE_SECONDS, PerLoop, Rejected, Service, tls_settings

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "https://api.openai.com/v1"

NOT_UNDERSTOOD = frozenset({400, 422})
"""The statuses with which servers answer a field that they do not know."""

RENAMED = {"max_tokens": "max_completion_tokens"}
"""Fields that some models want by another name."""

DISPENSABLE = ("stop", "stream_options")
"""Fields without which the reply is the same: we end it at a stop string and count tokens, too."""


class OpenAI:
    """An OpenAI-compatible server.

    Args:
        base_url: its address, `/v1` included. None: `OPENAI_BASE_URL`, else OpenAI itself.
        api_key: the key. None: `OPENAI_API_KEY`, else none is sent.
        options: more fields for the body of each request, like `{"reasoning_effort": "low"}`.
        timeout: seconds of silence after which a request is given up. None: five minutes.

    Raises:
        ConfigError: the address or the key cannot be one.
    """

    name = "openai"

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        url = base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
        key = api_key or os.environ.get("OPENAI_API_KEY") or ""
        self._service = Service(
            name="The OpenAI-compatible server" if url != DEFAULT_URL else "OpenAI",
            url=clean_url(url, "the OpenAI base URL"),
            url_variable="OPENAI_BASE_URL",
            key_variable="OPENAI_API_KEY",
            start="start the server",
            key=clean_key(key, "the OpenAI key"),
            silence=SILENCE_SECONDS if timeout is None else timeout,
        )
        self.local = self._service.is_local
        self._options = dict(options or {})
        self._lacks: dict[str, set[str]] = {}
        self._bodies = Bodies(encode_message)
        self._clients = PerLoop(self._make_client, self.warm)

    def warm(self) -> None:
        """Import what the first request needs. Blocking: call it in a thread."""
        import httpx  # noqa: F401 - for its effect

        if self._service.url.startswith("https:"):
            tls_settings()

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply's chunks as they come; closing the iterator closes the connection."""
        service = self._service
        fields = self._options | request_fields(request, limit_field="max_tokens")
        try:
            response = await self._send(request, fields)
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
        """Return the models that the server lists."""
        try:
            client = await self._clients.get()
            response = await client.get(f"{self._service.url}/models")
            return read_models(response.json())
        except Exception as error:  # noqa: BLE001 - the boundary to a library
            raise await self._service.explain(error) from None

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop()
        if client is not None:
            await client.aclose()

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
                response = await self._post(request, body)
            except Rejected as rejected:
                field = _not_understood(rejected, body)
                if field is None:
                    raise
                _leave_out(body, field)
                left_out.add(field)
            else:
                lacks |= left_out
                return response

    async def _post(self, request: Request, body: Mapping[str, Any]) -> httpx.Response:
        client = await self._clients.get()
        content = self._bodies.body(request, body)
        url = f"{self._service.url}/chat/completions"
        return await client.send(client.build_request("POST", url, content=content), stream=True)

    def _make_client(self) -> httpx.AsyncClient:
        import httpx

        headers = {"Content-Type": "application/json"}
        if self._service.key:
            headers["Authorization"] = f"Bearer {self._service.key}"
        return httpx.AsyncClient(headers=headers, **self._service.client_options())


def _not_understood(rejected: Rejected, body: Mapping[str, Any]) -> str | None:
    """Return the field that the request can do without or call otherwise; None for none."""
    if rejected.status not in NOT_UNDERSTOOD:
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
