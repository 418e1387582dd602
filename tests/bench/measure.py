"""Interleaved measuring: one run of each subject in turn, so that noise falls on all alike."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Mapping


def interleave(subjects: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run every subject once per round and return what each returned (milliseconds).

    Garbage is collected between rounds and never within one, as `timeit` does: a collection leaves
    the processor's caches empty, which a subject of less than a millisecond then pays for.
    """
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject()
    for _ in range(rounds):
        gc.collect()
        gc.disable()
        for name, subject in subjects.items():
            samples[name].append(subject())
        gc.enable()
    return samples


def table(
    title: str, samples: Mapping[str, list[float]], base: str, bound: str = "", *, unit: str = "ms"
) -> str:
    """Return the medians of `samples`, which are in `unit`, with their ratios to `base`."""
    floor = statistics.median(samples[base])
    lines = [f"\n{title}" + (f"   [{bound}]" if bound else "")]
    for name, values in samples.items():
        median = statistics.median(values)
        tenth = sorted(values)[len(values) * 9 // 10]
        ratio = median / floor if floor else float("nan")
        over = median - floor
        lines.append(
            f"  {name:44s} {median:9.2f} {unit}  p90 {tenth:9.2f}  x{ratio:6.2f}  {over:+9.2f}"
        )
    return "\n".join(lines)
