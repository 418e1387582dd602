"""Deletes what the configured rules of retention let go."""

from __future__ import annotations

import time
from collections.abc import Mapping

from llmrepl.compose.erasing import erase_everywhere
from llmrepl.config import Config
from llmrepl.errors import LlmreplError
from llmrepl.sessions.keeping.retention import Plan, Rules, plan


def planned(config: Config) -> Plan:
    """Return what the rules let go now.

    Raises:
        LlmreplError: no rule is set, or the sessions cannot be read.
    """
    kept = config.sessions
    if kept.keep_days is None and kept.keep_size is None:
        raise LlmreplError(
            "nothing says which sessions to delete",
            hint="give --days or --size, or set sessions.keep_days or sessions.keep_size",
        )
    rules = Rules(kept.keep_days, kept.keep_size, kept.keep_tags)
    return plan(kept.directory, rules, time.time_ns() // 1_000_000)


def pruned_unasked(config: Config, environ: Mapping[str, str]) -> str:
    """Prune where `sessions.prune` says so; return what was done in a line, "" for nothing."""
    kept = config.sessions
    if not kept.prune or (kept.keep_days is None and kept.keep_size is None):
        return ""
    told = []
    gone: list[str] = []
    try:  # what went before an error is told as well
        going = [found.id for found in planned(config).going]
        gone.extend(erased.id for erased in erase_everywhere(kept.directory, going, environ))
    except LlmreplError as error:
        told.append(f"sessions were not pruned: {error.message}")
    if gone:
        told.insert(0, f"pruned {len(gone)} session{'s' * (len(gone) != 1)}: {', '.join(gone)}")
    return "; ".join(told)
