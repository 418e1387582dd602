"""The kinds of tokens that services count differently, told from a token's own text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

KINDS = ("words", "fragments", "other scripts", "digits", "space", "signs")
"""What a token can be. Fragments are short runs of letters: of names, base64, hexadecimal."""

SIZES = ("characters of words", "bytes of other scripts", "characters of space")
"""What is counted besides, because a token of these kinds may be short or long."""

FRAGMENT = 3
"""Letters up to which a token without a space before it is a fragment."""

_WORDS, _FRAGMENTS, _OTHER, _DIGITS, _SPACE, _SIGNS = range(len(KINDS))


@lru_cache(maxsize=1 << 16)
def kind_of(token: str) -> tuple[int, int, int]:
    """Return the place in `KINDS`, the place in `SIZES`, and the size; -1 and 0 for no size."""
    if not token.isascii():
        return _OTHER, 1, len(token.encode("utf-8", "replace"))
    if token.isspace():
        return _SPACE, 2, len(token)
    if any(map(str.isdigit, token)):
        return _DIGITS, -1, 0
    if not any(map(str.isalpha, token)):
        return _SIGNS, -1, 0
    if len(token) <= FRAGMENT and token[0] != " ":
        return _FRAGMENTS, -1, 0
    return _WORDS, 0, len(token)


def kinds_of(counted: Mapping[str, int], *, exact: bool) -> tuple[int, ...]:
    """Return the tokens by kind, then the sizes; `counted` says how often each token comes.

    Tokens of a vocabulary (`exact`) come before those that were estimated.
    """
    kinds, sizes = [0] * len(KINDS), [0] * len(SIZES)
    for token, count in counted.items():
        kind, place, size = kind_of(token)
        kinds[kind] += count
        if size:
            sizes[place] += size * count
    none = [0] * len(KINDS)
    return (*(kinds if exact else none), *(none if exact else kinds), *sizes)
