"""The model to begin with; and that nobody is asked where requests may not be answered.

What a person says of a provider goes before what its address says: a server on this machine may
hand on what it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from llmrepl.config import Config
from llmrepl.errors import ConfigError, LlmreplError
from llmrepl.ports import Described, Learns, Provider, Traits
from llmrepl.providers.registry import GROQ_DEFAULT, default_model, split_model
from llmrepl.purposes import RULES, Chain
from llmrepl.routing import Facts, Needs, allowed_in, barred


def traits_of(provider: Provider, model: str) -> Traits:
    """Return what is known of a model by now; of most plugins' only whether they are local."""
    if isinstance(provider, Described):
        return provider.describe(model)
    return Traits(provider.local)


def hosted(config: Config, provider: Provider, model: str) -> tuple[str | None, bool]:
    """Return the region of a model, and whether no request to it leaves this machine."""
    region = config.provider(provider.name).region
    return region, region is None and traits_of(provider, model).here


def why_not(config: Config, provider: Provider, model: str) -> str:
    """Return why a model may not be asked; empty where it may."""
    region, here = hosted(config, provider, model)
    return barred(Facts(region=region, here=here), Needs(regions=config.models.regions))


def allowed(config: Config, provider: Provider, model: str) -> Provider:
    """Return the provider of a model that may be asked.

    Raises:
        ConfigError: it may not be.
    """
    if why := why_not(config, provider, model):
        raise nobody(config, {f"{provider.name}/{model}": why})
    return provider


async def why_not_at_all(config: Config, provider: Provider, model: str) -> str:
    """Return why a model may not be asked, by what its service says of it as well."""
    limited = config.models.regions is not None and hosted(config, provider, model)[1]
    if limited and isinstance(provider, Learns):
        await provider.learn(model)
    return why_not(config, provider, model)


def nobody(config: Config, why: Mapping[str, str]) -> ConfigError:
    """Return the error that says that nobody may be asked; `why` is by model."""
    told = "; ".join(f"{name}: {reason}" for name, reason in why.items())
    where = allowed_in(config.models.regions or ())
    first = next(iter(why), "<name>").partition("/")[0]
    return ConfigError(
        f"no model may be asked: {told}",
        hint=f"accepted by models.regions: {where}; providers.{first}.region says where it is",
    )


async def chosen_model(config: Config, environ: Mapping[str, str]) -> str:
    """Return the model to use where nobody chose one; a key for Groq may be configured, too."""
    keyed = config.provider("groq").has_key and not environ.get("LLMREPL_MODEL", "").strip()
    return GROQ_DEFAULT if keyed else await default_model(environ)


def first_of(chain: Chain, config: Config, open_provider: Callable[[str], Provider]) -> str:
    """Return the model to begin with: the first that is named, or that a rule may choose.

    Args:
        chain: the models.
        config: says where requests may be answered.
        open_provider: opens a provider, where it has to be known whether it is here.

    Raises:
        ConfigError: there is only a rule, and nothing to choose from; or nobody may be asked.
    """
    names = named_in(chain, config)
    if not names:
        raise ConfigError(
            f"{chain[0][0]} has no models to choose from", hint="name some in models.pool"
        )
    if config.models.regions is None:
        return names[0]
    why: dict[str, str] = {}
    for name in names:
        provider, model = split_model(name)
        try:
            why[name] = why_not(config, open_provider(provider), model)
        except LlmreplError as error:
            why[name] = error.message
        if not why[name]:
            return name
    raise nobody(config, why)


def named_in(chain: Chain, config: Config) -> list[str]:
    """Return the models that a chain may lead to."""
    pool = pool_of(config)
    names: Iterable[str] = (
        name for group in chain for name in (pool if group[0] in RULES else group)
    )
    return list(dict.fromkeys(names))


def pool_of(config: Config) -> list[str]:
    """Return the models that a rule chooses from."""
    models = config.models
    chains = (models.pool,) if models.pool else (models.main, models.fast)
    named = [name for chain in chains for group in chain or () for name in group]
    return [name for name in dict.fromkeys(named) if name not in RULES]
