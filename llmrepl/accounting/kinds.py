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


@lru_cache(maxsize=1 << 15)
def traits_of(token: str) -> tuple[int, tuple[int, ...]]:
    """Return the place of a token in `KINDS`, and its characters as `SIZES` has them."""
    ascii_only = "".join(filter(str.isascii, token))
    letters = sum(map(str.isalpha, ascii_only))
    digits = sum(map(str.isdigit, ascii_only))
    ends = token.count("\n") + token.count("\r")
    blanks = sum(map(str.isspace, ascii_only)) - ends
    signs = len(ascii_only) - letters - digits - ends - blanks
    others = len(token.encode("utf-8", "replace")) - len(ascii_only)
    sizes = (letters, blanks, ends, digits, signs, others)
    if others:
        return _OTHER, sizes
    if digits:
        return _DIGITS, sizes
    if letters:
        return _FRAGMENTS if letters <= FRAGMENT and not blanks else _WORDS, sizes
    return _SIGNS if signs else _SPACE, sizes


def kinds_of(counted: Mapping[str, int], *, exact: bool) -> tuple[int, ...]:
    """Return the tokens by kind, then the sizes; `counted` says how often each token comes.

    Tokens of a vocabulary (`exact`) come before those that were estimated.
    """
    kinds, sizes = [0] * len(KINDS), [0] * len(SIZES)
    for token, count in counted.items():
        kind, traits = traits_of(token)
        kinds[kind] += count
        for place, size in enumerate(traits):
            if size:
                sizes[place] += size * count
    none = [0] * len(KINDS)
    return (*(kinds if exact else none), *(none if exact else kinds), *sizes)
