"""How a running chat stands: values that displays draw, made from what is there already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmrepl.budgets import STOP
from llmrepl.compose.assembly import Assembly
from llmrepl.executors.policy import Policy
from llmrepl.executors.tiers import TIERS
from llmrepl.standing import Alarm, Budgeted, Filling, Standing

NO_SANDBOX = TIERS["off"].title
DEMO = "not a language model; /help connects one"
MISSING = "/check says why"
BRIEF = ("step", "turn")
"""Scopes that are over when the line is read."""


def standing_of(assembly: Assembly) -> Standing:
    """Return how the chat stands; the cost does not grow with the session."""
    state = assembly.runtime.state
    sandbox, policy, alarm = _sandbox(assembly)
    # A count from before the vocabulary is loaded would be kept, and is only about right.
    counted = (assembly.meter.tokens.exact or state.turn) and assembly.counting.near
    return Standing(
        mode=assembly.config.approval,
        model=assembly.model,
        remark=DEMO if assembly.edges.provider.name == "demo" else assembly.routes.remark,
        sandbox=sandbox,
        policy=policy,
        alarm=alarm,
        cwd=_at_home(assembly.cwd),
        context=assembly.window.tokens(state) if counted else None,
        room=assembly.context_size.tokens,
        turn=state.turn_spend,
        session=state.session_spend,
        budget=assembly.runtime.limits.budget,
        budgets=tuple(_budgets(assembly)),
        words=assembly.words,
    )


def _budgets(assembly: Assembly) -> Iterator[Budgeted]:
    shown = assembly.runtime.limits.budget is not None  # as `budget`
    for drawn in assembly.accounts.drawn(assembly.runtime.state):
        budget = drawn.budget
        if budget.scope not in BRIEF and not (shown and budget.scope == "session"):
            yield Budgeted(budget.scope, drawn.spent, budget.amount, budget.then == STOP)


def filling_of(assembly: Assembly) -> Filling:
    """Return what fills the context of the next request."""
    parts = assembly.window.parts(assembly.runtime.state)
    return Filling(assembly.model, parts, assembly.context_size.tokens)


def _sandbox(assembly: Assembly) -> tuple[str, str, Alarm]:
    """Return what stands between blocks and the machine, what they may touch, and the alarm."""
    if assembly.sandbox_missing:
        return NO_SANDBOX, MISSING, "missing"
    settings = assembly.executor.settings
    title = TIERS[settings.tier].title
    policy = assembly.executor.policy.removeprefix(f"{title}: ")
    if settings.unsandboxed:
        return NO_SANDBOX, policy, "off"
    return title.removeprefix("the ") + _opened(settings), policy, ""


def _opened(policy: Policy) -> str:
    """Return in a word each what was opened for blocks, and whether the project is closed."""
    closed = policy.project is not None and not (policy.copy_on_write or policy.writes_project)
    words = {", read-only": closed, " +write": policy.write, " +net": policy.net}
    return "".join(word for word, said in words.items() if said)


def _at_home(path: Path) -> str:
    """Return a path as a shell's prompt has it."""
    try:
        below = path.relative_to(Path.home())
    except (ValueError, RuntimeError):  # elsewhere; or nobody knows the home
        return str(path)
    return str("~" / below)
