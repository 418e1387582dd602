"""The words and the choices of a question whether a call may run, and what an answer comes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmrepl.events import ApprovalDecided, ApprovalRequested, ToolRequested
from llmrepl.sanitise import clean

KEYS = {
    "once": ("y", "yes, once"),
    "session": ("s", "yes, this session"),
    "always": ("a", "always"),
    "never": ("v", "never"),
    "edit": ("e", "edit"),
    "deny": ("n", "no"),
    "reason": ("r", "no, and say why"),
}
"""What each option's key is, and what it is called."""

WITHOUT_RULES = {"always": "once", "never": "deny"}
"""What an option comes to where the person deleted every rule."""

MOST = 12
"""Touches that are shown; of dangers all are."""

SUFFIXES = {"python": ".py", "bash": ".sh"}
"""How a file with a block in it is called, by its language."""

WHY_NOT = "why not: "
RULE = "rule: "


def question(request: ToolRequested) -> str:
    """Return what is asked above the choices."""
    return f"Run this {clean(request.name)} block?"


def code_of(request: ToolRequested) -> str | None:
    """Return the block's code; None for a call that has none."""
    code = request.arguments.get("code")
    return code if isinstance(code, str) else None


def options_of(request: ToolRequested, asked: ApprovalRequested) -> list[str]:
    """Return the options that there are, in the order of the question."""
    options = [option for option in (*asked.options, "reason") if option in KEYS]
    if code_of(request) is None:
        options = [option for option in options if option != "edit"]
    return options


def told(asked: ApprovalRequested) -> Iterator[tuple[str, str, str]]:
    """Yield what is to be known before an answer: what leads a line, its text, and its style."""
    yield "? ", asked.question, "bold"
    for danger in asked.dangers:
        yield "  ! ", danger, "red"
    for touch in asked.touches[:MOST]:
        yield "  · ", touch, ""
    if len(asked.touches) > MOST:
        yield "  · ", f"and {len(asked.touches) - MOST} more", ""
    if "session" in asked.options:
        for rule in asked.rules:
            yield "  rule: ", rule, "dim"


def suggested(asked: ApprovalRequested, option: str) -> Sequence[str]:
    """Return the rules that a person may change, for `always` or `never`."""
    if option == "never":
        return [f"deny {text.partition(' ')[2]}" for text in asked.rules]
    return asked.rules


def parsed(rule: str) -> str:
    """Return a rule as it is kept.

    Raises:
        ConfigError: it is none.
    """
    from llmrepl.approvals.rules import parse_rule

    return str(parse_rule(rule))


def with_rules(call_id: str, option: str, rules: Sequence[str]) -> ApprovalDecided:
    """Return the decision of `always` or `never`, with the rules that are left of it."""
    decision = option if rules else WITHOUT_RULES[option]
    return ApprovalDecided(call_id=call_id, decision=decision, rules=tuple(rules))


def edited(request: ToolRequested, code: str) -> ApprovalDecided | None:
    """Return the decision of `edit`; None where the code is as it was."""
    if code == request.arguments["code"]:
        return None
    arguments = {**request.arguments, "code": code}
    return ApprovalDecided(call_id=request.call_id, decision="edit", arguments=arguments)


def decided(request: ToolRequested, asked: ApprovalRequested, option: str) -> ApprovalDecided:
    """Return the decision of an option that needs no more words: once, session or deny."""
    if option == "session":
        return ApprovalDecided(call_id=request.call_id, decision=option, rules=asked.rules)
    return ApprovalDecided(call_id=request.call_id, decision=option)


def refused(request: ToolRequested, reason: str) -> ApprovalDecided:
    """Return the decision of a no with its reason."""
    return ApprovalDecided(call_id=request.call_id, decision="deny", reason=reason.strip())
