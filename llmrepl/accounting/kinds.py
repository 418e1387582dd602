"""What of a text counts differently from service to service, told from its tokens of ours.

A token of ours is often one of theirs, and then its kind tells. Where theirs are smaller, for a
script or for white space, the characters tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

KINDS = ("words", "fragments", "other scripts", "digits", "space", "signs")
"""What a token can be. Fragments are short runs of letters: of names, base64, hexadecimal."""

SIZES = ("letters", "blanks", "ends of lines", "digits", "signs", "bytes of other scripts")
"""What is counted besides: the characters of all tokens, by what they are."""

FRAGMENT = 3
"""Letters up to which a token without a space before it is a fragment."""

_WORDS, _FRAGMENTS, _OTHER, _DIGITS, _SPACE, _SIGNS = range(len(KINDS))


@lru_cache(maxsize=1 << 16)
def sizes_of(token: str) -> tuple[int, ...]:
    """Return the characters of a token, as `SIZES` has them."""
    ascii_only = "".join(filter(str.isascii, token))
    letters = sum(map(str.isalpha, ascii_only))
    digits = sum(map(str.isdigit, ascii_only))
    ends = token.count("\n") + token.count("\r")
    blanks = sum(map(str.isspace, ascii_only)) - ends
    signs = len(ascii_only) - letters - digits - ends - blanks
    others = len(token.encode("utf-8", "replace")) - len(ascii_only)
    return letters, blanks, ends, digits, signs, others


@lru_cache(maxsize=1 << 16)
def kind_of(token: str) -> int:
    """Return the place of a token in `KINDS`."""
    letters, blanks, _, digits, signs, others = sizes_of(token)
    if others:
        return _OTHER
    if digits:
        return _DIGITS
    if letters:
        return _FRAGMENTS if letters <= FRAGMENT and not blanks else _WORDS
    return _SIGNS if signs else _SPACE


def kinds_of(counted: Mapping[str, int], *, exact: bool) -> tuple[int, ...]:
    """Return the tokens by kind, then the sizes; `counted` says how often each token comes.

    Tokens of a vocabulary (`exact`) come before those that were estimated.
    """
    kinds, sizes = [0] * len(KINDS), [0] * len(SIZES)
    for token, count in counted.items():
        kinds[kind_of(token)] += count
        for place, size in enumerate(sizes_of(token)):
            if size:
                sizes[place] += size * count
    none = [0] * len(KINDS)
    return (*(kinds if exact else none), *(none if exact else kinds), *sizes)
