"""What a person can set for models from files: `[providers.local.options]`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from llmrepl.errors import ConfigError


class Option(NamedTuple):
    """One option: its type, its least and largest value, and what it is for."""

    kind: type
    least: float
    most: float
    text: str
    sampling: bool = False


OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "n_ctx": Option(int, 64, 2**31 - 1, "tokens that a model takes at once"),
        "n_threads": Option(int, 1, 4096, "threads that write a reply"),
        "n_threads_batch": Option(int, 1, 4096, "threads that read a prompt"),
        "n_batch": Option(int, 1, 2**20, "tokens that are read at a time"),
        "n_gpu_layers": Option(int, -1, 2**31 - 1, "layers on a graphics card; -1 is all"),
        "flash_attn": Option(bool, 0, 1, "whether attention is computed the faster way"),
        "use_mlock": Option(bool, 0, 1, "whether the model is kept in memory"),
        "top_k": Option(int, 0, 2**31 - 1, "how many tokens are drawn from", sampling=True),
        "top_p": Option(float, 0, 1, "the share of likely tokens drawn from", sampling=True),
        "min_p": Option(float, 0, 1, "the least likelihood, by the likeliest", sampling=True),
        "repeat_penalty": Option(float, 0, 10, "what repeating costs a token", sampling=True),
    }
)
"""All of them; llama.cpp's names."""


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as they are.

    Raises:
        ConfigError: there is no such option, or it does not take such a value.
    """
    for name, value in options.items():
        option = OPTIONS.get(name)
        if option is None:
            raise ConfigError(
                f"models from files have no option {name!r}", hint=f"accepted: {', '.join(OPTIONS)}"
            )
        fitting = (int, float) if option.kind is float else option.kind
        right = isinstance(value, fitting) and (option.kind is bool) == isinstance(value, bool)
        if not (right and option.least <= value <= option.most):
            raise ConfigError(
                f"{value!r} cannot be the option {name} of models from files",
                hint=f"accepted: {_accepts(option)}",
            )
    return dict(options)


def for_sampling(options: Mapping[str, Any], *, sampling: bool) -> dict[str, Any]:
    """Return the options for choosing tokens, or those for loading a model."""
    return {name: value for name, value in options.items() if OPTIONS[name].sampling is sampling}


def _accepts(option: Option) -> str:
    if option.kind is bool:
        return "true or false"
    kind = "a whole number" if option.kind is int else "a number"
    return f"{kind} from {option.least:g} to {option.most:g}"
