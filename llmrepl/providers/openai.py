"""Any server that speaks OpenAI's chat-completions API, like vLLM, llama.cpp or LM Studio.

It needs no SDK. Servers differ in what they know of the dialect: a field that one names in its
refusal is left out of that request and of all after it, and a thought that it misses is sent.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmrepl.ports import ChatMessage, Request
from llmrepl.providers.address import clean_key, clean_url
from llmrepl.providers.chat import Chat
from llmrepl.providers.completions import encode_message as encode_for_others
from llmrepl.providers.encoding import Bodies, Encoded
from llmrepl.providers.families import takes_tools
from llmrepl.providers.service import SILENCE_SECONDS, PerLoop, Rejected, Service, tls_settings
from llmrepl.providers.thoughts import Back, wanted, with_thought

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "https://api.openai.com/v1"

NOT_UNDERSTOOD = frozenset({400, 422})
"""The statuses with which servers answer a field that they do not know."""

RENAMED = {"max_tokens": "max_completion_tokens"}
"""Fields that some models want by another name."""

DISPENSABLE = ("stop", "stream_options")
"""Fields without which the reply is the same: we end it at a stop string and count tokens, too."""


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
        self._lacks: set[tuple[str, str]] = set()
        self._back: dict[str, Back] = {}
        self._encode(Back.OWN)
        self.local = service.is_local
        self._clients = PerLoop(self._make_client, self.warm)

    def warm(self) -> None:
        """Import what the first request needs. Blocking: call it in a thread."""
        import httpx  # noqa: F401 - for its effect

        if self._service.url.startswith("https:"):
            tls_settings()

    async def prepare(self, _model: str, /) -> None:
        """Import what sends requests, in a thread."""
        await self._clients.get()

    async def takes_tools(self, model: str) -> bool | None:
        """Return whether a model takes tools, as far as its name says it.

        Servers on this machine may know nothing of tools, and then say nothing of it either.
        """
        return None if self.local else takes_tools(model)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop()
        if client is not None:
            await client.aclose()

    async def _send(self, request: Request, body: dict[str, Any]) -> httpx.Response:
        """Send `body`, without what the server, or this model, turned out not to know."""
        for name in (*RENAMED, *DISPENSABLE):
            if _known(name, request) in self._lacks:
                _leave_out(body, name)
        back = self._back.get(request.model, Back.OWN)
        tried = {back}
        learnt: set[tuple[str, str]] = set()
        while True:
            if back is not self._encoded_for:
                self._encode(back)
            try:
                response = await super()._send(request, body)
            except Rejected as rejected:
                asked = wanted(rejected.body) if rejected.status in NOT_UNDERSTOOD else None
                if asked and asked not in tried:
                    back = self._back[request.model] = asked
                    tried.add(back)
                    continue
                name = _not_understood(rejected, body)
                if not name:
                    raise
                _leave_out(body, name)
                learnt.add(_known(name, request))
            else:
                self._lacks |= learnt
                return response

    def _encode(self, back: Back) -> None:
        """Write messages with these thoughts from now on."""
        self._encoded_for = back
        self._bodies = Bodies(lambda message: encode_message(message, back))

    async def _post(self, content: bytes) -> httpx.Response:
        client = await self._clients.get()
        url = f"{self._service.url}/chat/completions"
        return await client.send(client.build_request("POST", url, content=content), stream=True)

    async def _list(self) -> httpx.Response:
        client = await self._clients.get()
        return await client.send(
            client.build_request("GET", f"{self._service.url}/models"), stream=True
        )

    def _make_client(self) -> httpx.AsyncClient:
        import httpx

        headers = {"Content-Type": "application/json"}
        if self._service.key:
            headers["Authorization"] = f"Bearer {self._service.key}"
        return httpx.AsyncClient(headers=headers, **self._service.client_options())


def encode_message(message: ChatMessage, back: Back = Back.OWN) -> Encoded:
    """Return a message as the dialect has it, with what it was thought by where that goes back."""
    return with_thought(encode_for_others(message), message, back)


def _known(name: str, request: Request) -> tuple[str, str]:
    """Return what is kept of a field: its name is a matter of the model, the rest of the server."""
    return name, request.model if name in RENAMED else ""


def _not_understood(rejected: Rejected, body: Mapping[str, Any]) -> str:
    """Return the field that the server says it does not know; empty where that is not it."""
    if rejected.status not in NOT_UNDERSTOOD:
        return ""
    fields = (name for name in (*RENAMED, *DISPENSABLE) if name in body)
    return next((name for name in fields if re.search(rf"\b{name}\b", rejected.body)), "")


def _leave_out(body: dict[str, Any], name: str) -> None:
    value = body.pop(name, None)
    if name in RENAMED and value is not None:
        body[RENAMED[name]] = value
