"""Binds keys to actions: looks up what an action's keys are, and what does it.

What is done stands in tables by action; an action that nobody does leaves its keys to
prompt-toolkit. A key that was taken from an action does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Always, Filter, has_focus, is_searching, vi_insert_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from llmrepl.config.actions import ACTIONS, Keys, keys_of

Handler = Callable[[KeyPressEvent], None]


class Does(NamedTuple):
    """What does an action, and when; elsewhere the key is as prompt-toolkit has it."""

    handler: Handler
    when: Filter = Always()


Doing = Mapping[str, Does]
"""What does each action, by its name."""

_EDITING = has_focus(DEFAULT_BUFFER) & ~is_searching
_PREFIXES = {"ctrl-": "c-", "shift-": "s-"}


def bound(mode: str, chosen: Mapping[str, Keys | None], doing: Doing) -> KeyBindings:
    """Return the bindings.

    Args:
        mode: emacs or vi.
        chosen: the keys of actions that are configured; None for those by default.
        doing: what does the actions.
    """
    bindings = KeyBindings()
    in_force = keys_of(mode, chosen)
    taken = {key for keys in in_force.values() for key in keys}
    for action in ACTIONS:
        for key in action.keys(mode):
            if key not in taken and key != "escape":
                bindings.add(*presses(key), filter=_EDITING)(_nothing)
        does = doing.get(action.name)
        if does is None:
            continue
        for key in in_force[action.name]:
            # In vi's insert mode Escape ends it, whatever else it does.
            escapes = key.split(" ")[0] == "escape"
            when = does.when & ~vi_insert_mode if escapes else does.when
            bindings.add(*presses(key), filter=when)(does.handler)
    return bindings


def presses(key: str) -> Iterator[str]:
    """Yield what prompt-toolkit calls the presses of a key, as the configuration writes it."""
    for press in key.split(" "):
        name = press
        if name.startswith("alt-"):
            yield "escape"
            name = name.removeprefix("alt-")
        for prefix, short in _PREFIXES.items():
            if name.startswith(prefix):
                name = short + name.removeprefix(prefix)
        yield name


def editing(handler: Handler, *, when: Filter | None = None) -> Does:
    """Return what does an action of the prompt itself, and not while history is searched."""
    return Does(handler, _EDITING if when is None else _EDITING & when)


def _nothing(_: KeyPressEvent) -> None:
    """Do nothing."""
