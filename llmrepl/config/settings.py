"""Every setting there is, in one table. Whatever else lists settings is made from it.

A project file comes with other people's code, so it may make llmrepl stricter and never laxer:
each setting's `project` rule says what that means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from llmrepl.config import kinds
from llmrepl.config.actions import ACTIONS
from llmrepl.config.kinds import Kind, Unaccepted, size_text

Rule = Literal["free", "tighten", "inside", "never"]
"""What a project file may do: anything; only make it stricter (a smaller number, an earlier choice,
fewer entries); only name a file in the project's own folder; nothing."""

Layer = Literal["user file", "project file", "environment", "flag"]
"""Where a value can come from, weakest first; below all of them is the default."""

NOT_IN_PROJECT: tuple[Layer, ...] = ("user file", "environment", "flag")


class Setting(NamedTuple):
    """One setting.

    `key` is dotted; a part in angle brackets stands for any name. `choices` go from the strictest
    to the laxest. `least` and `most` are the accepted range, bounds included. `only` names the
    layers that may give a particular value.
    """

    key: str
    kind: Kind
    default: Any
    text: str
    flag: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    project: Rule = "free"
    only: Mapping[str, tuple[Layer, ...]] = {}

    @property
    def variable(self) -> str:
        """The environment variable that sets it; empty for a key with a name in it."""
        return "" if "<" in self.key else "LLMREPL_" + self.key.upper().replace(".", "_")

    @property
    def accepts(self) -> str:
        """What is accepted, to complete the sentence "accepted: …"."""
        if self.choices:
            return ", ".join(self.choices[:-1]) + f" or {self.choices[-1]}"
        if self.least is None:
            return self.kind.accepts
        if self.most is None:
            return f"{self.kind.accepts}, at least {self._bound(self.least)}"
        return f"{self.kind.accepts}, from {self._bound(self.least)} to {self._bound(self.most)}"

    def parse(self, value: Any) -> Any:
        """Return the setting's value for what a TOML file holds.

        Raises:
            Unaccepted: as it says.
        """
        found = self.kind.parse(value)
        if self.choices and found not in self.choices:
            raise Unaccepted
        if self.least is not None and found < self.least:
            raise Unaccepted
        if self.most is not None and found > self.most:
            raise Unaccepted
        return found

    def _bound(self, bound: float) -> str:
        if self.kind is kinds.SIZE:
            return size_text(int(bound))
        return str(int(bound)) if bound == int(bound) else str(bound)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "model",
        kinds.MODEL,
        None,
        "The model to talk to; without it, one is looked for.",
        flag="--model",
    ),
    *(
        Setting(f"models.{purpose}", kinds.CHAIN, None, text)
        for purpose, text in (
            ("main", "The models to talk to, the first first; `model` goes before them."),
            ("fast", "The models that `/model fast` chooses."),
            ("vision", "The models for prompts with images, where the others see none."),
            ("compact", "The models that write summaries; without it, those of the conversation."),
            (
                "pool",
                "The models that auto:cheapest and the like choose from; else all named here.",
            ),
        )
    ),
    Setting(
        "models.regions",
        kinds.REGIONS,
        None,
        "Where requests may be answered besides this machine; without it, anywhere.",
        project="tighten",
    ),
    Setting(
        "models.tools",
        kinds.CHOICE,
        "auto",
        "How models call: their services' own way, helper blocks, or as the model is known to.",
        choices=("auto", "native", "blocks"),
    ),
    Setting(
        "models.patience",
        kinds.SECONDS,
        10.0,
        "How long a step waits, all in all, to ask a busy model again; 0 is not at all.",
        least=0,
        most=3600,
    ),
    Setting(
        "system",
        kinds.PATH,
        None,
        "A file whose text is put before the conversation.",
        flag="--system",
        project="inside",
    ),
    Setting(
        "approval",
        kinds.CHOICE,
        "ask",
        "Who answers where a block needs approval: ask a person, or always say yes or no.",
        flag="--approval",
        choices=("deny", "ask", "auto"),
        project="tighten",
    ),
    Setting(
        "sandbox.tier",
        kinds.CHOICE,
        "auto",
        "The sandbox: the full one, the reduced one for systems without namespaces, or none.",
        flag="--sandbox",
        choices=("auto", "reduced", "off"),
        project="tighten",
        only={"off": ("flag",), "reduced": NOT_IN_PROJECT},
    ),
    Setting(
        "sandbox.python",
        kinds.PATH,
        None,
        "The Python that runs blocks; without it, the active or the project's environment.",
        project="never",
    ),
    Setting(
        "sandbox.project",
        kinds.CHOICE,
        "copy",
        "What blocks see of the project: a copy that they may write, or the project read-only.",
        flag="--project",
        choices=("read-only", "copy"),
        project="tighten",
    ),
    Setting(
        "sandbox.write",
        kinds.PATHS,
        (),
        "Folders that blocks write for real; relative to the current folder.",
        flag="--write",
        project="tighten",
    ),
    Setting(
        "sandbox.net",
        kinds.HOSTS,
        (),
        "Hosts that blocks may reach.",
        flag="--net",
        project="tighten",
    ),
    Setting(
        "sandbox.timeout",
        kinds.SECONDS,
        10.0,
        "How long a block may run, if it does not ask for another time.",
        least=0.1,
        most=86400,
        project="tighten",
    ),
    Setting(
        "sandbox.timeout_max",
        kinds.SECONDS,
        30.0,
        "The longest time that a block can ask for.",
        least=0.1,
        most=86400,
        project="tighten",
    ),
    Setting(
        "sandbox.memory",
        kinds.SIZE,
        2**30,
        "Memory for everything in the sandbox together.",
        least=16 * 2**20,
        project="tighten",
    ),
    Setting(
        "sandbox.processes",
        kinds.INTEGER,
        64,
        "Processes in the sandbox at the same time.",
        least=1,
        most=32768,
        project="tighten",
    ),
    Setting(
        "sandbox.output",
        kinds.SIZE,
        256 * 2**10,
        "How much of a block's output is kept; the middle of longer output is left out.",
        least=2**10,
        project="tighten",
    ),
    Setting(
        "sandbox.env",
        kinds.NAMES,
        (),
        "Environment variables that blocks see in addition to the usual ones.",
        project="tighten",
    ),
    Setting(
        "redact",
        kinds.SECRETS,
        (),
        "Texts that must reach no model, no log and no screen, besides the secrets that are found.",
        project="never",
    ),
    Setting(
        "limits.max_steps",
        kinds.INTEGER,
        50,
        "Model requests in one turn.",
        flag="--max-steps",
        least=1,
        most=10000,
        project="tighten",
    ),
    Setting(
        "limits.turn_seconds",
        kinds.SECONDS,
        1800.0,
        "Wall time of one turn.",
        flag="--timeout",
        least=0.1,
        most=604800,
        project="tighten",
    ),
    Setting(
        "limits.budget",
        kinds.DOLLARS,
        None,
        "What one session may cost; without it, anything.",
        flag="--budget",
        least=0,
        project="tighten",
    ),
    *(
        Setting(
            f"budgets.{scope}",
            kinds.DOLLARS,
            None,
            f"What {what} may cost; without it, anything.",
            least=0,
            project="tighten",
        )
        for scope, what in (
            ("step", "one step, with requests that are made again,"),
            ("turn", "one turn"),
            ("day", "all sessions together in one calendar day"),
            ("month", "all sessions together in one calendar month"),
            ("project", "all sessions in one directory, ever,"),
            ("user", "all sessions of one account, ever,"),
        )
    ),
    Setting(
        "budgets.warn",
        kinds.WORDS,
        (),
        "Budgets that only warn: step, turn, session, day, month, project or user.",
        project="tighten",
    ),
    Setting(
        "context.window",
        kinds.INTEGER,
        None,
        "How many tokens the model takes at once; without it, what its service or a table says.",
        least=256,
        most=10**9,
    ),
    Setting(
        "context.compact",
        kinds.BOOLEAN,
        True,
        "Make room unasked before a request that would nearly fill the model's window.",
    ),
    Setting(
        "sessions.directory",
        kinds.PATH,
        None,
        "Where sessions are kept; without it, in llmrepl's data folder.",
        project="never",
    ),
    Setting(
        "sessions.save",
        kinds.BOOLEAN,
        True,
        "Keep sessions on disk; --no-save turns it off.",
        flag="--no-save",
        project="never",
    ),
    Setting(
        "sessions.keep_days",
        kinds.INTEGER,
        None,
        "Pruning deletes sessions that were not used for so many days; without it, none is old.",
        least=1,
        most=100_000,
        project="never",
    ),
    Setting(
        "sessions.keep_size",
        kinds.SIZE,
        None,
        "Pruning deletes the least recently used sessions until all take no more than this.",
        least=2**10,
        project="never",
    ),
    Setting(
        "sessions.keep_tags",
        kinds.WORDS,
        ("keep",),
        "Pruning never deletes a session with one of these tags.",
        project="never",
    ),
    Setting(
        "sessions.prune",
        kinds.BOOLEAN,
        False,
        "Prune by these rules whenever a chat ends, without a question.",
        project="never",
    ),
    Setting(
        "sessions.encrypt",
        kinds.RECIPIENTS,
        (),
        "Seal new sessions for these age recipients, or for the key in the system's keyring.",
        project="never",
    ),
    Setting(
        "sessions.identity",
        kinds.PATH,
        None,
        "A file of age identities that opens sealed sessions; without it, the system's keyring.",
        project="never",
    ),
    Setting(
        "providers.<name>.base_url",
        kinds.URL,
        None,
        "Where the provider is reached, if not at its usual address.",
        project="never",
    ),
    Setting(
        "providers.<name>.api_key",
        kinds.SECRET,
        None,
        "The key itself; `llmrepl config set-key` knows better places.",
        project="never",
    ),
    Setting(
        "providers.<name>.api_key_file",
        kinds.PATH,
        None,
        "A file with nothing but the key, which nobody else may be able to open.",
        project="never",
    ),
    Setting(
        "providers.<name>.keyring",
        kinds.BOOLEAN,
        None,
        "Whether the key is in the system's keyring, where `llmrepl config set-key` puts it.",
        project="never",
    ),
    Setting(
        "providers.<name>.api_key_env",
        kinds.NAME,
        None,
        "The environment variable that holds the key, if not the provider's usual one.",
        project="never",
    ),
    Setting(
        "providers.<name>.timeout",
        kinds.SECONDS,
        None,
        "How long to wait for the provider to send anything.",
        least=0.1,
        most=86400,
        project="never",
    ),
    Setting(
        "providers.<name>.region",
        kinds.REGION,
        None,
        "Where the provider's models are hosted, in a word of your own; see `models.regions`.",
        project="never",
    ),
    Setting(
        "providers.<name>.tools",
        kinds.CHOICE,
        None,
        "How the provider's models call, where that differs from `models.tools`.",
        choices=("auto", "native", "blocks"),
    ),
    Setting(
        "providers.<name>.options.<option>",
        kinds.ANY,
        None,
        "Passed on to the provider as it is.",
        project="never",
    ),
    *(
        Setting(
            f"prices.<model>.{part}",
            kinds.DOLLARS,
            None,
            f"US dollars per million {tokens} tokens of the model provider/model.",
            least=0,
            project="never",
        )
        for part, tokens in (
            ("input", "input"),
            ("output", "output"),
            ("cache_read", "cached input"),
            ("cache_write", "newly cached input"),
        )
    ),
    Setting(
        "ui.display",
        kinds.WORD,
        "auto",
        "What shows a conversation: timeline, plain, json or a plugin's; auto suits the terminal.",
        flag="--display",
        project="never",
    ),
    Setting(
        "ui.theme",
        kinds.CHOICE,
        "auto",
        "Colours for a dark or a light terminal, with high contrast, or none.",
        choices=("auto", "dark", "light", "contrast", "none"),
    ),
    Setting(
        "ui.screen_reader",
        kinds.BOOLEAN,
        False,
        "Words instead of signs and boxes, and no line that is drawn again.",
        project="never",
    ),
    Setting(
        "ui.bell",
        kinds.SECONDS,
        20.0,
        "A turn that took so long rings at its end, and every question does; 0 is never.",
        least=0,
        most=86400,
        project="never",
    ),
    Setting(
        "ui.title",
        kinds.BOOLEAN,
        True,
        "The window's title tells what a chat is about and whether it works or waits.",
        project="never",
    ),
    Setting(
        "ui.editing_mode",
        kinds.CHOICE,
        "emacs",
        "How keys edit the prompt.",
        choices=("emacs", "vi"),
    ),
    *(
        Setting(f"keys.{action.name}", kinds.KEYS, None, action.purpose, project="never")
        for action in ACTIONS
    ),
    Setting(
        "seed",
        kinds.INTEGER,
        None,
        "Asks the model for the same answer to the same question.",
        flag="--seed",
        least=0,
        most=2**63 - 1,
    ),
    Setting(
        "max_tokens",
        kinds.INTEGER,
        None,
        "The longest message the model may write, in tokens.",
        least=1,
        most=10**9,
    ),
    Setting(
        "temperature",
        kinds.NUMBER,
        None,
        "How freely the model chooses its words.",
        least=0,
        most=2,
    ),
)
"""The table."""
