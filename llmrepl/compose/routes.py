"""Which models are asked for what, with what is known of them; see `llmrepl.routing`."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from statistics import median

from llmrepl.accounting import Prices
from llmrepl.config import Config
from llmrepl.errors import ConfigError, LlmreplError, ProviderError
from llmrepl.ports import Choice, Provider, Request
from llmrepl.providers.registry import split_model
from llmrepl.purposes import PURPOSES, RULES, Chain
from llmrepl.routing import CLOSED, OPEN, Circuit, Facts, Needs, ranked
from llmrepl.usage import Usage

MEASURED = 20
"""How many messages back a model's time goes into its median."""

ANSWER = 500
"""Tokens of an answer, where a price is looked up before it came."""


class Routes:
    """The chains of a chat, its other providers, and how they do (`llmrepl.ports.Router`).

    `main` is whom the chat talks to; it may be changed between turns.

    Args:
        config: the chains, and the patience.
        main: whom the chat talks to.
        own: returns the provider that is open already.
        open_provider: opens another by its name; raises LlmreplError.
        prices: what models cost, and what they take.
        clock: returns seconds that never go back.
    """

    def __init__(
        self,
        config: Config,
        main: Chain,
        own: Callable[[], Provider],
        open_provider: Callable[[str], Provider],
        prices: Prices,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.main = main
        self.patience = config.models.patience
        self._config = config
        self._models = config.models
        self._pool = pool_of(config)
        self._window = config.context.window
        self._own = own
        self._open = open_provider
        self._prices = prices
        self._clock = clock
        self._opened: dict[str, Provider] = {}
        self._unusable: dict[str, str] = {}
        self._circuits: dict[str, Circuit] = {}
        self._sizes: dict[str, int | None] = {}
        self._times: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MEASURED))

    def choices(self, request: Request, without: Sequence[str] = ()) -> Sequence[Choice]:
        """Return whom to ask, the best first; empty only where `without` leaves nobody."""
        if (content := request.content) is not None:
            images = content.images > 0
        else:
            images = any(message.images for message in request.messages)
        chain = self._chain(request.purpose, images=images)
        needs = Needs(request.estimated_tokens + (request.max_tokens or 0), images)
        facts = {name: self._facts(name, request) for name in self._named(chain)}
        unusable = {name: why for name in facts if (why := self._unusable.get(name.split("/")[0]))}
        if len(unusable) == len(facts):  # the model that the chat talks to is open already
            chain = ((f"{self._own().name}/{request.model}",),)
        ranking = ranked(chain, facts, needs, (*without, *unusable))
        passed = [f"{name}: {why}" for name, why in unusable.items()]
        passed += [f"{each.model}: {each.reason}" for each in ranking.passed]
        found: list[Choice] = []
        for each in ranking.candidates:
            provider, model = split_model(each.model)
            found.append(
                Choice(self.provider(provider), model, each.reason, () if found else tuple(passed))
            )
        return found

    def failed(self, choice: Choice, error: ProviderError) -> None:
        """Take note that a model failed."""
        name = choice.provider.name
        before = self._circuits.get(name, Circuit())
        self._circuits[name] = before.failed(error, self._clock())

    def answered(self, choice: Choice, ms: float) -> None:
        """Take note that a model gave a whole message."""
        self._circuits.pop(choice.provider.name, None)
        self._times[choice.name].append(ms)

    def measured(self, name: str, ms: float) -> None:
        """Take in what a message of a model took at another time."""
        self._times[name].append(ms)

    def state(self, provider: str) -> str:
        """Return the state of a provider's circuit, and for how long it stays open."""
        circuit = self._circuits.get(provider, Circuit())
        now = self._clock()
        state = circuit.state(now)
        return f"{state} for {circuit.until - now:.0f} s" if state == OPEN else state

    @property
    def remark(self) -> str:
        """What a person has to know of whom the chat talks to; empty where all is well."""
        name = first_of(self.main, self._config).partition("/")[0]
        state = self.state(name)
        return "" if state == CLOSED else f"circuit {state}; /models says more"

    def chains(self) -> Mapping[str, Chain]:
        """Return the chains there are, by their purposes."""
        chains = {purpose: getattr(self._models, purpose) for purpose in PURPOSES}
        return {"main": self.main} | {
            purpose: chain for purpose, chain in chains.items() if chain and purpose != "main"
        }

    def provider(self, name: str) -> Provider:
        """Return a provider by its name, opened if need be.

        Raises:
            LlmreplError: it cannot be opened.
        """
        own = self._own()
        if name == own.name:
            return own
        if name not in self._opened:
            self._opened[name] = self._open(name)
        return self._opened[name]

    async def close(self) -> None:
        """Give back the connections of the providers that were opened here."""
        for provider in self._opened.values():
            await provider.close()

    def _chain(self, purpose: str, *, images: bool) -> Chain:
        if purpose == "compact" and self._models.compact:
            return self._models.compact
        return self.main + (self._models.vision or ()) if images else self.main

    def _named(self, chain: Chain) -> list[str]:
        """Return the models that a chain may lead to."""
        names = [name for group in chain for name in group if name not in RULES]
        if len(names) < sum(map(len, chain)):
            names += self._pool
        return list(dict.fromkeys(names))

    def _facts(self, name: str, request: Request) -> Facts:
        key, model = split_model(name)
        try:
            provider = self.provider(key)
        except LlmreplError as error:
            self._unusable[key] = error.message
            return Facts()
        circuit, now = self._circuits.get(key, Circuit()), self._clock()
        times = self._times.get(name)
        return Facts(
            local=provider.local,
            circuit=circuit.state(now),
            resting=max(0.0, circuit.until - now),
            context=self._window or self._takes(key, model),
            images=self._sees(name),
            cost=self._cost(provider, model, request.estimated_tokens),
            ms=median(times) if times else None,
        )

    def _takes(self, provider: str, model: str) -> int | None:
        """Return how many tokens a model takes at once, as far as the table of prices says."""
        name = f"{provider}/{model}"
        if name not in self._sizes:
            if not self._prices.loaded:
                return None
            self._sizes[name] = self._prices.context(provider, model)
        return self._sizes[name]

    def _sees(self, name: str) -> bool | None:
        """Return whether a model sees images; nobody knows where no chain is for that."""
        vision = self._models.vision
        return None if vision is None else any(name in group for group in vision)

    def _cost(self, provider: Provider, model: str, tokens: int) -> Decimal | None:
        if provider.local:
            return Decimal(0)
        if ("auto:cheapest",) not in self.main:
            return None  # to load the table takes half a second
        cost = self._prices.cost(provider.name, model, Usage(tokens, ANSWER))
        return None if cost is None else cost.total


def first_of(chain: Chain, config: Config) -> str:
    """Return the model to begin with: the first that is named, or that a rule may choose.

    Raises:
        ConfigError: there is only a rule, and nothing to choose from.
    """
    pool = pool_of(config)
    names = [name for group in chain for name in (pool if group[0] in RULES else group)]
    if not names:
        raise ConfigError(
            f"{chain[0][0]} has no models to choose from", hint="name some in models.pool"
        )
    return names[0]


def pool_of(config: Config) -> list[str]:
    """Return the models that a rule chooses from."""
    models = config.models
    chains = (models.pool,) if models.pool else (models.main, models.fast)
    named = [name for chain in chains for group in chain or () for name in group]
    return [name for name in dict.fromkeys(named) if name not in RULES]
