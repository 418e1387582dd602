"""Finds what was meant by a few letters, the best first. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from heapq import nsmallest


def best(letters: str, names: Iterable[str], most: int) -> list[str]:
    """Return the names that hold `letters` in their order, the best matches first.

    A match in the last part of a path is better than one that begins before it, one without gaps
    better than one with, an early one better than a late one, a short name better than a long one.
    Upper case counts where `letters` have some.

    Args:
        letters: what was typed; without any, the first names are returned.
        names: to choose from.
        most: how many are returned at most.
    """
    if not letters:
        return [name for name, _ in zip(names, range(most), strict=False)]
    # Each gap is as short as can be; the lookahead finds matches that begin inside one another.
    pattern = ".*?".join(map(re.escape, letters))
    flags = re.DOTALL if letters != letters.lower() else re.DOTALL | re.IGNORECASE
    search = re.compile(pattern, flags).search
    ranked = []
    for name in names:
        found = search(name)
        if found is None:
            continue
        last = name.rfind("/", 0, len(name) - 1) + 1
        inside = search(name, last)
        chosen = inside or found
        gaps = chosen.end() - chosen.start() - len(letters)
        ranked.append((inside is None, gaps, chosen.start() - last, len(name), name))
    return [name for *_, name in nsmallest(most, ranked)]
