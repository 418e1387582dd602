"""How models call: by their services' own means, or by helper blocks (`llmrepl.ports.Ways`)."""

from __future__ import annotations

from llmrepl.config import Config
from llmrepl.ports import Prepares, Provider, TakesTools
from llmrepl.providers.asked import Asked

AUTO, NATIVE = "auto", "native"


class Calling:
    """Knows how models call: as configured, else as is known of them, else by helper blocks.

    Args:
        config: the setting of all models, and of a provider's.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._refused: set[tuple[str, str]] = set()
        self._asked: Asked[bool | None] = Asked()

    async def native(self, provider: Provider, model: str) -> bool:
        """Return whether a model is offered tools by its service's own means."""
        if not isinstance(provider, TakesTools) or (provider.name, model) in self._refused:
            return False
        wanted = self._config.provider(provider.name).tools or self._config.models.tools
        if wanted != AUTO:
            return wanted == NATIVE
        question = (id(provider), model)
        return await self._asked.once(question, lambda: takes(provider, model)) is True

    async def prepare(self, provider: Provider, model: str) -> None:
        """Do what the first request to a model would wait for, while nobody waits for it."""
        if isinstance(provider, Prepares):
            await provider.prepare(model)
        await self.native(provider, model)

    def refused(self, provider: Provider, model: str) -> None:
        """Offer a model no more tools, for as long as this process lives."""
        self._refused.add((provider.name, model))


async def takes(provider: TakesTools, model: str) -> bool | None:
    """Return what a provider says of a model."""
    return await provider.takes_tools(model)
