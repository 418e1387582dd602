"""Which providers there are, and which one to use. Nothing heavy is imported before it is opened.

A built-in provider is a row of `BUILT_IN`; others come through the entry points of
`llmrepl.providers`, which are looked up only for a name that is not built in.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from llmrepl.errors import ConfigError, LlmreplError, PluginError

if TYPE_CHECKING:
    from llmrepl.ports import Provider

GROUP = "llmrepl.providers"
BROUGHT_BY = {
    "anthropic": "llmrepl-providers",
    "gemini": "llmrepl-providers",
    "mistral": "llmrepl-providers",
    "local": "llmrepl-local",
}
"""The distributions of ours that bring providers, by the providers' names."""

FALLBACK = "demo/assistant"
GROQ_DEFAULT = "groq/llama-3.3-70b-versatile"
OLLAMA_SECONDS = 0.3
"""How long an Ollama may take to answer before the default model is chosen without it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A built-in provider.

    `variables` are the environment variables it reads; `local` says whether it works without a
    network; `about` is a line for people.
    """

    module: str
    name: str
    variables: tuple[str, ...]
    local: bool
    about: str


BUILT_IN: Mapping[str, Row] = {
    "ollama": Row(
        "llmrepl.providers.ollama",
        "Ollama",
        ("OLLAMA_HOST", "OLLAMA_API_KEY"),
        local=True,
        about="models on this machine or a server of yours, through Ollama",
    ),
    "groq": Row(
        "llmrepl.providers.groq",
        "Groq",
        ("GROQ_API_KEY", "GROQ_BASE_URL"),
        local=False,
        about="Groq's service",
    ),
    "openai": Row(
        "llmrepl.providers.openai",
        "OpenAI",
        ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
        local=False,
        about="OpenAI, or any server that speaks its API",
    ),
    "demo": Row(
        "llmrepl.providers.demo",
        "Assistant",
        (),
        local=True,
        about="a small assistant without a language model, to try llmrepl with",
    ),
    "scripted": Row(
        "llmrepl.providers.scripted",
        "Scripted",
        (),
        local=True,
        about="prepared replies from a file, for demos and tests",
    ),
}


def split_model(model: str) -> tuple[str, str]:
    """Return the provider and the model's own name, which may hold slashes and colons.

    Raises:
        ConfigError: it is not of the form `provider/model`.
    """
    provider, _, name = model.strip().partition("/")
    if not provider or not name:
        raise ConfigError(
            f"{model!r} does not name a model",
            hint="accepted: provider/model, like ollama/llama3.2 or groq/llama-3.3-70b-versatile",
        )
    return provider, name


def open_provider(name: str, settings: Mapping[str, Any] | None = None) -> Provider:
    """Return the provider called `name`; no connection is made yet.

    Args:
        name: a row of `BUILT_IN`, or an installed plugin's entry point.
        settings: keyword arguments for it, like `base_url`, `api_key`, `options`, `timeout`.

    Raises:
        ConfigError: there is no such provider, or a setting that it does not accept.
        PluginError: the plugin behind the name could not be loaded.
    """
    row = BUILT_IN.get(name)
    make = getattr(import_module(row.module), row.name) if row else _from_plugin(name)
    given = {key: value for key, value in (settings or {}).items() if value is not None}
    parameters = inspect.signature(make).parameters
    accepted = [key for key, one in parameters.items() if one.kind is not one.VAR_KEYWORD]
    unknown = [key for key in given if key not in accepted]
    if unknown and len(accepted) == len(parameters):
        raise ConfigError(
            f"the provider {name} has no setting {unknown[0]!r}",
            hint=f"accepted: {', '.join(accepted) or 'none'}",
        )
    if row:
        return cast("Provider", make(**given))
    try:
        return cast("Provider", make(**given))
    except LlmreplError:
        raise
    except Exception as error:
        raise PluginError(f"the provider {name} could not be opened: {error!r}") from error


def installed() -> Sequence[str]:
    """Return the names of the providers that plugins bring."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP).names - BUILT_IN.keys())


def installing(name: str) -> str:
    """Return how to install a provider of a distribution of ours; empty for any other."""
    package = BROUGHT_BY.get(name)
    if package is None:
        return ""
    from sys import executable

    return (
        f"{package} brings it; in llmrepl's sources: {executable} -m pip install plugins/{package}"
    )


def _from_plugin(name: str) -> Callable[..., Any]:
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP)
    if name not in found.names:
        known = sorted({*BUILT_IN, *found.names})
        hint = installing(name) or f"there are: {', '.join(known)}"
        raise ConfigError(f"there is no provider {name!r}", hint=hint)
    entry = found[name]
    try:
        return cast("Callable[..., Any]", entry.load())
    except Exception as error:
        raise PluginError(
            f"the provider {name} could not be loaded from {entry.value}: {error!r}",
            hint="update or remove the package that brings it",
        ) from error


async def default_model(environ: Mapping[str, str]) -> str:
    """Return the model to use where nobody chose one.

    `LLMREPL_MODEL`, else Groq's where there is a `GROQ_API_KEY`, else the first model of an Ollama
    that answers at `OLLAMA_HOST` at once, else the demonstration.

    Raises:
        ConfigError: `LLMREPL_MODEL` or `OLLAMA_HOST` is not what it should be.
    """
    if model := environ.get("LLMREPL_MODEL", "").strip():
        split_model(model)
        return model
    if environ.get("GROQ_API_KEY", "").strip():
        return GROQ_DEFAULT
    from llmrepl.providers.ollama import ollama_url
    from llmrepl.providers.probe import first_model

    installed = await first_model(ollama_url(environ.get("OLLAMA_HOST", "")), OLLAMA_SECONDS)
    return f"ollama/{installed}" if installed else FALLBACK
