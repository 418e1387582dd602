"""What rules say of a block.

`deny` beats `ask`, and `ask` beats `allow`, wherever they stand: so a project's rules, which cannot
allow anything, can only make things stricter.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from llmrepl.approvals.matching import Fit, Ground, fit
from llmrepl.approvals.review import Review
from llmrepl.approvals.rules import Rule
from llmrepl.approvals.touches import KINDS, Touch
from llmrepl.approvals.wording import sentence


@dataclass(frozen=True, slots=True)
class Matter:
    """What needs somebody's yes: an `allow` rule's, else a person's.

    Args:
        kinds: the kinds of touches that do.
        exactly: only rules for exactly one command count, for every command.
        free: rules for what needs none of that.
    """

    kinds: Collection[str] = ()
    exactly: bool = False
    free: tuple[Rule, ...] = ()


EVERYTHING = Matter(KINDS, exactly=True)
NOTHING = Matter()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say.

    Args:
        effect: allow, ask or deny.
        rules: those that decided.
        why: for `ask` and `deny`, what a rule is about, in words.
        open: for `ask`, what needs a yes and no rule gives it.
    """

    effect: str
    rules: tuple[Rule, ...] = ()
    why: str = ""
    open: tuple[Touch, ...] = ()


def judge(rules: Sequence[Rule], review: Review, ground: Ground, matter: Matter) -> Verdict:
    """Return what `rules` say of the block that `review` is of.

    Args:
        rules: in any order.
        review: what the block touches.
        ground: what relative paths mean.
        matter: what needs a yes.
    """
    rules = [rule for rule in rules if rule.language in ("any", review.language)]
    touches = review.touches or (_NO_TOUCH,)
    for effect, meant, least in (
        ("deny", ("deny",), Fit.PART),
        ("ask", ("deny", "ask"), Fit.MAYBE),
    ):
        for rule in rules:
            for touch in touches if rule.effect in meant else ():
                if fit(rule, touch, ground) >= least:
                    return Verdict(effect, (rule,), sentence(touch) if review.touches else "")
    allowing = [rule for rule in rules if rule.effect == "allow"]
    if matter.exactly:
        allowing = [rule for rule in allowing if rule.subject == "exactly"]
    needing = [touch for touch in touches if _needs_yes(touch, ground, matter)]
    found = {touch: _covering(allowing, touch, ground) for touch in needing}
    left = tuple(touch for touch, rule in found.items() if rule is None)
    if left:
        return Verdict("ask", open=left)
    return Verdict("allow", tuple(dict.fromkeys(rule for rule in found.values() if rule)))


def _needs_yes(touch: Touch, ground: Ground, matter: Matter) -> bool:
    if touch.kind not in matter.kinds or (touch.told and not matter.exactly):
        return False
    return _covering(matter.free, touch, ground) is None


def _covering(rules: Sequence[Rule], touch: Touch, ground: Ground) -> Rule | None:
    return next((rule for rule in rules if fit(rule, touch, ground) is Fit.WHOLE), None)


_NO_TOUCH = Touch("execute", told=True)
"""What a block touches that touches nothing: rules about everything are about it, too."""
