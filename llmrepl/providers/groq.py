"""Groq through its official SDK.

The SDK signs, sends and times the requests; the stream is read here, because the SDK's models of
each event cost twenty times as much and drop what they do not know.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmrepl.errors import ProviderRefused
from llmrepl.providers.address import clean_key, clean_url
from llmrepl.providers.chat import Chat
from llmrepl.providers.families import takes_tools
from llmrepl.providers.service import SILENCE_SECONDS, PerLoop, Service, tls_settings

if TYPE_CHECKING:
    import httpx
    from groq import AsyncGroq

DEFAULT_URL = "https://api.groq.com"
PREFIX = "/openai/v1"
"""What the SDK puts before each path; people often write it as part of the address."""


class Groq(Chat):
    """Groq's chat completions.

    Args:
        base_url: the address. None: `GROQ_BASE_URL`, else Groq itself.
        api_key: the key. None: `GROQ_API_KEY`. Without one, each request is refused.
        options: more fields for the body of each request, like `{"reasoning_effort": "low"}`.
        timeout: seconds of silence after which a request is given up. None: five minutes.

    Raises:
        ConfigError: the address or the key cannot be one.
    """

    name = "groq"
    local = False
    limit_field = "max_completion_tokens"

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        url = base_url or os.environ.get("GROQ_BASE_URL") or DEFAULT_URL
        key = api_key or os.environ.get("GROQ_API_KEY") or ""
        service = Service(
            name="Groq",
            url=clean_url(url, "the Groq base URL").removesuffix(PREFIX),
            url_variable="GROQ_BASE_URL",
            key_variable="GROQ_API_KEY",
            start="check the network connection",
            key=clean_key(key, "the Groq key"),
            silence=SILENCE_SECONDS if timeout is None else timeout,
        )
        super().__init__(service, options)
        self._clients = PerLoop(self._make_client, self.warm)

    def warm(self) -> None:
        """Import the SDK and what it needs. Blocking: call it in a thread."""
        import groq  # noqa: F401 - for its effect

        tls_settings()

    async def prepare(self, _model: str, /) -> None:
        """Import the SDK, in a thread; without a key there will be no request."""
        if self._service.key:
            await self._clients.get()

    async def takes_tools(self, model: str) -> bool | None:
        """Return whether a model takes tools, as far as its name says it."""
        return takes_tools(model)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop()
        if client is not None:
            await client.close()

    async def _client(self) -> AsyncGroq:
        if not self._service.key:
            raise ProviderRefused(
                "Groq needs a key", hint="set GROQ_API_KEY; console.groq.com/keys gives one"
            )
        return await self._clients.get()

    async def _post(self, content: bytes) -> httpx.Response:
        client = await self._client()
        import httpx

        return await client.post(
            f"{PREFIX}/chat/completions",
            content=content,
            options={"headers": {"Content-Type": "application/json"}},
            cast_to=httpx.Response,
            stream=True,
        )

    async def _list(self) -> httpx.Response:
        client = await self._client()
        import httpx

        return await client.get(f"{PREFIX}/models", cast_to=httpx.Response, stream=True)

    def _make_client(self) -> AsyncGroq:
        import httpx
        from groq import AsyncGroq

        return AsyncGroq(
            api_key=self._service.key,
            base_url=self._service.url,
            max_retries=0,
            http_client=httpx.AsyncClient(**self._service.client_options()),
        )
