"""Which models can be used now, over all providers that answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from llmrepl.accounting import Accuracy, Calls, UsageError, accuracies
from llmrepl.compose.assembly import provider_for
from llmrepl.compose.hosting import why_not
from llmrepl.config import Config
from llmrepl.config.paths import usage_database
from llmrepl.config.secrets import redactor_of
from llmrepl.errors import ConfigError, LlmreplError
from llmrepl.ports import ModelInfo, TakesFiles
from llmrepl.providers.registry import BUILT_IN, installed, installing

FILES = "local"
"""The provider of models from files."""

KEYS = {"groq": "GROQ_API_KEY", "openai": "OPENAI_API_KEY"}
"""What must be set before asking a provider that refuses everybody without it."""


class ModelRow(NamedTuple):
    """A line of the list: `name` is provider/model, or a provider that gave none and why."""

    name: str
    note: str = ""
    usable: bool = True
    context: int | None = None
    accuracy: Accuracy | None = None


async def list_models(config: Config, environ: Mapping[str, str] | None = None) -> list[ModelRow]:
    """Ask every built-in, installed and configured provider at the same time; never raises."""
    environ = os.environ if environ is None else environ
    names = dict.fromkeys([*BUILT_IN, *installed(), *config.providers])
    found = await asyncio.gather(*(_of_provider(config, name, environ) for name in names))
    redactor = redactor_of(config, environ, Path.cwd())
    known = _accuracies(environ)
    return [
        row._replace(note=redactor.redact(row.note), accuracy=known.get(row.name))
        for rows in found
        for row in rows
    ]


def _accuracies(environ: Mapping[str, str]) -> Mapping[str, Accuracy]:
    try:
        with closing(Calls(usage_database(environ))) as calls:
            return accuracies(calls)
    except UsageError:  # `llmrepl check` says so
        return {}


async def _of_provider(config: Config, name: str, environ: Mapping[str, str]) -> list[ModelRow]:
    if name == "scripted":
        return [ModelRow("scripted/FILE", "prepared replies from a file")]
    settings = config.provider(name)
    needed = KEYS.get(name)
    reachable = settings.base_url or environ.get(f"{name.upper()}_BASE_URL")
    if needed and not (environ.get(needed) or settings.has_key or reachable):
        return [ModelRow(f"{name}/…", f"set {needed} to use it", usable=False)]
    provider = None
    try:
        provider = provider_for(config, name, environ)
        if why := why_not(config, provider, ""):
            return [ModelRow(f"{name}/…", f"not asked: {why}", usable=False)]
        models = await provider.models()
    except LlmreplError as error:
        return [ModelRow(f"{name}/…", error.message, usable=False)]
    finally:
        if provider is not None:
            await provider.close()
    if not models and isinstance(provider, TakesFiles):
        return [ModelRow(f"{name}/…", "llmrepl models add FILE adds one", usable=False)]
    about = BUILT_IN[name].about if name == "demo" else ""
    rows = [_row(name, model, about) for model in models]
    return [
        row._replace(note=f"not asked: {why}", usable=False)
        if (why := why_not(config, provider, model.name))
        else row
        for row, model in zip(rows, models, strict=True)
    ]


def _row(provider: str, model: ModelInfo, about: str) -> ModelRow:
    problem = model.details.get("problem", "")
    note = problem or about or model.details.get("note", "")
    return ModelRow(f"{provider}/{model.name}", note, not problem, model.context)


def add_file(
    config: Config, file: Path, name: str = "", environ: Mapping[str, str] | None = None
) -> ModelRow:
    """Add the model in a file, so that it can be used by its name.

    Raises:
        ConfigError: nothing here runs files, the file holds no model, or the name is taken.
        PluginError: what runs files could not be loaded.
    """
    return _row(FILES, _files(config, environ).add(str(file), name), "")


def remove_file(config: Config, name: str, environ: Mapping[str, str] | None = None) -> Path:
    """Forget a model that was added, and return where its file is, which stays.

    Raises:
        ConfigError: nothing here runs files, or there is none of this name.
        PluginError: what runs files could not be loaded.
    """
    return Path(_files(config, environ).remove(name.removeprefix(f"{FILES}/")))


def _files(config: Config, environ: Mapping[str, str] | None) -> TakesFiles:
    if FILES not in installed():
        raise ConfigError("nothing here runs models from files", hint=installing(FILES))
    provider = provider_for(config, FILES, os.environ if environ is None else environ)
    if not isinstance(provider, TakesFiles):
        raise ConfigError(f"the installed provider {FILES} does not run models from files")
    return provider
