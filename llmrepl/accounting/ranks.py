"""The vocabularies that ship with llmrepl, and how they are read into tiktoken encodings.

A vocabulary is a list of byte strings, and the place in the list is the token's rank. Packed, it
is the number of tokens (4 bytes, big-endian), one byte of length per token, then all tokens end to
end, compressed with xz. `pack.py` writes it.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

DATA = Path(__file__).with_name("data")
"""Where the packed vocabularies lie."""

_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"

SPLITS = {
    "o200k_base": (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ),
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)",
        r"[^\r\n\p{L}\p{N}]?+\p{L}++",
        r"\p{N}{1,3}+",
        r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
        r"\s++$",
        r"\s*[\r\n]",
        r"\s+(?!\S)",
        r"\s",
    ),
}
"""How each encoding cuts text into words before it merges bytes: the first pattern that matches."""


def pack(tokens: list[bytes]) -> bytes:
    """Return `tokens`, which are in order of rank and at most 255 bytes each, packed."""
    import lzma

    lengths = bytes(len(token) for token in tokens)
    plain = len(tokens).to_bytes(4, "big") + lengths + b"".join(tokens)
    return lzma.compress(plain, preset=9 | lzma.PRESET_EXTREME)


def unpack(packed: bytes) -> dict[bytes, int]:
    """Return the rank of every token that `pack` wrote."""
    import lzma

    plain = lzma.decompress(packed)
    first = 4 + int.from_bytes(plain[:4], "big")
    ends = accumulate(plain[4:first], initial=first)
    return {plain[start:end]: rank for rank, (start, end) in enumerate(pairwise(ends))}


def load(name: str) -> tiktoken.Encoding:
    """Return an encoding from the installed files alone; it knows no special tokens.

    Takes 0.2 to 0.5 seconds, and 0.2 of them hold the interpreter lock in one piece.

    Args:
        name: a key of `SPLITS`.
    """
    import tiktoken

    ranks = unpack((DATA / f"{name}.xz").read_bytes())
    return tiktoken.Encoding(
        name, pat_str="|".join(SPLITS[name]), mergeable_ranks=ranks, special_tokens={}
    )
