"""Exit codes: a contract that scripts rely on."""

from __future__ import annotations

from llmrepl.errors import (
    ConfigError,
    LlmreplError,
    ProviderBusy,
    ProviderRefused,
    ProviderUnreachable,
    SandboxUnavailable,
)

DONE = 0
ERROR = 1
USAGE = 2
NO_SANDBOX = 3
CONFIG = 4
REFUSED = 5
LIMIT = 6
LATER = 75
INTERRUPTED = 130

MEANINGS = {
    DONE: "done",
    ERROR: "the turn ended in an error",
    USAGE: "wrong usage",
    NO_SANDBOX: "no working sandbox",
    CONFIG: "configuration error",
    REFUSED: "provider refused (authentication, bad request)",
    LIMIT: "a limit ended the turn (steps, budget, time)",
    LATER: "try again later (provider unreachable, rate limit)",
    INTERRUPTED: "interrupted",
}

BY_ERROR: dict[type[LlmreplError], int] = {
    SandboxUnavailable: NO_SANDBOX,
    ConfigError: CONFIG,
    ProviderRefused: REFUSED,
    ProviderUnreachable: LATER,
    ProviderBusy: LATER,
}
BY_REASON = {
    "end_turn": DONE,
    "max_tokens": LIMIT,
    "max_steps": LIMIT,
    "max_time": LIMIT,
    "budget": LIMIT,
    "repetition": LIMIT,
    "cancelled": INTERRUPTED,
    "": DONE,
}


def code_of(error: LlmreplError) -> int:
    """Return the exit code for an error."""
    return next((code for kind, code in BY_ERROR.items() if isinstance(error, kind)), ERROR)


def code_of_turn(reason: str, error_kind: str = "") -> int:
    """Return the exit code for a turn: its stop reason, and the kind of its last error."""
    if reason == "error":
        by_name = {kind.__name__: code for kind, code in BY_ERROR.items()}
        return by_name.get(error_kind, ERROR)
    return BY_REASON.get(reason, ERROR)
