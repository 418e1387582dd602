"""Checks of model services: a real request to each that is configured, and the time they tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing

from llmrepl.accounting import Aside, Meter
from llmrepl.checks import Finding, Status
from llmrepl.compose.accounts import aside
from llmrepl.compose.assembly import prices_of, provider_for
from llmrepl.compose.checks.site import Installation
from llmrepl.compose.hosting import allowed, chosen_model, why_not, why_not_at_all
from llmrepl.compose.terms import terms_of
from llmrepl.errors import BudgetExceeded, LlmreplError
from llmrepl.figures import money, tokens
from llmrepl.ports import ChatMessage, Finish, Provider, ReasoningChunk, Request, Sized, TextChunk
from llmrepl.providers.registry import BUILT_IN, GROQ_DEFAULT, split_model
from llmrepl.purposes import PURPOSES, RULES, Chain
from llmrepl.usage import Usage

SMALL_CONTEXT = 4096
"""Tokens of context that the system prompt and a short conversation need."""

MOST_SKEW = 60.0
"""Seconds that this machine's clock may differ from a service's: TLS and signed requests suffer."""

SYSTEM, PING = "Answer with one word.", "ping"
ROLES = 16
"""Tokens of a request beside its texts, at the most."""

USUAL_ADDRESSES = {"groq": "https://api.groq.com", "openai": "https://api.openai.com"}
ELSEWHERE = "leave it out of the chains, or allow its region in models.regions"
SOMEWHERE = "say where it is: llmrepl config set providers.{}.region REGION"
NO_MODEL = "see whether its key may use any; `llmrepl models` lists what can be used"
SLOW = "the service is slow, or loads the model: try again, or `llmrepl check --timeout SECONDS`"


async def provider(site: Installation) -> Sequence[Finding]:
    """Send one word to each model that is configured, and say what came back."""
    asked, others = await wanted(site)
    meter = Meter(prices_of(site.settings), terms=terms_of(site.settings))
    accounts = aside(site.settings, site.environ, site.cwd, meter, "check")
    models = [*((name, True) for name in asked), *((name, False) for name in others)]
    found = await asyncio.gather(
        *(_one(site, meter, accounts, name, used) for name, used in models)
    )
    return [finding for findings in found for finding in findings]


async def wanted(site: Installation) -> tuple[list[str], list[str]]:
    """Return the models that a chat asks, and others of providers that have a key or an address.

    A provider alone, like `groq`, stands for its first model.
    """
    if site.models is not None:
        return list(site.models), []
    config = site.settings
    chains = (config.chain, *(getattr(config.models, purpose) for purpose in PURPOSES))
    asked = dict.fromkeys(name for chain in chains for name in _named(chain))
    if not asked:
        asked[await chosen_model(config, site.environ)] = None
    known = {name.partition("/")[0] for name in asked}
    reachable = [
        name for name, row in BUILT_IN.items() if any(map(site.environ.get, row.variables))
    ]
    others = dict.fromkeys([*config.providers, *reachable])
    return list(asked), [name for name in others if name not in known]


def _named(chain: Chain | None) -> Iterable[str]:
    return (name for group in chain or () for name in group if name not in RULES and "/" in name)


async def _one(
    site: Installation, meter: Meter, accounts: Aside, name: str, used: bool
) -> Sequence[Finding]:
    """Return what is found of one model; what no chain asks can be no more than a warning."""
    bad: Status = "failed" if used else "warning"
    opened: Provider | None = None
    try:
        async with asyncio.timeout(site.limit):
            if "/" not in name:
                name = await _first_model(site, name)
            kind, model = split_model(name)
            opened = provider_for(site.settings, kind, site.environ)
            if why := await why_not_at_all(site.settings, opened, model):
                message = f"not asked: {why}"
                known = site.settings.provider(kind).region
                fix = ELSEWHERE if known else f"{SOMEWHERE.format(kind)}; or {ELSEWHERE}"
                return [Finding(status="warning", subject=name, message=message, fix=fix)]
            return await _heartbeat(opened, model, meter, accounts)
    except TimeoutError:
        message = f"no answer within {site.limit:g} s"
        return [Finding(status=bad, subject=name, message=message, fix=SLOW)]
    except BudgetExceeded as error:
        message = f"not asked: {error.message}"
        return [Finding(status="warning", subject=name, message=message, fix=error.hint)]
    except LlmreplError as error:
        fix = error.hint or "`llmrepl models` lists what can be used"
        return [Finding(status=bad, subject=name, message=error.message, fix=fix)]
    except Exception as error:  # noqa: BLE001 - a plugin's own bug is no failure of the others
        message, fix = f"its provider broke: {error!r}", "report it to whoever wrote the provider"
        return [Finding(status=bad, subject=name, message=message, fix=fix)]
    finally:
        if opened is not None:
            await opened.close()


async def _first_model(site: Installation, name: str) -> str:
    if name == "groq":
        return GROQ_DEFAULT
    opened = allowed(site.settings, provider_for(site.settings, name, site.environ), "")
    try:
        models = await opened.models()
    finally:
        await opened.close()
    if not models:
        hint = "get one: `ollama pull llama3.2`" if name == "ollama" else NO_MODEL
        raise LlmreplError("it has no model", hint=hint)
    return f"{name}/{models[0].name}"


async def _heartbeat(
    opened: Provider, model: str, meter: Meter, accounts: Aside
) -> Sequence[Finding]:
    """Ask a model for one word; raises ProviderError and BudgetExceeded."""
    name = f"{opened.name}/{model}"
    request = Request(
        model,
        SYSTEM,
        (ChatMessage("user", PING),),
        max_tokens=16,
        estimated_tokens=meter.count(f"{SYSTEM}{PING}") + ROLES,
    )
    usage: Usage | None = None
    answered = False
    async with accounts.call(opened, request) as took:
        began = time.perf_counter()
        async with aclosing(opened.stream(request)) as chunks:
            async for chunk in chunks:
                answered = answered or isinstance(chunk, TextChunk | ReasoningChunk)
                if isinstance(chunk, Finish):
                    usage = chunk.usage
        took.usage = usage or took.usage
    seconds = time.perf_counter() - began
    found = [await _told(opened, name, seconds, usage, meter)]
    if not answered:
        message = f"it answered nothing, in {seconds:.1f} s"
        fix = "try it in a chat; the model may be none for chats"
        found = [Finding(status="warning", subject=name, message=message, fix=fix)]
    size = opened.context if isinstance(opened, Sized) else None
    if size is not None and size < SMALL_CONTEXT:
        fix = f"llmrepl config set providers.{opened.name}.options.num_ctx 8192"
        message = f"a context of {size} tokens: too small for the system prompt and a conversation"
        found.append(Finding(status="warning", subject=name, message=message, fix=fix))
    return found


async def _told(
    opened: Provider, name: str, seconds: float, usage: Usage | None, meter: Meter
) -> Finding:
    message = f"{seconds:.1f} s"
    measures: dict[str, float] = {"heartbeat_seconds": seconds}
    if usage is not None:
        cost = await meter.cost(opened, name.partition("/")[2], usage)
        price = money(None) if cost is None else f"${cost.total:.4f}"
        sent, said = tokens(usage.input_tokens), tokens(usage.output_tokens)
        message += f" ↑{sent} ↓{said} {price}"
        measures |= {
            "heartbeat_input_tokens": usage.input_tokens,
            "heartbeat_output_tokens": usage.output_tokens,
        }
        if cost is not None:
            measures["heartbeat_cost_dollars"] = float(cost.total)
    size = opened.context if isinstance(opened, Sized) else None
    details = {"local": opened.local} | ({"context": size} if size else {})
    return Finding(status="ok", subject=name, message=message, measures=measures, details=details)


async def clock(site: Installation) -> Sequence[Finding]:
    """Compare this machine's clock with the `Date` of the services that are configured."""
    asked, others = await wanted(site)
    names = dict.fromkeys(name.partition("/")[0] for name in (*asked, *others))
    places = {name: _address(site, name) for name in names if not _is_outside(site, name)}
    addresses = {name: place for name, place in places.items() if place}
    found = await asyncio.gather(*(_skew(place, site.limit) for place in addresses.values()))
    skews = {name: skew for name, skew in zip(addresses, found, strict=True) if skew is not None}
    if not skews:
        return [Finding(status="skipped", message="no service told the time")]
    name, skew = max(skews.items(), key=lambda item: abs(item[1]))
    measures = {"skew_seconds": skew}
    if abs(skew) <= MOST_SKEW:
        return [
            Finding(status="ok", message=f"within {MOST_SKEW:g} s of {name}", measures=measures)
        ]
    way = "ahead of" if skew > 0 else "behind"
    return [
        Finding(
            status="warning",
            message=f"this machine's clock is {abs(skew):.0f} s {way} that of {name}",
            fix="set the clock: timedatectl set-ntp true",
            measures=measures,
        )
    ]


def _is_outside(site: Installation, name: str) -> bool:
    """Whether a provider is where nothing may be sent to; one that cannot be opened is, too."""
    if site.settings.models.regions is None:
        return False
    try:
        return bool(why_not(site.settings, provider_for(site.settings, name, site.environ), ""))
    except LlmreplError:
        return True


def _address(site: Installation, name: str) -> str:
    """Return where a provider is; empty where nobody knows, or it is no service."""
    configured = site.settings.provider(name).base_url
    if name == "ollama":
        from llmrepl.providers.ollama import ollama_url

        try:
            return ollama_url(configured or site.environ.get("OLLAMA_HOST", ""))
        except LlmreplError:
            return ""
    own = site.environ.get(f"{name.upper()}_BASE_URL", "")
    return configured or own or USUAL_ADDRESSES.get(name, "")


async def _skew(address: str, limit: float) -> float | None:
    """Return by how many seconds our clock is ahead; None where it cannot be learnt.

    No key is sent. A service tells whole seconds, and may have told them when it was asked or when
    it answered.
    """
    import httpx

    from llmrepl.providers.address import is_loopback

    try:
        before = time.time()
        local = is_loopback(httpx.URL(address).host)
        async with httpx.AsyncClient(timeout=limit, trust_env=not local) as client:
            answer = await client.head(address)
        after = time.time()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, ImportError):  # the last: of a proxy
        return None
    return skew_of(answer.headers, before, after)


def skew_of(headers: Mapping[str, str], before: float, after: float) -> float | None:
    """Return by how many seconds our clock is ahead of the `Date` in an answer's headers.

    Args:
        headers: those of the answer.
        before: Unix time when it was asked for.
        after: Unix time when it had come.
    """
    from email.utils import parsedate_to_datetime

    try:
        told = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return None
    if told > after:
        return after - told
    return max(0.0, before - (told + 1))
