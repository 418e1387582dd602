"""Which models are asked for what, with what is known of them; see `llmrepl.routing`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal

from llmrepl.accounting import Prices
from llmrepl.compose.hosting import hosted, named_in, nobody, traits_of
from llmrepl.compose.measures import History, Measures
from llmrepl.config import Config
from llmrepl.errors import LlmreplError, ProviderError
from llmrepl.ports import Choice, Learns, Provider, Request
from llmrepl.providers.registry import split_model
from llmrepl.purposes import PURPOSES, RULES, Chain
from llmrepl.routing import CLOSED, OPEN, Circuit, Facts, Needs, barred, ranked
from llmrepl.usage import Usage

CHEAPEST = ("auto:cheapest",)

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
        history: reads what messages took before; see `llmrepl.compose.measures`.
    """

    def __init__(
        self,
        config: Config,
        main: Chain,
        own: Callable[[], Provider],
        open_provider: Callable[[str], Provider],
        prices: Prices,
        history: History,
    ) -> None:
        self.main = main
        self.patience = config.models.patience
        self._config = config
        self._models = config.models
        self._window = config.context.window
        self._own = own
        self._open = open_provider
        self._prices = prices
        self._clock = time.monotonic
        self._opened: dict[str, Provider] = {}
        self._unusable: dict[str, str] = {}
        self._circuits: dict[str, Circuit] = {}
        self._sizes: dict[str, int | None] = {}
        self._measures = Measures(history)
        if by_measure(main):
            self._measures.begin()

    async def choices(self, request: Request, without: Sequence[str] = ()) -> Sequence[Choice]:
        """Return whom to ask, the best first; empty only where `without` leaves nobody.

        Raises:
            ConfigError: nobody may be asked.
        """
        if (content := request.content) is not None:
            images = content.images > 0
        else:
            images = any(message.images for message in request.messages)
        chain = self._chain(request.purpose, images=images)
        needs = Needs(
            request.estimated_tokens + (request.max_tokens or 0), images, self._models.regions
        )
        names = named_in(chain, self._config)
        await self._ready(chain, names, needs)
        facts = {name: self._facts(name, request, chain) for name in names}
        unusable = {name: why for name in facts if (why := self._unusable.get(name.split("/")[0]))}
        if not any(name not in unusable and not barred(facts[name], needs) for name in facts):
            bars = {name: why for name in facts if (why := barred(facts[name], needs))}
            if bars and not unusable:
                raise nobody(self._config, bars)
            unusable = bars | unusable
            own = f"{self._own().name}/{request.model}"  # which is open already
            chain = ((own,),)
            await self._ready(chain, [own], needs)
            facts = {own: self._facts(own, request, chain)}
            if why := barred(facts[own], needs):
                raise nobody(self._config, unusable | {own: why})
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
        self._measures.add(choice.name, ms)

    def state(self, provider: str) -> str:
        """Return the state of a provider's circuit, and for how long it stays open."""
        circuit = self._circuits.get(provider, Circuit())
        now = self._clock()
        state = circuit.state(now)
        return f"{state} for {circuit.until - now:.0f} s" if state == OPEN else state

    @property
    def remark(self) -> str:
        """What a person has to know of whom the chat talks to; empty where all is well."""
        state = self.state(self._own().name)
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
        await self._measures.close()
        for provider in self._opened.values():
            await provider.close()

    def _chain(self, purpose: str, *, images: bool) -> Chain:
        if purpose == "compact" and self._models.compact:
            return self._models.compact
        return self.main + (self._models.vision or ()) if images else self.main

    async def _ready(self, chain: Chain, names: Sequence[str], needs: Needs) -> None:
        """Find out what the choice goes by, where somebody has to be asked for it."""
        if by_measure(chain):
            await self._measures.ready()
        if CHEAPEST in chain and not self._prices.loaded:
            await asyncio.to_thread(self._prices.load)
        asked = []
        for name in names:
            key, model = split_model(name)
            with suppress(LlmreplError):  # which is said where it is opened for its facts
                provider = self.provider(key)
                region, here = hosted(self._config, provider, model)
                wanted = needs.images or (here and needs.regions is not None)
                if barred(Facts(region=region, here=here), needs):
                    continue  # it is not asked this either, and gets no key
                if wanted and isinstance(provider, Learns) and not self._rests(key):
                    asked.append(provider.learn(model))
        if asked:
            await asyncio.gather(*asked, return_exceptions=True)  # a plugin's may raise

    def _rests(self, provider: str) -> bool:
        return self._circuits.get(provider, Circuit()).state(self._clock()) == OPEN

    def _facts(self, name: str, request: Request, chain: Chain) -> Facts:
        key, model = split_model(name)
        try:
            provider = self.provider(key)
        except LlmreplError as error:
            self._unusable[key] = error.message
            return Facts()
        circuit, now = self._circuits.get(key, Circuit()), self._clock()
        traits = traits_of(provider, model)
        region, here = hosted(self._config, provider, model)
        return Facts(
            local=provider.local,
            circuit=circuit.state(now),
            resting=max(0.0, circuit.until - now),
            context=self._window or self._takes(key, model),
            images=self._sees(name, traits.images),
            cost=self._cost(provider, model, request.estimated_tokens, chain),
            ms=self._measures.of(name),
            region=region,
            here=here,
        )

    def _takes(self, provider: str, model: str) -> int | None:
        """Return how many tokens a model takes at once, as far as the table of prices says."""
        name = f"{provider}/{model}"
        if name not in self._sizes:
            if not self._prices.loaded:
                return None
            self._sizes[name] = self._prices.context(provider, model)
        return self._sizes[name]

    def _sees(self, name: str, known: bool | None) -> bool | None:
        """Return whether a model sees images: the person's chain for that knows best."""
        vision = self._models.vision
        if vision is None:
            return known
        if any(name in group for group in vision):
            return True
        return known if name in named_in(vision, self._config) else False

    def _cost(self, provider: Provider, model: str, tokens: int, chain: Chain) -> Decimal | None:
        if provider.local:
            return Decimal(0)
        if CHEAPEST not in chain:
            return None  # to load the table takes half a second
        cost = self._prices.cost(provider.name, model, Usage(tokens, ANSWER))
        return None if cost is None else cost.total


def by_measure(chain: Chain) -> bool:
    """Whether it matters to a chain how quick its models are."""
    return any(len(group) > 1 or group[0] in RULES for group in chain)
