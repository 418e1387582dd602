"""What makes a record of an older format version one of the next, applied as it is read.

A file keeps its version: nothing is written to it that its version does not have, and only
`llmrepl sessions upgrade` rewrites it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from llmrepl.sessions.blobs import FIELD
from llmrepl.sessions.format import VERSION

BLOBS_SINCE = 2
"""The version in which lines began to name blobs."""

Step = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes a line's object in one version and returns it in the next."""


def _to_2(record: dict[str, Any]) -> dict[str, Any]:
    """Version 2 gave a meaning to a field that version 1 passed over."""
    record.pop(FIELD, None)
    return record


STEPS: Mapping[int, Step] = {1: _to_2}
"""The step from each version to the one after it."""


def migrated(
    record: dict[str, Any], version: int, steps: Mapping[int, Step] = STEPS, newest: int = VERSION
) -> dict[str, Any]:
    """Return a line's object in the newest version; it may be changed in place.

    Args:
        record: the object as it stands in the file.
        version: the version in the file's header.
        steps: a step for each version from `version` on.
        newest: where the steps end.
    """
    return reduce(lambda found, at: steps[at](found), range(version, newest), record)
