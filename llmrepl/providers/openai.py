"""Any server that speaks OpenAI's chat-completions API, like vLLM, llama.cpp or LM Studio.

It needs no SDK.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmrepl.providers.address import clean_key, clean_url
from llmrepl.providers.chat import Chat
from llmrepl.providers.service import SILENCE_SECONDS, PerLoop, Service, tls_settings

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "https://api.openai.com/v1"


class OpenAI(Chat):
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
    limit_field = "max_tokens"

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
        service = Service(
            name="The OpenAI-compatible server" if url != DEFAULT_URL else "OpenAI",
            url=clean_url(url, "the OpenAI base URL"),
            url_variable="OPENAI_BASE_URL",
            key_variable="OPENAI_API_KEY",
            start="start the server",
            key=clean_key(key, "the OpenAI key"),
            silence=SILENCE_SECONDS if timeout is None else timeout,
        )
        super().__init__(service, options)
        self.local = service.is_local
        self._clients = PerLoop(self._make_client, self.warm)

    def warm(self) -> None:
        """Import what the first request needs. Blocking: call it in a thread."""
        import httpx  # noqa: F401 - for its effect

        if self._service.url.startswith("https:"):
            tls_settings()

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop()
        if client is not None:
            await client.aclose()

    async def _post(self, content: bytes) -> httpx.Response:
        client = await self._clients.get()
        url = f"{self._service.url}/chat/completions"
        return await client.send(client.build_request("POST", url, content=content), stream=True)

    async def _list(self) -> httpx.Response:
        client = await self._clients.get()
        return await client.get(f"{self._service.url}/models")

    def _make_client(self) -> httpx.AsyncClient:
        import httpx

        headers = {"Content-Type": "application/json"}
        if self._service.key:
            headers["Authorization"] = f"Bearer {self._service.key}"
        return httpx.AsyncClient(headers=headers, **self._service.client_options())
