"""Who may come in: addresses that work once, and the cookies of those who used one.

A secret is compared in constant time and told to nobody again; nothing here knows HTTP.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

INVITED_SECONDS = 600.0
"""How long an address can be used."""
ADMITTED_SECONDS = 12 * 3600.0
"""How long a cookie holds after the page was last loaded with it."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What a browser session is known by: its place in addresses, and the secret in its cookie."""

    seat: str
    secret: str


class Admission:
    """Gives out addresses and passes.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._token = ""
        self._token_until = 0.0
        self._passes: dict[str, tuple[str, float]] = {}

    def invite(self) -> str:
        """Return a token that lets one browser in, once; the one before it no longer does."""
        self._token = secrets.token_urlsafe(32)
        self._token_until = self._clock() + INVITED_SECONDS
        return self._token

    def redeem(self, token: str) -> Pass | None:
        """Return a new pass for a token; None where it was used, is too old, or never was one."""
        if not self._token or not _same(token, self._token):
            return None
        self._token = ""
        if self._clock() >= self._token_until:
            return None
        given = Pass(secrets.token_urlsafe(16), secrets.token_urlsafe(32))
        self._passes[given.seat] = given.secret, self._clock() + ADMITTED_SECONDS
        return given

    def admits(self, seat: str, secret: str) -> bool:
        """Say whether the secret is that of the seat, and still holds."""
        known, until = self._passes.get(seat, ("", 0.0))
        same = _same(secret, known or secrets.token_urlsafe(32))
        return same and self._clock() < until

    def renew(self, seat: str) -> None:
        """Let the pass of a seat hold for its whole time again."""
        known, _ = self._passes[seat]
        self._passes[seat] = known, self._clock() + ADMITTED_SECONDS


def _same(given: str, known: str) -> bool:
    return compare_digest(given.encode(errors="replace"), known.encode())
