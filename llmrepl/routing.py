"""Which model is asked: candidates in order with reasons, and what to do once one has failed.

Pure: what is known of models comes in as data, and the time comes in as a number.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from llmrepl.errors import (
    BudgetExceeded,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from llmrepl.figures import duration, money
from llmrepl.purposes import RULES, Chain

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"

MOST_FAILURES = 3
"""How often in a row a provider may fail before its circuit opens."""

COOLING = 30.0
"""Seconds that a circuit is open for the first time; each failure after that doubles them."""

LONGEST_COOLING = 480.0

MOST_RETRIES = 2
"""How often a model is asked again that has failed."""

FIRST_WAIT = 1.0
"""Seconds before a model is asked again for the first time; doubled from then on."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """How a provider does: closed while it answers, open while it is left alone.

    Half-open lets a request through, which closes it or opens it again. `until` is when it is not
    open any more, in seconds of a clock that never goes back.
    """

    failures: int = 0
    until: float = 0.0

    def state(self, now: float) -> str:
        """Return `CLOSED`, `OPEN` or `HALF_OPEN`."""
        if now < self.until:
            return OPEN
        return CLOSED if self.failures < MOST_FAILURES else HALF_OPEN

    def failed(self, error: ProviderError, now: float) -> Circuit:
        """Return what it is after `error`; what a service refuses says nothing of its health."""
        if isinstance(error, ProviderRefused):
            return self
        failures = self.failures + 1
        if isinstance(error, ProviderUnreachable):  # to find that out may take minutes
            failures = max(failures, MOST_FAILURES)
        wait = error.retry_after if isinstance(error, ProviderBusy) else None
        cooling = 0.0
        if failures >= MOST_FAILURES:
            cooling = min(COOLING * 2 ** min(failures - MOST_FAILURES, 9), LONGEST_COOLING)
        return Circuit(failures, now + max(cooling, wait or 0.0))


@dataclass(frozen=True, slots=True)
class Needs:
    """What a request asks of a model: room for so many `tokens`, and to see `images`.

    `regions` are those in which it may be answered, None for anywhere; this machine always may.
    """

    tokens: int = 0
    images: bool = False
    regions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model; None is what nobody knows.

    `resting` is how many seconds its provider's circuit stays open. `context` is in tokens, `cost`
    what this request costs in US dollars, `ms` what its messages took, by their median. `region`
    is where it is hosted, `here` that no request to it leaves this machine.
    """

    local: bool = False
    circuit: str = CLOSED
    resting: float = 0.0
    context: int | None = None
    images: bool | None = None
    cost: Decimal | None = None
    ms: float | None = None
    region: str | None = None
    here: bool = False


class Ranked(NamedTuple):
    """A candidate; `reason` is empty where its place in the chain is reason enough."""

    model: str
    reason: str = ""


class Ranking(NamedTuple):
    """The candidates, and who was `passed` over before the first of them: the model, and why.

    Where nobody is a candidate, everybody who may not be asked is passed over.
    """

    candidates: tuple[Ranked, ...]
    passed: tuple[Ranked, ...] = ()


def _cheapest(facts: Facts) -> tuple[bool, Decimal]:
    return facts.cost is None, facts.cost or Decimal(0)


def _fastest(facts: Facts) -> tuple[bool, float]:
    return facts.ms is None, facts.ms or 0.0


def _local_first(facts: Facts) -> tuple[bool, bool, float]:
    return not facts.local, *_fastest(facts)


_KEYS: Mapping[str, Callable[[Facts], tuple[float | Decimal, ...]]] = dict(
    zip(RULES, (_cheapest, _fastest, _local_first), strict=True)
)


def ranked(
    chain: Chain, facts: Mapping[str, Facts], needs: Needs, without: Collection[str] = ()
) -> Ranking:
    """Return whom to ask, in this order.

    A model that may not be asked is left out whatever comes of it. One that cannot do what is
    needed is left out as long as another can. One whose circuit is open comes behind all
    others. Among equals the quickest is first, and one not yet measured is before it, so that all
    of them are.

    Args:
        chain: the models.
        facts: what is known, by model; what is known of one that is not here is nothing.
        needs: what the request asks of a model.
        without: models that have failed already.
    """
    order = _expanded(chain, facts)
    known = {each.model: facts.get(each.model, Facts()) for each in order}
    bars = {model: bar for model in known if (bar := barred(known[model], needs))}
    lacks = {model: _lack(known[model], needs) for model in known}
    allowed = [each for each in order if each.model not in bars]
    fit = [each for each in allowed if not lacks[each.model]] or allowed
    left = [each for each in fit if each.model not in without]
    resting = {each.model for each in left if known[each.model].circuit == OPEN}
    candidates = sorted(left, key=lambda each: each.model in resting)
    why = lacks | {model: _rest(known[model]) for model in resting} | bars
    names = [each.model for each in order]
    before = names[: names.index(candidates[0].model)] if candidates else [*bars]
    passed = tuple(Ranked(name, why[name]) for name in before if name not in without)
    return Ranking(tuple(candidates), passed)


def _expanded(chain: Chain, facts: Mapping[str, Facts]) -> list[Ranked]:
    found: dict[str, Ranked] = {}
    for group in chain:
        for each in _group(group, facts):
            found.setdefault(each.model, each)
    return list(found.values())


def _group(group: Sequence[str], facts: Mapping[str, Facts]) -> list[Ranked]:
    if group[0] in RULES:
        key = _KEYS[group[0]]
        best = sorted(facts, key=lambda model: key(facts[model]))
        return [Ranked(model, f"{group[0]}: {_figures(facts[model])}") for model in best]
    if len(group) == 1:
        return [Ranked(group[0])]
    known = {model: facts.get(model, Facts()) for model in group}
    best = sorted(group, key=lambda model: known[model].ms or 0.0)
    return [Ranked(m, f"of {len(group)} equals: {_speed(known[m])}") for m in best]


def _figures(facts: Facts) -> str:
    price = "price not known" if facts.cost is None else f"{money(facts.cost)} for this request"
    return f"{'local' if facts.local else price}, {_speed(facts)}"


def _speed(facts: Facts) -> str:
    return "not measured yet" if facts.ms is None else f"{duration(facts.ms)} per message"


def barred(facts: Facts, needs: Needs) -> str:
    """Return why a model may not be asked, whatever else speaks for it; empty where it may."""
    if needs.regions is None or facts.here or facts.region in needs.regions:
        return ""
    where = f"it is hosted in {facts.region}" if facts.region else "nobody says where it is hosted"
    return f"{where}, and allowed are {allowed_in(needs.regions)}"


def allowed_in(regions: Sequence[str]) -> str:
    """Return where requests may be answered, for people."""
    return " or ".join((*regions, "this machine"))


def _lack(facts: Facts, needs: Needs) -> str:
    """Return what a model lacks for the request; empty for nothing that is known."""
    if needs.images and facts.images is False:
        return "it does not see images"
    if facts.context is not None and facts.context < needs.tokens:
        return f"it takes {facts.context} tokens, and {needs.tokens} are needed"
    return ""


def _rest(facts: Facts) -> str:
    return f"it failed, and is left alone for {duration(facts.resting * 1000)}"


def unaffordable(refused: Mapping[str, BudgetExceeded]) -> BudgetExceeded:
    """Return the error that ends a turn where the budgets allow no model: the first one's.

    Args:
        refused: why each was refused, in the order in which they were to be asked; at least one.
    """
    (_, error), *others = refused.items()
    if not others:
        return error
    names = ", ".join(name for name, _ in others)
    return BudgetExceeded(f"{error.message}; nor can {names} be asked", hint=error.hint)


class Remedy(NamedTuple):
    """What to do after a failure: ask the same model `again` or the next, after `wait` seconds."""

    again: bool
    wait: float = 0.0


def remedy(
    error: ProviderError, *, retries: int, waited: float, patience: float, others: bool
) -> Remedy | None:
    """Return what to do after a request failed before its first word; None where nothing helps.

    A refusal is final: the same request would be refused again, and somebody has to know.

    Args:
        error: how it failed.
        retries: how often this model has been asked again in this step.
        waited: seconds that were waited in this step.
        patience: seconds that may be waited in a step.
        others: whether there is another model to ask.
    """
    if isinstance(error, ProviderRefused):
        return None
    if not isinstance(error, ProviderUnreachable) and retries < MOST_RETRIES:
        asked = error.retry_after if isinstance(error, ProviderBusy) else None
        wait = FIRST_WAIT * 2**retries if asked is None else asked
        if waited + wait <= patience:
            return Remedy(again=True, wait=wait)
    return Remedy(again=False) if others else None
