"""How models call: by their services' own means, or by helper blocks (`llmrepl.ports.Ways`)."""

from __future__ import annotations

from llmrepl.config import Config
from llmrepl.ports import Provider, TakesTools

AUTO, NATIVE = "auto", "native"


class Calling:
    """Knows how models call: as configured, else as is known of them, else by helper blocks.

    Args:
        config: the setting of all models, and of a provider's.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._refused: set[tuple[str, str]] = set()

    async def native(self, provider: Provider, model: str) -> bool:
        """Return whether a model is offered tools by its service's own means."""
        if not isinstance(provider, TakesTools) or (provider.name, model) in self._refused:
            return False
        wanted = self._config.provider(provider.name).tools or self._config.models.tools
        if wanted != AUTO:
            return wanted == NATIVE
        return await provider.takes_tools(model) is True

    def refused(self, provider: Provider, model: str) -> None:
        """Offer a model no more tools, for as long as this process lives."""
        self._refused.add((provider.name, model))
