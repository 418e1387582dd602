"""All groups of cases, and every case by its name."""

from __future__ import annotations

from types import ModuleType

from tests.sandbox.abuse import (
    allowed_network,
    compatibility,
    copies,
    disk,
    escape,
    kernel_interfaces,
    memory,
    network,
    other_processes,
    output,
    persistence,
    privileges,
    processes,
    protocol,
    real_writes,
    secrets,
)
from tests.sandbox.abuse.case import Case

GROUPS: tuple[ModuleType, ...] = (
    processes,
    memory,
    output,
    disk,
    escape,
    privileges,
    secrets,
    other_processes,
    network,
    allowed_network,
    kernel_interfaces,
    persistence,
    copies,
    real_writes,
    protocol,
    compatibility,
)
"""Each has a TITLE, and CASES."""


def name_of(group: ModuleType) -> str:
    return group.__name__.rpartition(".")[2].replace("_", "-")


BY_NAME: dict[str, Case] = {
    f"{name_of(group)}/{case.name}": case for group in GROUPS for case in group.CASES
}
