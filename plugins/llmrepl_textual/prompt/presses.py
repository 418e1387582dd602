"""Which action keys mean: as they are configured, one press or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from textual.keys import format_key

from llmrepl.config.actions import Keys, keys_of

Doing = Mapping[str, Callable[[], bool]]
"""What does each action, by its name; it returns whether there was something to do."""


ARRIVE: Mapping[str, str] = {"alt+enter": "ctrl+j", "alt+f": "ctrl+right"}
"""As what keys arrive from terminals that have no more than the usual protocol."""


def teach_alt_enter() -> None:
    """Let Alt-Enter arrive as a key of its own: Textual would take it for Enter, which sends."""
    from textual import _ansi_sequences
    from textual.keys import Keys as Names

    known = cast("dict[str, tuple[Names, ...]]", _ansi_sequences.ANSI_SEQUENCES_KEYS)
    known["\x1b\r"] = (Names.ControlJ,)


def textual(key: str) -> tuple[str, ...]:
    """Return what Textual calls the presses of a key, as the configuration writes it."""
    return tuple(press.replace("-", "+") for press in key.split(" "))


class Presses:
    """Turns presses into actions.

    Args:
        mode: emacs or vi.
        chosen: the keys of actions that are configured; None for those by default.
        doing: what does the actions.
    """

    def __init__(self, mode: str, chosen: Mapping[str, Keys | None], doing: Doing) -> None:
        self._doing = doing
        self._names: dict[tuple[str, ...], str] = {}
        for name, keys in keys_of(mode, chosen).items():
            for key in keys:
                presses = textual(key)
                self._names.setdefault(presses, name)
                arrived = tuple(ARRIVE.get(press, press) for press in presses)
                self._names.setdefault(arrived, name)
        self._begun: tuple[str, ...] = ()

    def press(self, key: str) -> bool:
        """Take a press; return whether it was for an action, or may begin one."""
        for presses in filter(None, ((*self._begun, key) if self._begun else (), (key,))):
            self._begun = ()
            name = self._names.get(presses, "")
            if name in self._doing and self._doing[name]():
                return True
            if any(keys[: len(presses)] == presses != keys for keys in self._names):
                self._begun = presses
                return True
        return False

    def keys(self, name: str) -> list[str]:
        """Return the keys of an action, as Textual calls them, presses with spaces between."""
        return [" ".join(presses) for presses, action in self._names.items() if action == name]


NAMED = {"pageup": "PageUp", "pagedown": "PageDown", "escape": "Esc"}


def shown(key: str) -> str:
    """Return a key as people write it: `Ctrl-X Ctrl-E`, `PageUp`, `[`."""
    return " ".join(map(_press, key.replace("+", "-").split(" ")))


def _press(press: str) -> str:
    parts = press.split("-")
    return "-".join(_named(part.upper() if parts[1:] and not part[1:] else part) for part in parts)


def _named(part: str) -> str:
    sign = format_key(part)
    return NAMED.get(part) or (sign if len(sign) == 1 and sign.isascii() else part.capitalize())
