"""Tokens, money and time as people read them. Pure functions from numbers to text."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from llmrepl.usage import Cost, Usage

UNKNOWN = "$?"
"""The price of something nobody knows the price of."""

_SMALLEST = Decimal("0.0001")
_CENT = Decimal("0.01")
_CENTS_FROM = Decimal("0.09995")
_UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))

# A number goes over to the next form where rounding it in the smaller one would show a whole of
# the next: 999.96 k is 1 M, 59.96 s is 1 min.
_ROUNDS_UP = 0.9995
_WHOLE_MS = 9.95
_SECONDS = 999.5
_MINUTES = 59_950
_HOURS = 3_599_500


def tokens(count: int, *, estimated: bool = False) -> str:
    """Return a number of tokens: `200`, `3.1k`, `1.2M`; with `~` before it where estimated."""
    return ("~" if estimated else "") + _scaled(count)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, in the plural unless it is one: `1 line`, `3 lines`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def column(number: int, noun: str) -> str:
    """Return a number with its noun for a column of such: `  1 line `, `  3 lines`."""
    return f"{number:3} {noun if number == 1 else noun + 's':{len(noun) + 1}}"


def _scaled(count: int) -> str:
    for unit, sign in _UNITS:
        if count >= unit * _ROUNDS_UP and count >= _UNITS[-1][0]:
            places = 1 if count < 100 * unit else 0
            return f"{count / unit:.{places}f}".removesuffix(".0") + sign
    return str(count)


def percent(part: int, whole: int, *, estimated: bool = False) -> str:
    """Return how much of `whole` is `part`, rounded down: `42%`, and `<1%` for almost nothing."""
    share = part * 100 // max(1, whole)
    if part and not share:
        return "<1%"
    return f"{'~' if estimated and part else ''}{share}%"


def cached(usage: Usage) -> str:
    """Return how much of what was sent came from the service's cache: `83%`; "" where it has none.

    A service that keeps something but has read nothing yet is at `0%`.
    """
    if not (usage.cache_read or usage.cache_write):
        return ""
    return percent(usage.cache_read, usage.input_tokens, estimated=usage.estimated)


def rate(count: int, ms: float) -> str:
    """Return how fast `count` tokens came in `ms` milliseconds: `45 tok/s`; "" for no time."""
    if ms < 1:
        return ""
    each_second = round(count * 1000 / ms)
    return f"{each_second} tok/s" if each_second or not count else "<1 tok/s"


def money(amount: Decimal | None, *, estimated: bool = False) -> str:
    """Return US dollars: `$0.0031`, `$1.24`, `$0`; `<$0.0001` for less, `$?` where unknown.

    Ten cents and more are shown in cents. Only what costs nothing is `$0`.
    """
    if amount is None:
        return UNKNOWN
    if amount == 0:
        return "$0"
    if amount < 0:
        return f"-{money(-amount, estimated=estimated)}"
    if amount < _SMALLEST:
        return f"<${_SMALLEST}"
    step = _SMALLEST if amount < _CENTS_FROM else _CENT
    return f"{'~' if estimated else ''}${amount.quantize(step, ROUND_HALF_UP):,}"


def spent(cost: Cost, unpriced: int = 0) -> str:
    """Return what several messages cost: `$0.0031`, and `$0.0031 + $?` where some had no price.

    Args:
        cost: the sum of those whose price is known.
        unpriced: how many there are besides.
    """
    known = money(cost.total, estimated=cost.estimated)
    if not unpriced:
        return known
    return f"{known} + {UNKNOWN}" if cost.total else UNKNOWN


def duration(ms: float) -> str:
    """Return milliseconds as `0.4 ms`, `12 ms`, `2.3 s`, `1 min 4 s` or `2 h 5 min`."""
    if ms < _SECONDS:
        return f"{ms:.{1 if 0 < ms < _WHOLE_MS else 0}f} ms"
    if ms < _MINUTES:
        return f"{ms / 1000:.1f} s"
    if ms < _HOURS:
        return "{} min {} s".format(*divmod(round(ms / 1000), 60))
    return "{} h {} min".format(*divmod(round(ms / 60_000), 60))


def turn_line(
    usage: Usage, cost: Cost | None, ms: float, session_cost: Cost, unpriced: int = 0
) -> str:
    """Return one line about a turn: `↑ 3.1k ↓ 200 tokens · $0.0004 · 2.3 s · session $0.0031`.

    Args:
        usage: the turn's tokens.
        cost: what they cost, or None where nobody knows the price.
        ms: how long the turn took, in milliseconds.
        session_cost: what the session cost so far, this turn included.
        unpriced: how many of the session's messages nobody knows the price of; they are not in
            `session_cost`, so it is shown as `$0.0031 + $?`.
    """
    sent = tokens(usage.input_tokens, estimated=usage.estimated)
    said = tokens(usage.output_tokens, estimated=usage.estimated)
    turn = money(None) if cost is None else money(cost.total, estimated=cost.estimated)
    session = spent(session_cost, unpriced)
    return f"↑ {sent} ↓ {said} tokens · {turn} · {duration(ms)} · session {session}"
