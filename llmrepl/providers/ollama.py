"""Ollama through its official SDK, over its own API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from llmrepl.errors import ConfigError, ProviderError, ProviderRefused
from llmrepl.ports import (
    CallResult,
    ChatMessage,
    Chunk,
    Finish,
    ModelInfo,
    ReasoningChunk,
    Request,
    TextChunk,
    Traits,
)
from llmrepl.providers.address import clean_key
from llmrepl.providers.completions import call_id, count_in, encode_tool
from llmrepl.providers.encoding import Bodies, Encoded
from llmrepl.providers.images import base64_of
from llmrepl.providers.lines import JsonLines
from llmrepl.providers.native import Calls, Spoken
from llmrepl.providers.service import (
    SILENCE_SECONDS,
    PerLoop,
    Service,
    tls_settings,
)
from llmrepl.providers.shaping import Shapes
from llmrepl.providers.taking import json_of, name_in, pieces_of
from llmrepl.usage import Usage

if TYPE_CHECKING:
    import httpx
    from ollama import AsyncClient

DEFAULT_PORT = 11434
PORTS = {"http": 80, "https": 443}
CLOUD = frozenset({"ollama.com", "www.ollama.com"})

UNREADABLE = "error parsing tool call"
"""What Ollama says of a call that it could not read, older servers in place of `error`.

What the model wrote is only partly in it, so the model is asked once more.
"""

WHOLE = {"truncate": False, "shift": False}
"""Asks newer servers to refuse what does not fit, and not to drop its beginning."""

DEFAULT_CONTEXT = 8192
"""Tokens of context to ask for where nobody chose: twice what most servers would give unasked."""

ASKING_SECONDS = 5.0
"""How long the server may take to say what a model can, before it is asked for helper blocks."""

THINKS_NOT = "does not support thinking"
"""What Ollama says of a model that was asked to think and cannot."""

LEAST_COMPARED = 1000
"""Tokens of a prompt from which on a small count means that it was cut, and no wrong estimate."""

LARGER = (
    "without which the answer may be wrong. Set a larger num_ctx in [providers.ollama.options], or"
    " /compact."
)
CUT = (
    "Ollama read {read} tokens of a prompt of about {sent}: it has cut the beginning, "
    f"{LARGER} (A very old server counts only what it had not read before.)"
)
FULL = (
    "The prompt filled all {read} tokens of Ollama's context: it has probably cut the beginning, "
    f"{LARGER}"
)

CAPABILITIES, REMOTE = "capabilities", "remote_host"
"""Where a server says what a model can, and which server it is really on."""

CLOUD_TAGS = (":cloud", "-cloud")
"""How the names of models end that a local server hands on to Ollama's cloud."""

BESIDE_OPTIONS = ("think", "keep_alive", *WHOLE)
"""Settings that stand beside the model's options in a request."""


def ollama_url(host: str) -> str:
    """Return the address that `OLLAMA_HOST` means: a host, host and port, or a URL.

    A server that listens on every interface (`0.0.0.0`) is reached on this machine.

    Raises:
        ConfigError: it is none of these.
    """
    scheme, separator, rest = host.strip().partition("://")
    if not separator:
        scheme, rest = "http", scheme
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port or (PORTS[scheme if rest else ""] if separator else DEFAULT_PORT)
    except (ValueError, KeyError):
        raise ConfigError(
            f"OLLAMA_HOST is no address of a server: {host.rpartition('@')[2]!r}",
            hint="accepted: a host, host:port or URL, like 127.0.0.1:11434",
        ) from None
    name = parts.hostname or "127.0.0.1"
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)  # noqa: S104 - not to bind to it
    if ":" in name:
        name = f"[{name}]"
    path = parts.path.strip("/")
    return f"{scheme}://{name}:{port}" + (f"/{path}" if path else "")


class Ollama:
    """An Ollama server.

    Args:
        base_url: its address, in any form that `OLLAMA_HOST` takes. None: `OLLAMA_HOST`, else
            this machine.
        api_key: a key for Ollama's cloud. None: `OLLAMA_API_KEY`, else none is sent.
        options: the model's options, like `{"num_ctx": 8192}`; `think` and `keep_alive` too.
        timeout: seconds of silence after which a request is given up. None: five minutes.

    Raises:
        ConfigError: the address or the key cannot be one.
    """

    name = "ollama"
    takes_schema = True

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        key = api_key or os.environ.get("OLLAMA_API_KEY") or ""
        self._service = Service(
            name="Ollama",
            url=ollama_url(base_url or os.environ.get("OLLAMA_HOST") or ""),
            url_variable="OLLAMA_HOST",
            key_variable="OLLAMA_API_KEY",
            start="start it with `ollama serve`",
            key=clean_key(key, "the Ollama key"),
            silence=SILENCE_SECONDS if timeout is None else timeout,
        )
        self.local = urlsplit(self._service.url).hostname not in CLOUD
        given = {"num_ctx": DEFAULT_CONTEXT} | dict(options or {})
        self._beside = {name: given.pop(name) for name in BESIDE_OPTIONS if name in given}
        self._options = given
        size = given["num_ctx"]
        self._context = size if isinstance(size, int) else None
        self._cut: set[str] = set()
        self._shown: dict[str, Mapping[str, Any]] = {}
        self._bodies = Bodies(encode_message)
        self._shapes = Shapes("Ollama", lambda schema: ({"format": schema}, {"format": "json"}))
        self._clients = PerLoop(self._make_client, self.warm)

    @property
    def context(self) -> int | None:
        """How many tokens of context each request asks for."""
        return self._context

    def warm(self) -> None:
        """Import the SDK and what it needs. Blocking: call it in a thread."""
        import ollama  # noqa: F401 - for its effect

        if self._service.url.startswith("https:"):
            tls_settings()

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply's chunks as they come; closing the iterator closes the connection."""
        if request.schema is None:
            return self._readable(request)
        return self._shapes.held(self._readable, request)

    async def _readable(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply, the second one where the first had a call that nobody could read."""
        started = False
        try:
            async with aclosing(self._reply(request)) as chunks:
                async for chunk in chunks:
                    started = True
                    yield chunk
        except ProviderError as error:
            if started or UNREADABLE not in error.message:
                raise
            async with aclosing(self._reply(request)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _reply(self, request: Request) -> AsyncGenerator[Chunk, None]:
        last: Mapping[str, Any] | None = None
        calls, spoken = Calls(), Spoken(request.tools)
        unreadable = ""
        try:
            client = await self._clients.get()
            async with aclosing(self._ask(client, request)) as replies:
                async for reply in replies:
                    message = reply.get("message") or {}
                    thought, text = message.get("thinking"), message.get("content")
                    if thought and type(thought) is str:
                        yield ReasoningChunk(thought)
                    if text and type(text) is str and (text := spoken.feed(text)):
                        yield TextChunk(text)
                    calls.add(message.get("tool_calls") or ())
                    unreadable = unreadable or str(reply.get(UNREADABLE) or "")
                    if reply.get("done"):
                        last = reply
        except Exception as error:  # noqa: BLE001 - the boundary to the SDK
            no_tools = self._service.no_tools(error, request)
            refused = no_tools or self._shapes.no_schema(error, request)
            raise refused or await self._explain(error, request.model) from None
        if unreadable:
            raise self._service.broken(f"{UNREADABLE}: {unreadable}")
        if last is None:
            raise self._service.broken("the stream stopped in the middle")
        if text := spoken.close(calls):
            yield TextChunk(text)
        for chunk in calls.chunks(request.tools):
            yield chunk
        stop = "max_tokens" if last.get("done_reason") == "length" else "end_turn"
        yield Finish(stop, _usage(last, request), self._alarm(last, request))

    def _alarm(self, last: Mapping[str, Any], request: Request) -> str:
        """Return what to say where the server has read less than it was sent.

        It is said once of a model, and again after a prompt that was read whole. Newer servers
        refuse instead (`WHOLE`); what they count is at most a few percent from our estimate.
        """
        read, sent = count_in(last, "prompt_eval_count"), request.estimated_tokens
        full = read == self._context
        if not read or (sent < LEAST_COMPARED and not full):
            return ""
        over = self._context is not None and read <= self._context < sent * 0.9
        if not (full or over) and read >= sent / 2:
            self._cut.discard(request.model)
            return ""
        if request.model in self._cut:
            return ""
        self._cut.add(request.model)
        return (FULL if full and sent < read else CUT).format(read=read, sent=sent)

    async def _ask(
        self, client: AsyncClient, request: Request
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the lines of a reply, asked for as the SDK's `chat` does, but for its models.

        Those are made anew of every message with every request, and lose what they do not know. Its
        reader of lines knows only errors that are text.
        """
        fields = {
            "model": request.model,
            "stream": True,
            "options": self._options | _limits(request),
            **WHOLE,
            **self._beside,
            **self._shapes.fields(request),
        }
        if request.tools:
            fields["tools"] = list(map(encode_tool, request.tools))
        body = self._bodies.body(request, fields)
        http = _http(client)
        lines = JsonLines()
        async with http.stream("POST", "/api/chat", content=body) as response:
            if "html" in response.headers.get("content-type", ""):
                raise self._service.no_api("a web page came")
            async for data in pieces_of(response):
                for line in lines.feed(data):
                    yield self._sound(line)
            for line in lines.close():
                yield self._sound(line)

    def _sound(self, line: Any) -> dict[str, Any]:
        """Return a line of a reply, unless it is an error, which comes with status 200 there."""
        if not isinstance(line, dict):
            raise self._service.broken("what came is no JSON object")
        if error := line.get("error"):
            raise self._service.told(error if isinstance(error, Mapping) else line)
        return line

    async def prepare(self, _model: str, /) -> None:
        """Import the SDK, in a thread."""
        await self._clients.get()

    async def takes_tools(self, model: str) -> bool | None:
        """Return whether a model takes tools, which newer servers say; None where they do not."""
        return can(await self._show(model), "tools")

    def describe(self, model: str) -> Traits:
        """Return what is known of a model, which may be in Ollama's cloud behind a local server."""
        shown = self._shown.get(model, {})
        cloud = model.endswith(CLOUD_TAGS) or bool(shown.get(REMOTE))
        return Traits(self._service.is_local and not cloud, can(shown, "vision"))

    async def learn(self, model: str) -> None:
        """Ask the server, once, whether a model sees images and where it is."""
        await self._show(model)

    async def _show(self, model: str) -> Mapping[str, Any]:
        """Return what the server says of a model; nothing where it says nothing in time."""
        if model not in self._shown:
            try:
                async with asyncio.timeout(ASKING_SECONDS):
                    found = await self._page("POST", "/api/show", {"model": model})
            except Exception:  # noqa: BLE001 - the request itself will say what is wrong
                return {}
            self._shown[model] = {name: found.get(name) for name in (CAPABILITIES, REMOTE)}
        return self._shown[model]

    async def models(self) -> Sequence[ModelInfo]:
        """Return the models that are installed, the newest first."""
        try:
            listing = (await self._page("GET", "/api/tags")).get("models") or ()
            return tuple(
                ModelInfo(name, self._context, _details(model.get("details")))
                for model in listing
                if (name := name_in(model.get("model")))
            )
        except Exception as error:  # noqa: BLE001 - the boundary to the SDK
            raise await self._explain(error, "") from None

    async def _page(
        self, method: str, path: str, asked: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Return an answer that is no reply; the SDK would read it however large it is."""
        http = _http(await self._clients.get())
        found = await json_of(
            await http.send(http.build_request(method, path, json=asked), stream=True)
        )
        if not isinstance(found, dict):
            raise self._service.broken("what came is no JSON object")
        return found

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop()
        if client is not None:
            await cast("Any", client).close()  # the SDK left its type out

    async def _explain(self, error: Exception, model: str) -> ProviderError:
        hint = f"`ollama pull {model}` gets it"
        explained = await self._service.explain(error, model, self._names, hint)
        if THINKS_NOT in explained.message:
            hint = "take `think` out of [providers.ollama.options], or choose another model"
            return ProviderRefused(explained.message, hint=hint)
        return explained

    async def _names(self) -> Sequence[str]:
        return [model.name for model in await self.models()]

    def _make_client(self) -> AsyncClient:
        from ollama import AsyncClient

        service = self._service
        options = service.client_options()
        if service.key:
            options["headers"] = {"Authorization": f"Bearer {service.key}"}
        return AsyncClient(service.url, **options)


def _http(client: AsyncClient) -> httpx.AsyncClient:
    """Return what the SDK sends requests with; it has no public way around its models."""
    return cast("httpx.AsyncClient", cast("Any", client)._client)  # noqa: SLF001 - see above


def _details(details: Any) -> Mapping[str, str]:
    """Return what is said of a model in words."""
    said = details.items() if isinstance(details, Mapping) else ()
    return {name: value for name, value in said if name_in(value)}


def can(shown: Mapping[str, Any], capability: str) -> bool | None:
    """Return whether a model can do something; None where its server is too old to say."""
    known = shown.get(CAPABILITIES)
    return capability in known if isinstance(known, list) else None


def encode_message(message: ChatMessage) -> Encoded:
    """Return a message as Ollama has it; results are a message each."""
    if message.results:
        return [_result(result) for result in message.results]
    if message.calls:
        calls = [
            {
                "id": call_id(call),
                "type": "function",
                "function": {"index": place, "name": call.name, "arguments": dict(call.arguments)},
            }
            for place, call in enumerate(message.calls)
        ]
        said = {"role": message.role, "content": message.text, "tool_calls": calls}
        thought = "".join(thought.text for thought in message.thoughts)
        return {**said, "thinking": thought} if thought else said
    if not message.images:
        return {"role": message.role, "content": message.text}
    images = [base64_of(image) for image in message.images]
    return {"role": message.role, "content": message.text, "images": images}


def _result(result: CallResult) -> Mapping[str, Any]:
    name, number = result.call.name, call_id(result.call)
    said = {"role": "tool", "content": result.text, "tool_name": name, "tool_call_id": number}
    images = [base64_of(image) for image in result.images]
    return {**said, "images": images} if images else said


def _limits(request: Request) -> dict[str, Any]:
    limits = {
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    return {name: value for name, value in limits.items() if value is not None}


def _usage(last: Mapping[str, Any], request: Request) -> Usage | None:
    """Return the counts in the last line.

    A prompt that was cached as a whole is not counted by older servers; ours stands in then.
    """
    output, sent = count_in(last, "eval_count"), count_in(last, "prompt_eval_count")
    if not output and "eval_count" not in last:
        return None
    if not sent:
        return Usage(request.estimated_tokens, output, estimated=True)
    return Usage(sent, output)
