"""Models from GGUF files, run on this machine: `local/NAME`.

One model at a time is loaded, and stays so between turns, with what it has read of a conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from llmrepl.errors import ConfigError, ProviderError, ProviderRefused
from llmrepl.ports import ChatMessage, Chunk, Finish, ModelInfo, Request, TextChunk, Traits
from llmrepl.sdk import PerLoop
from llmrepl.usage import Usage
from llmrepl_local.child import Child
from llmrepl_local.memory import context_for, free_memory
from llmrepl_local.options import checked, for_sampling
from llmrepl_local.shelf import Entry, Shelf

DIRECTORY = "models"
"""Where the shelf is, in llmrepl's data folder."""


class Seat:
    """Has the model that is loaded; one event loop's own."""

    def __init__(self) -> None:
        self.taken = asyncio.Lock()
        self.child: Child | None = None
        self._of: tuple[Any, ...] = ()

    async def child_for(
        self, entry: Entry, wanted: int | None, options: Mapping[str, Any]
    ) -> Child:
        """Return a process that has the model loaded, the one from last time if there is one."""
        of = (entry.name, entry.file, entry.size, entry.facts)
        if self.child is not None and self._of == of and self.child.alive:
            return self.child
        await self.empty()  # first, so that there is room for the next one
        self.child = await Child.start(str(entry.file), context_of(entry, wanted), options)
        self._of = of
        return self.child

    async def empty(self) -> None:
        """End the process, if there is one."""
        child, self.child = self.child, None
        if child is not None:
            await child.close()


class Local:
    """Models from files.

    Args:
        options: those of `llmrepl_local.options`.
        timeout: seconds that a model may take for the next word. None: as long as it takes, since
            reading a long conversation takes many minutes on some machines.
        directory: where the shelf is. None: in llmrepl's data folder.

    Raises:
        ConfigError: there is no such option, or it does not take such a value.
    """

    name = "local"
    local = True

    def __init__(
        self,
        *,
        options: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        directory: Path | None = None,
    ) -> None:
        self._options = checked(options or {})
        self._timeout = timeout
        self._shelf = Shelf(directory or data_directory() / DIRECTORY)
        self._seats = PerLoop(Seat, lambda: None)
        self._loaded: dict[str, int] = {}
        self._last: int | None = None

    @property
    def context(self) -> int | None:
        """How many tokens the model takes that was asked last; None before that."""
        return self._last

    def add(self, file: str, name: str = "") -> ModelInfo:
        """Add the model in a file under a name, that of the file if it is empty.

        Raises:
            ConfigError: the file holds no model, or the name is taken or cannot be one.
        """
        return self._info(self._shelf.add(Path(file), name))

    def remove(self, name: str) -> str:
        """Forget a model and return where its file is, which stays.

        Raises:
            ConfigError: there is none of this name.
        """
        return str(self._shelf.remove(name))

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield the reply's chunks as they come; closing the iterator ends the reply."""
        entry = await self._entry(request)
        seat = await self._seats.get()
        async with seat.taken:
            child = await seat.child_for(entry, self._options.get("n_ctx"), self._for_loading())
            self._last = self._loaded[entry.name] = child.context
            async with aclosing(child.ask(self._asked(request))) as messages:
                while True:
                    message = await self._next(messages)
                    if "ended" in message:
                        break
                    yield TextChunk(message["text"])
        yield finish(message["ended"])

    async def models(self) -> Sequence[ModelInfo]:
        """Return the models that were added."""
        entries = await asyncio.to_thread(self._shelf.entries)
        return [self._info(entry) for entry in entries]

    def describe(self, model: str) -> Traits:  # noqa: ARG002 - it holds for all of them
        """Return that all is done on this machine, and no images are seen."""
        return Traits(here=True, images=False)

    async def close(self) -> None:
        """End the process of the running event loop."""
        seat = self._seats.pop()
        if seat is not None:
            await seat.empty()

    async def _next(self, messages: AsyncGenerator[Mapping[str, Any], None]) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self._timeout):
                return await anext(messages)
        except TimeoutError:
            raise ProviderError(
                f"the model wrote nothing for {self._timeout:g} s",
                hint="providers.local.timeout says how long it may take",
            ) from None

    async def _entry(self, request: Request) -> Entry:
        if any(message.images for message in request.messages):
            raise ProviderRefused(
                "models from files take no images", hint="ask a model that sees, or send text"
            )
        try:
            return await asyncio.to_thread(self._shelf.find, request.model)
        except ConfigError as error:
            raise ProviderRefused(error.message, hint=error.hint) from None

    def _for_loading(self) -> dict[str, Any]:
        options = for_sampling(self._options, sampling=False)
        options.pop("n_ctx", None)
        return options

    def _asked(self, request: Request) -> Mapping[str, Any]:
        sampling = for_sampling(self._options, sampling=True)
        if request.temperature is not None:
            sampling["temp"] = request.temperature
        return {
            "messages": messages_of(request),
            "stop": request.stop,
            "most": request.max_tokens,
            "seed": request.seed,
            "sampling": sampling,
        }

    def _info(self, entry: Entry) -> ModelInfo:
        facts = entry.facts
        details = {"file": str(entry.file), "architecture": facts.architecture}
        if facts.title:
            details["name"] = facts.title
        if entry.problem:
            details["problem"] = entry.problem
        if not facts.template:
            details["note"] = "it has no template of its own for conversations: ChatML is used"
        context = self._loaded.get(entry.name) or context_of(entry, self._options.get("n_ctx"))
        return ModelInfo(entry.name, context, details)


def context_of(entry: Entry, wanted: int | None) -> int:
    """Return how many tokens a model is to take at once."""
    facts = entry.facts
    free = None if wanted else free_memory()
    return context_for(facts.context, facts.per_token, entry.size, wanted, free)


def messages_of(request: Request) -> list[dict[str, str]]:
    """Return the conversation as templates take it."""
    system = [{"role": "system", "content": request.system}] if request.system else []
    return [*system, *map(_message, request.messages)]


def _message(message: ChatMessage) -> dict[str, str]:
    return {"role": message.role, "content": message.text}


def finish(ended: Mapping[str, Any]) -> Finish:
    """Return the last chunk of a reply."""
    usage = Usage(ended["read"], ended["wrote"], cache_read=ended["cached"])
    return Finish("max_tokens" if ended["stop"] == "max_tokens" else "end_turn", usage)


def data_directory() -> Path:
    """Return llmrepl's data folder."""
    from platformdirs import user_data_path

    return user_data_path("llmrepl", appauthor=False)
