"""How large a context may be: as configured, else as much as fits into a part of the memory."""

from __future__ import annotations

from pathlib import Path

SHARE = 0.5
"""The part of the memory that the weights leave free which a context may take."""

STEP = 256
"""llmrepl asks for multiples of this many tokens, as llama.cpp rounds them."""

LEAST = 512

LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""A container's limit and what is used of it, in both versions of control groups."""


def context_for(
    trained: int, per_token: int, weights: int, wanted: int | None, free: int | None
) -> int:
    """Return how many tokens a model is to take at once, at most those that it was trained for.

    Args:
        trained: for how many it was trained.
        per_token: bytes that each takes.
        weights: bytes of the model itself.
        wanted: what the person says; None for what fits.
        free: bytes of memory that nobody uses; None where nobody knows.
    """
    if wanted is not None:
        return min(wanted, trained)
    if free is None or not per_token:
        return trained
    fits = round(max(0, free - weights) * SHARE) // per_token // STEP * STEP
    return min(trained, max(fits, LEAST))


def free_memory() -> int | None:
    """Return how many bytes nobody uses, of the machine and of the container; None if unknown."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    for limit, used in LIMITS:
        try:
            found.append(int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # there is no such group, or it has no limit
            continue
    return max(0, min(found)) if found else None
