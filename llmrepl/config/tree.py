"""The configuration as the rest of llmrepl sees it: typed, complete and frozen.

Fields are named like the keys. All are named tuples because a dataclass costs four times as much
at every start; defaults are in the table of settings alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from llmrepl.config.settings import SETTINGS
from llmrepl.errors import ConfigError
from llmrepl.purposes import PURPOSES, Chain

if TYPE_CHECKING:
    from llmrepl.usage import Price


class Models(NamedTuple):
    """Which models are asked for what, in order; `patience` is in seconds.

    `regions` are where they may be hosted, this machine aside; None for anywhere.
    """

    main: Chain | None
    fast: Chain | None
    vision: Chain | None
    compact: Chain | None
    pool: Chain | None
    regions: tuple[str, ...] | None
    tools: str
    patience: float


class Sandbox(NamedTuple):
    """What blocks may do. Times in seconds, sizes in bytes."""

    tier: str
    python: Path | None
    project: str
    write: tuple[Path, ...]
    net: tuple[str, ...]
    timeout: float
    timeout_max: float
    memory: int
    processes: int
    output: int
    env: tuple[str, ...]


class Limits(NamedTuple):
    """What ends a turn that does not end by itself; `budget` is in US dollars for the session."""

    max_steps: int
    turn_seconds: float
    budget: Decimal | None


class Budgets(NamedTuple):
    """What calls may cost by scope, in US dollars; those in `warn` only warn."""

    step: Decimal | None
    turn: Decimal | None
    day: Decimal | None
    month: Decimal | None
    project: Decimal | None
    user: Decimal | None
    warn: tuple[str, ...]


class Context(NamedTuple):
    """How large a request may be: `window` in tokens, None for what the model takes.

    `compact` says that room is made unasked.
    """

    window: int | None
    compact: bool


class Sessions(NamedTuple):
    """Where sessions are kept, whether, and for how long.

    `keep_days` and `keep_size`, in bytes, are None where there is no such rule; `prune` says that
    the rules are applied unasked. `encrypt` are the recipients of new sessions, none for plain
    ones; `identity` is the file of what opens them, None for the system's keyring.
    """

    directory: Path
    save: bool
    keep_days: int | None
    keep_size: int | None
    keep_tags: tuple[str, ...]
    prune: bool
    encrypt: tuple[str, ...]
    identity: Path | None


class Provider(NamedTuple):
    """How one provider is reached; None means its own default. `timeout` in seconds."""

    base_url: str | None = None
    api_key: str | None = None
    api_key_env: str | None = None
    api_key_file: Path | None = None
    keyring: bool = False
    timeout: float | None = None
    options: Mapping[str, Any] = MappingProxyType({})
    region: str | None = None
    tools: str | None = None

    @property
    def has_key(self) -> bool:
        """Whether a key is configured, wherever it is."""
        return bool(self.api_key or self.api_key_env or self.api_key_file or self.keyring)


class Ui(NamedTuple):
    """How llmrepl looks and feels."""

    display: str
    theme: str
    screen_reader: bool
    bell: float
    title: bool
    editing_mode: str


KeysOf = tuple[str, ...] | None
"""An action's keys; None for those it has by default."""


class Keys(NamedTuple):
    """Which keys do what at the prompt; see `llmrepl.config.actions`."""

    send: KeysOf
    new_line: KeysOf
    interrupt: KeysOf
    clear: KeysOf
    leave: KeysOf
    suspend: KeysOf
    steer: KeysOf
    edit_last: KeysOf
    expand: KeysOf
    editor: KeysOf
    complete: KeysOf
    complete_back: KeysOf
    history_search: KeysOf
    history_back: KeysOf
    history_forward: KeysOf
    suggestion: KeysOf
    suggestion_word: KeysOf
    clear_screen: KeysOf


class Config(NamedTuple):
    """Everything that can be configured. `prices` go by provider/model."""

    model: str | None
    models: Models
    system: Path | None
    approval: str
    sandbox: Sandbox
    redact: tuple[str, ...]
    limits: Limits
    budgets: Budgets
    context: Context
    sessions: Sessions
    providers: Mapping[str, Provider]
    prices: Mapping[str, Price]
    ui: Ui
    keys: Keys
    seed: int | None
    max_tokens: int | None
    temperature: float | None

    @property
    def chain(self) -> Chain | None:
        """Whom to talk to; None where nobody chose a model."""
        return self.named(self.model) if self.model else self.models.main

    def named(self, name: str) -> Chain:
        """Return the chain that a name stands for: a purpose's, or one of a model or rule alone.

        Raises:
            ConfigError: nothing is configured for that purpose.
        """
        if name not in PURPOSES:
            return ((name,),)
        chain: Chain | None = getattr(self.models, name)
        if chain is None:
            raise ConfigError(
                f"there is no chain for {name}", hint=f'set models.{name} = ["provider/model", …]'
            )
        return chain

    def provider(self, name: str) -> Provider:
        """Return what is configured for the provider `name`, which may be nothing."""
        return self.providers.get(name, Provider())


_BRANCHES = {
    "models": Models,
    "sandbox": Sandbox,
    "limits": Limits,
    "budgets": Budgets,
    "context": Context,
    "sessions": Sessions,
    "ui": Ui,
    "keys": Keys,
}


def build(values: Mapping[tuple[str, ...], Any]) -> Config:
    """Return the configuration that holds `values`, by the parts of their keys.

    Every setting without a name in its key must be there.
    """
    plain: dict[str, Any] = {}
    branches: dict[str, dict[str, Any]] = {name: {} for name in _BRANCHES}
    for setting in SETTINGS:
        path = tuple(setting.key.split("."))
        if "<" in setting.key:
            continue
        if len(path) == 1:
            plain[path[0]] = values[path]
        else:
            branches[path[0]][path[1]] = values[path]
    built: dict[str, Any] = {name: cls(**branches[name]) for name, cls in _BRANCHES.items()}
    return Config(
        **plain,
        **built,
        providers=MappingProxyType(_providers(values)),
        prices=MappingProxyType(_prices(values)),
    )


def _providers(values: Mapping[tuple[str, ...], Any]) -> dict[str, Provider]:
    fields: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        if path[0] == "providers":
            provider = fields.setdefault(path[1], {})
            if path[2] == "options":
                provider.setdefault("options", {})[path[3]] = value
            else:
                provider[path[2]] = value
    return {
        name: Provider(**{**given, "options": MappingProxyType(given.get("options", {}))})
        for name, given in fields.items()
    }


def _prices(values: Mapping[tuple[str, ...], Any]) -> dict[str, Price]:
    fields: dict[str, dict[str, Decimal]] = {}
    for path, value in values.items():
        if path[0] == "prices":
            fields.setdefault(path[1], {})[path[2]] = value
    if not fields:
        return {}
    from llmrepl.usage import Price

    return {model: Price(**given, source="configuration") for model, given in fields.items()}
