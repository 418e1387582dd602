"""Outcomes in Prometheus' text format: one gauge for each measure, and the state of each check.

Names are a contract: `llmrepl_` with the check's name and the measure's, which ends with its unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmrepl.health.running import Outcome

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = {"ok": 0, "skipped": 0, "warning": 1, "failed": 2}


class Family(NamedTuple):
    """A metric: what it says, and its samples as labels and value."""

    help: str
    samples: list[tuple[Mapping[str, str], float]]


def metrics(outcomes: Sequence[Outcome], version: str, at: float) -> str:
    """Return `outcomes` as a page for Prometheus.

    Args:
        outcomes: what checks found.
        version: llmrepl's.
        at: Unix time in seconds when the checks ended.
    """
    status = Family("How a check stands: 0 ok or skipped, 1 a warning, 2 failed.", [])
    took = Family("How long a check took.", [])
    families = {
        "llmrepl_info": Family("The version of llmrepl.", [({"version": version}, 1.0)]),
        "llmrepl_checked_timestamp_seconds": Family("When the checks ended.", [({}, at)]),
        "llmrepl_check_status": status,
        "llmrepl_check_duration_seconds": took,
    }
    states: dict[tuple[str, str], float] = {}
    times: dict[str, float] = {}
    for name, finding, ms in outcomes:
        key = name, finding.subject
        states[key] = max(states.get(key, 0.0), float(STATES[finding.status]))
        times[name] = ms / 1000
        for measure, value in finding.measures.items():
            family = families.setdefault(
                f"llmrepl_{name}_{measure}",
                Family(f"{measure.replace('_', ' ')}, by the check {name}.", []),
            )
            family.samples.append(({"subject": finding.subject}, value))
    status.samples.extend(
        ({"check": name, "subject": of}, value) for (name, of), value in states.items()
    )
    took.samples.extend(({"check": name}, value) for name, value in times.items())
    return "".join(_page(name, family) for name, family in families.items())


def _page(name: str, family: Family) -> str:
    name = "".join(char if char.isascii() and char.isalnum() else "_" for char in name)
    lines = [f"# HELP {name} {family.help}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_labels(labels)} {value!r}" for labels, value in family.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = [f'{key}="{_escaped(value)}"' for key, value in labels.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
