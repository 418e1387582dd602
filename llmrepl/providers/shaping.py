"""JSON of a schema: how a service is asked for it, and for less where it refuses that.

What a service is asked for is a wish: whoever gets the answer checks it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from llmrepl.errors import SchemaRefused
from llmrepl.ports import Chunk, Finish, Request
from llmrepl.providers.service import BUSY, NO_RIGHT, Rejected, chain, message_in

NAME = "answer"
"""What a schema is called where a service wants a name."""

Forms = Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
"""Returns the fields of a request that ask for JSON of a schema, the strictest way first."""

_REFUSED = re.compile(
    r"response[ _]?(?:format|mime|json|schema)|json[ _]?(?:schema|mode|object|validate)|schema"
    r"|output[ _]?(?:config|format)|structured[ _]?output|failed to generate json|grammar"
    r"|\bformat\b",
    re.IGNORECASE,
)
"""How services name what they do not do."""


class Shapes:
    """The ways to ask one service for JSON of a schema; what a model refused is not asked again.

    Args:
        name: the service, for people.
        forms: the ways; the last one that is left is not to ask at all.
    """

    def __init__(self, name: str, forms: Forms) -> None:
        self._name = name
        self._forms = forms
        self._weaker: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def fields(self, request: Request) -> Mapping[str, Any]:
        """Return the fields that ask for what `request` wants; none where it wants no schema."""
        left = self._left(request)
        return left[0] if left else {}

    def _left(self, request: Request) -> Sequence[Mapping[str, Any]]:
        if request.schema is None:
            return ()
        return self._forms(request.schema)[self._weaker.get(request.model, 0) :]

    def no_schema(self, error: BaseException, request: Request) -> SchemaRefused | None:
        """Return a refusal of what `fields` asked for; None for all other errors."""
        for link in chain(error) if self._left(request) else ():
            if isinstance(link, Rejected) and link.status not in BUSY | NO_RIGHT:
                said = " ".join(message_in(link.body).split())
                if _REFUSED.search(said):
                    return SchemaRefused(f"{self._name} takes no schema: {said}")
        return None

    async def held(
        self, reply: Callable[[Request], AsyncGenerator[Chunk, None]], request: Request
    ) -> AsyncGenerator[Chunk, None]:
        """Yield a reply; where the way to ask for it is refused, the next one is tried.

        Args:
            reply: yields a reply to a request, and raises SchemaRefused.
            request: one with a schema.
        """
        model = request.model
        while True:
            try:
                async with aclosing(reply(request)) as chunks:
                    async for chunk in chunks:
                        yield self._noted(chunk, request) if isinstance(chunk, Finish) else chunk
            except SchemaRefused as refused:
                self._weaker[model] = self._weaker.get(model, 0) + 1
                self._said[model] = refused.message
            else:
                return

    def _noted(self, finish: Finish, request: Request) -> Finish:
        said = self._said.get(request.model)
        if not said:
            return finish
        instead = "any JSON" if self._left(request) else "it in words alone"
        note = f"{said}; it was asked for {instead}"
        return replace(finish, note="; ".join(filter(None, (finish.note, note))))


def response_formats(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the ways of the chat-completions dialect, which Mistral has, too."""
    named = {"name": NAME, "schema": schema, "strict": is_strict(schema)}
    return (
        {"response_format": {"type": "json_schema", "json_schema": named}},
        {"response_format": {"type": "json_object"}},
    )


def is_strict(schema: Any) -> bool:
    """Return whether services would hold to every word of it.

    They want each object to have all its properties, and no others.
    """
    if isinstance(schema, Mapping):
        if schema.get("type") == "object" or "properties" in schema:
            properties = schema.get("properties") or {}
            if schema.get("additionalProperties") is not False:
                return False
            if set(properties) != set(schema.get("required") or ()):
                return False
        return all(map(is_strict, schema.values()))
    return all(map(is_strict, schema)) if isinstance(schema, list) else True
