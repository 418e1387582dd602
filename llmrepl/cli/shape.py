"""`llmrepl run --schema`: an answer that is JSON of a schema.

The turn itself is free to run blocks, since services refuse tools beside a schema. Only where its
answer is not JSON of the schema, the model is asked for that alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmrepl.errors import ConfigError

if TYPE_CHECKING:
    from llmrepl.compose import Assembly
    from llmrepl.conversation import Spend

TRIES = 2
"""How often the model is asked for the JSON alone."""

ASKED = """

Your final answer has to be JSON of this JSON Schema, and nothing but that JSON: no words before \
or after it, no marks of code around it.

{schema}"""
AGAIN = """\
Your answer was not JSON of the JSON Schema it has to hold to: {fault}. Answer now with that JSON \
alone. You cannot run anything in this answer. The schema:

{schema}"""
SOURCE = "schema"
"""What speaks for the person where the answer is asked for again."""


class Shape:
    """What the answer of a run has to look like; `schema` is a JSON Schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._told = json.dumps(schema, ensure_ascii=False)
        self._before: list[Spend] = []

    def require(self, assembly: Assembly) -> None:
        """See to it that the model can be asked for it.

        Raises:
            ConfigError: its provider has no way to.
        """
        from llmrepl.ports import TakesSchema

        provider = assembly.edges.provider
        if not (isinstance(provider, TakesSchema) and provider.takes_schema):
            raise ConfigError(
                f"{assembly.model} cannot be held to a schema: {provider.name} has no way for it",
                hint="choose another with --model, or ask without --schema",
            )

    def asked(self, text: str) -> str:
        """Return a prompt that says what the answer has to look like."""
        return text + ASKED.format(schema=self._told)

    def fault(self, answer: str) -> str:
        """Return what is wrong with an answer; empty for nothing."""
        from llmrepl.answers.faults import fault_of, json_in

        return fault_of(json_in(answer), self._schema)

    def with_turns_before(self, last: Spend) -> Spend:
        """Return what the last turn took and all before it, where it was asked for again."""
        for spend in self._before:
            last = replace(
                last,
                usage=last.usage + spend.usage,
                cost=last.cost + spend.cost,
                unpriced=last.unpriced + spend.unpriced,
            )
        return last

    async def held(self, assembly: Assembly, reason: str, answer: Callable[[], str]) -> str:
        """Ask for the JSON alone until it comes; return why the last turn ended.

        Args:
            assembly: who is asked.
            reason: why the turn before ended.
            answer: returns what the model said last.
        """
        from llmrepl.parts import Text

        for _ in range(TRIES):
            if reason not in ("end_turn", "") or not (fault := self.fault(answer())):
                break
            self._before.append(assembly.runtime.state.turn_spend)
            assembly.window.schema = self._schema
            words = AGAIN.format(fault=fault, schema=self._told)
            reason = await assembly.runtime.turn((Text(words),), source=SOURCE)
        return reason
