"""Which texts are secret on this machine: by the names of variables, and by the configuration.

What is not found here is not redacted: a secret in a file of another kind, for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from llmrepl.config.dotenv import secrets_of_project
from llmrepl.config.paths import home
from llmrepl.config.tree import Config
from llmrepl.config.vault import key_of
from llmrepl.errors import ConfigError
from llmrepl.redaction import Redactor, Secret, secrets_in


def redactor_of(config: Config, environ: Mapping[str, str], cwd: Path) -> Redactor:
    """Return what knows every secret that can be found.

    Args:
        config: what is configured.
        environ: the environment variables.
        cwd: the working directory, in and near which `.env` files may be.
    """
    configured = _configured(config, environ)
    in_files = secrets_of_project(cwd, home(environ))
    return Redactor((*configured, *secrets_in(environ), *in_files))


def _configured(config: Config, environ: Mapping[str, str]) -> Iterator[Secret]:
    for text in config.redact:
        yield "redact", text
    for name, provider in config.providers.items():
        key = f"providers.{name}"
        if provider.api_key:
            yield f"{key}.api_key", provider.api_key
        if provider.api_key_env:
            yield provider.api_key_env, environ.get(provider.api_key_env, "")
        if provider.keyring or provider.api_key_file:
            with suppress(ConfigError):  # there is no key then, and whoever wants it is told
                found = key_of(config, name, environ)
                yield f"{key}.api_key", found.value if found else ""
        if provider.base_url:
            yield from secrets_in({f"{key}.base_url": provider.base_url})
        yield from secrets_in(provider.options)
