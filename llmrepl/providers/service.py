"""A model service over HTTP: where it is, how to connect to it, and how its failures are told.

Whatever goes wrong becomes a `ProviderError` of one line with a hint. A key is never part of it.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from llmrepl.errors import (
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
    ToolsRefused,
)
from llmrepl.ports import Request
from llmrepl.providers.address import has_proxy, is_loopback, without_login
from llmrepl.providers.taking import ERROR_SECONDS, TooLarge, beginning_of, read_json
from llmrepl.providers.waits import retry_after, wait_in

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 300.0
"""How long a service may send nothing. A local model is loaded in this time, too."""

LONGEST_MESSAGE = 300
"""Characters of a service's own words that are passed on."""

MOST_NAMES = 1000
"""Models among which one of nearly the same name is looked for."""

SHORTEST_KEY = 8
"""Shorter ones are placeholders that local servers want; blotting them out would harm the text."""

PROXY_HINT = (
    "a proxy is set: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names it, NO_PROXY the hosts without it"
)

_NO_TOOLS = re.compile(
    r"(?=.*\b(?:tools?|tool[ _-]choice|(?:tool|function)[ _-]?call(?:ing|s)?)\b)"
    r".*(?:not (?:be )?support|n't support|not enabled|unsupported|requires? --|no endpoints)",
    re.IGNORECASE | re.DOTALL,
)
"""How services say that a model, or they themselves, take no tools."""

REFUSALS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
}
"""Types of errors that are final, with the status that they have where they come with one."""

BUSY = frozenset({408, 429, 498, 502, 503, 504, 529})
NO_RIGHT = frozenset({401, 403})
NOT_FOUND, FIRST_ERROR, FAULT_OF_SERVER, TOO_LARGE = 404, 400, 500, 413

_TOO_LONG = re.compile(
    r"(?:context|prompt|input|request|message)s?\b.{0,40}(?:too (?:long|large)|exceed)"
    r"|maximum context|context[ _](?:length|window|size)|reduce (?:the|your) (?:length|message)",
    re.IGNORECASE,
)
"""How services say that what they were sent is more than they take."""

SMALLER = "/compact makes what is sent shorter"


class Rejected(Exception):
    """An answer with an error status, before anybody has said what it means."""

    def __init__(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.body = body
        self.headers = headers


async def reject(response: httpx.Response) -> None:
    """Raise `Rejected` for an answer that is not a success; made to be an httpx response hook."""
    if not response.is_success:
        raise Rejected(response.status_code, await beginning_of(response), response.headers)


@dataclass(frozen=True, slots=True)
class Service:
    """One service at one address.

    Args:
        name: what people call it.
        url: where it is.
        url_variable: the environment variable that holds the address.
        key_variable: the one that holds the key.
        start: how to get a server that answers, where there is none.
        key: the key to send, or nothing.
        silence: seconds without a byte after which it is given up.
    """

    name: str
    url: str
    url_variable: str
    key_variable: str
    start: str
    key: str = field(default="", repr=False)
    silence: float = SILENCE_SECONDS

    @property
    def is_local(self) -> bool:
        """Whether the service runs on this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")

    def client_options(self) -> dict[str, Any]:
        """Return what an `httpx.AsyncClient` for this service is made with."""
        import httpx

        options: dict[str, Any] = {
            "timeout": httpx.Timeout(self.silence, connect=CONNECT_SECONDS),
            "follow_redirects": False,
            "event_hooks": {"response": [reject]},
        }
        options["verify"] = tls_settings() if self.url.startswith("https:") else False
        if self.is_local:
            # A proxy that the environment names is for other machines.
            options["trust_env"] = False
        return options

    async def explain(
        self,
        error: Exception,
        model: str = "",
        offered: Callable[[], Awaitable[Iterable[str]]] | None = None,
        hint: str = "",
    ) -> ProviderError:
        """Return what `error`, from an SDK or from httpx, means to a person.

        Args:
            error: what was raised.
            model: the model that was asked for.
            offered: how to learn the names of the service's models.
            hint: how to get a model that the service does not have.
        """
        links = list(chain(error))
        for link in links:
            match link:
                case ProviderError():
                    return link
                case Rejected() if model and _lacks_model(link):
                    return await self._no_model(model, offered, hint)
                case Rejected():
                    return self._refusal(link)
        return self._failure(links)

    def no_tools(self, error: BaseException, request: Request) -> ToolsRefused | None:
        """Return what it means where a service refuses the tools of a request; else None."""
        for link in chain(error) if request.tools else ():
            if isinstance(link, Rejected) and link.status not in BUSY | NO_RIGHT:
                said = self._line(message_in(link.body))
                if _NO_TOOLS.match(said):
                    return ToolsRefused(f"{self.name} takes no tools for {request.model}: {said}")
        return None

    def _refusal(self, rejected: Rejected) -> ProviderError:
        status = rejected.status
        said = self._line(message_in(rejected.body)) or f"status {status}"
        if status in BUSY:
            wait = retry_after(rejected.headers)
            wait = wait_in(said) if wait is None else wait
            hint = "try again later" if wait is None else f"try again in {wait:.10g} s"
            return ProviderBusy(f"{self.name} is busy: {said}", hint=hint, retry_after=wait)
        if status in NO_RIGHT:
            hint = f"set {self.key_variable} to a valid key"
            if place := sign_in_at(rejected.body):
                hint = f"sign in at {self._line(place)}, or {hint}"
            return ProviderRefused(f"{self.name} does not accept the key: {said}", hint=hint)
        if status == NOT_FOUND or status < FIRST_ERROR:
            return self.no_api(rejected.headers.get("location") or said)
        if status < FAULT_OF_SERVER:
            hint = SMALLER if status == TOO_LARGE or _TOO_LONG.search(said) else ""
            return ProviderRefused(f"{self.name} refused the request: {said}", hint=hint)
        return ProviderError(f"{self.name} failed with status {status}: {said}")

    async def _no_model(
        self, model: str, offered: Callable[[], Awaitable[Iterable[str]]] | None, hint: str
    ) -> ProviderRefused:
        from difflib import get_close_matches

        names: list[str] = []
        if offered is not None:
            try:
                async with asyncio.timeout(ERROR_SECONDS):
                    names = [name for name in await offered() if name][:MOST_NAMES]
            except Exception:  # noqa: BLE001 - the names are only part of a hint
                names = []
        near = get_close_matches(model, names, n=3, cutoff=0.4) or names[:5]
        has = f"it has {', '.join(near)}" if near else ""
        hint = "; ".join(filter(None, (hint, self._line(has))))
        return ProviderRefused(f"{self.name} has no model {model!r}", hint=hint)

    def _failure(self, links: list[BaseException]) -> ProviderError:
        import httpx

        def find(*types: type[BaseException]) -> BaseException | None:
            return next((link for link in links if isinstance(link, types)), None)

        connecting = find(httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
        unusable = find(ImportError, httpx.InvalidURL)  # of what a proxy's address asks for
        if (connecting or unusable) and not self.is_local and has_proxy(self.url):
            why = find(OSError) or connecting or unusable
            return self._unreachable(_reason(why or links[0]), PROXY_HINT)
        if find(ConnectionRefusedError, httpx.ConnectTimeout):
            return self._unreachable("", f"{self.start}, or set {self.url_variable}")
        if connecting:
            return self._unreachable(_reason(find(OSError) or connecting), self._where())
        if find(httpx.TimeoutException):
            return self._unreachable(f"nothing came for {self.silence:g} s", self.start)
        if find(httpx.RemoteProtocolError, httpx.ReadError):
            return self.broken("the connection closed in the middle of the reply")
        if link := find(httpx.TransportError):
            return self.broken(str(link) or type(link).__name__)
        if link := find(TooLarge):
            return self.broken(str(link))
        if find(json.JSONDecodeError):
            return self.broken("what came is not JSON")
        said = self._line(str(links[0]).partition("\n")[0])
        return ProviderError(f"{self.name} could not be used: {type(links[0]).__name__}: {said}")

    def broken(self, said: str) -> ProviderError:
        """Return the error for a reply that broke off; `said` is why, in the service's words."""
        return ProviderError(f"{self.name} broke off its reply: {self._line(said)}")

    def told(self, error: Any) -> ProviderError:
        """Return what an error means that a service tells with status 200, as in a stream.

        It may say the status that it would have had: what is refused there is refused, too.
        """
        said, status = words_in(error), status_in(error)
        if status is None or (status >= FAULT_OF_SERVER and status not in BUSY):
            return self.broken(said)
        if status == NOT_FOUND:
            return ProviderRefused(f"{self.name} refused the request: {self._line(said)}")
        return self._refusal(Rejected(status, said, {}))

    def no_api(self, found: str) -> ProviderRefused:
        """Return the error for an address that has something else; `found` is what."""
        return ProviderRefused(
            f"{self.name} is not at {without_login(self.url)}: {self._line(found)}",
            hint=self._where(),
        )

    def _unreachable(self, detail: str, hint: str) -> ProviderUnreachable:
        tail = f": {self._line(detail)}" if detail else ""
        return ProviderUnreachable(
            f"No server answers at {without_login(self.url)}{tail}", hint=hint
        )

    def _where(self) -> str:
        return f"is {without_login(self.url)} the right address? {self.url_variable} sets another"

    def _line(self, said: str) -> str:
        """Return `said` in one line of bounded length, with the key blotted out."""
        said = " ".join(said.split())
        if len(self.key) >= SHORTEST_KEY:
            said = said.replace(self.key, "…")
        return said if len(said) <= LONGEST_MESSAGE else said[: LONGEST_MESSAGE - 1] + "…"


class PerLoop(Generic[T]):
    """One value for each event loop, made where it is first needed.

    Args:
        make: makes it, in the loop.
        warm: makes ready for that, in a thread: imports block for long.
    """

    def __init__(self, make: Callable[[], T], warm: Callable[[], None]) -> None:
        self._make = make
        self._warm = warm
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    async def get(self) -> T:
        """Return the running loop's value."""
        loop = asyncio.get_running_loop()
        if loop not in self._values:
            await asyncio.to_thread(self._warm)
        if loop not in self._values:  # nobody else made it meanwhile
            self._values[loop] = self._make()
        return self._values[loop]

    def pop(self) -> T | None:
        """Forget the running loop's value and return it; None where there was none."""
        return self._values.pop(asyncio.get_running_loop(), None)


def message_in(body: str) -> str:
    """Return the words for people in the body of an error; nothing where it is a web page."""
    try:
        found = read_json(body)
    except ValueError:
        return "" if body.lstrip().startswith("<") else body
    return words_in(found)


def words_in(found: Any) -> str:
    """Return the words for people in what a service says of an error."""
    while isinstance(found, Mapping):
        found = next((found[k] for k in ("error", "message", "detail") if found.get(k)), "")
    if isinstance(found, str):
        return found
    try:
        return json.dumps(found)
    except RecursionError:  # nested deeper than anybody means it
        return ""


def status_in(error: Any) -> int | None:
    """Return the status of an error that came without one, as its service says it, or its type."""
    if not isinstance(error, Mapping):
        return None
    for name in ("status_code", "status", "code"):
        said = str(error.get(name))
        if re.fullmatch("[45][0-9][0-9]", said):
            return int(said)
    return REFUSALS.get(str(error.get("type")))


def sign_in_at(body: str) -> str:
    """Return where a person signs in, as Ollama's cloud says it in an error; empty for nowhere."""
    try:
        place = read_json(body)["signin_url"]
    except (ValueError, LookupError, TypeError):
        return ""
    return place if isinstance(place, str) and place.startswith("https://") else ""


@functools.cache
def tls_settings() -> ssl.SSLContext:
    """Return the TLS settings that all clients share; making them takes some 20 ms."""
    import httpx

    return httpx.create_ssl_context()


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it came of, each once: an error raised anew can be its own cause."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _reason(error: BaseException) -> str:
    """Return in a few words why there is no connection."""
    match error:
        case socket.gaierror():
            return "its name is not known"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {error.verify_message}"
        case OSError(errno=int(number)) if not isinstance(error, ssl.SSLError):
            return os.strerror(number)
        case _:
            return str(error)


def _lacks_model(rejected: Rejected) -> bool:
    return rejected.status == NOT_FOUND and "model" in message_in(rejected.body).lower()
