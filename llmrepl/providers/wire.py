"""The messages of a request as they stand in its body, whichever provider it went to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from llmrepl.ports import ChatMessage

ENCODED_BY = {"ollama": "llmrepl.providers.ollama", "openai": "llmrepl.providers.openai"}
"""The modules that write messages in a way of their own, by the names of their providers."""

OTHERS = "llmrepl.providers.completions"


def messages_in(
    provider: str, system: str, messages: Iterable[ChatMessage]
) -> Iterator[Mapping[str, Any]]:
    """Yield each message as JSON-ready data, the system prompt first, where there is one.

    Args:
        provider: what the request went to; one of a plugin counts as OpenAI's dialect.
        system: the system prompt.
        messages: what came after it.

    Raises:
        ProviderRefused: an image is a file that cannot be read any more.
    """
    if system:
        yield {"role": "system", "content": system}
    encode = import_module(ENCODED_BY.get(provider, OTHERS)).encode_message
    for message in messages:
        encoded = encode(message)
        yield from (encoded,) if isinstance(encoded, Mapping) else encoded
