"""What a service says that is left of a rate limit, in the headers of its answers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmrepl.ports import Allowance
from llmrepl.providers.waits import seconds_in

KINDS = ("requests", "tokens")
PREFIX = "x-ratelimit"


class Limits:
    """Keeps what the last answer said."""

    def __init__(self) -> None:
        self._said: Sequence[Allowance] = ()
        self._at = 0.0

    def read(self, headers: Mapping[str, str]) -> None:
        """Take what the headers of an answer say; nothing is forgotten where they say nothing."""
        found = [_allowance(headers, kind) for kind in KINDS]
        if any(found):
            self._said = [allowance for allowance in found if allowance]
            self._at = time.monotonic()

    @property
    def allowances(self) -> Sequence[Allowance]:
        """What is left, as far as it is known by now: what is full again is not."""
        passed = time.monotonic() - self._at
        return [
            allowance if allowance.again is None else replace(allowance, again=left)
            for allowance in self._said
            if (left := (allowance.again or 0.0) - passed) > 0 or allowance.again is None
        ]


def _allowance(headers: Mapping[str, str], kind: str) -> Allowance | None:
    try:
        left = int(headers[f"{PREFIX}-remaining-{kind}"])
        most = int(headers[f"{PREFIX}-limit-{kind}"])
    except (KeyError, ValueError):
        return None
    return Allowance(kind, left, most, seconds_in(headers.get(f"{PREFIX}-reset-{kind}", "")))
