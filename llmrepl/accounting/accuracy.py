"""How near the estimates of a model were to what its service counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmrepl.accounting.calls import Call, Calls

LEARNING = 20
"""Calls of a model after which its estimates are judged."""

SHARE = 0.95
"""The part of the estimates that is within the error."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What `calls` calls say.

    `ratio` is how many tokens the service counts for one of ours; of the estimates before the
    calls, 95 % were within `error`, a part of what was counted. `learnt` says that there were
    enough calls for the first ones to be left out of that.
    """

    calls: int
    ratio: float
    error: float
    learnt: bool

    def __str__(self) -> str:
        calls = "1 call" if self.calls == 1 else f"{self.calls} calls"
        return f"{self.ratio:.2f} tokens for one of ours, ± {self.error:.1%} after {calls}"


def accuracy(calls: Sequence[Call], counted: int) -> Accuracy | None:
    """Return how near the estimates were; None where there were none.

    Args:
        calls: the last calls of a model.
        counted: how many calls of it there were.
    """
    if not calls:
        return None
    ours = sum(call.content.total for call in calls)
    theirs = sum(call.counted for call in calls)
    learning = LEARNING - (counted - len(calls))
    judged = calls[max(0, learning) :] or calls
    errors = sorted(abs(call.estimated - call.input_tokens) / call.input_tokens for call in judged)
    return Accuracy(
        counted,
        theirs / max(1, ours),
        errors[min(len(errors) - 1, int(SHARE * len(errors)))],
        judged is not calls,
    )


def accuracies(calls: Calls) -> dict[str, Accuracy]:
    """Return how near the estimates of each model were, by `provider/model`.

    Raises:
        UsageError: the calls cannot be read.
    """
    found = {
        f"{provider}/{model}": accuracy(calls.last(provider, model), count)
        for provider, model, count in calls.models()
    }
    return {name: one for name, one in found.items() if one is not None}
