"""What keys can do at the prompt: a table of actions, each with the keys it has by default.

The table says nothing about how an action is done; whoever does one looks its keys up by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

Keys = tuple[str, ...]
"""Keys as `key_names.canonical` writes them; any of them does it."""


class Action(NamedTuple):
    """Something that keys do. `vi` are its keys in vi mode, where they differ from emacs mode."""

    name: str
    purpose: str
    emacs: Keys
    vi: Keys | None = None

    def keys(self, mode: str) -> Keys:
        """Return its keys by default in `mode`, which is emacs or vi."""
        return self.emacs if mode == "emacs" or self.vi is None else self.vi


ACTIONS: tuple[Action, ...] = (
    Action("send", "Send the prompt; take the chosen row of an open menu.", ("enter",)),
    Action("new_line", "Begin a new line in the prompt.", ("alt-enter", "ctrl-j")),
    Action("interrupt", "Interrupt what runs, and keep what came so far.", ("escape",)),
    Action(
        "clear",
        "Interrupt what runs, else clear the prompt, else say how to leave.",
        ("ctrl-c",),
    ),
    Action("leave", "Leave, where the prompt is empty.", ("ctrl-d",)),
    Action("suspend", "Stop llmrepl, and give the terminal back to the shell.", ("ctrl-z",)),
    Action("steer", "Hand the prompt to the turn that runs.", ("ctrl-s",)),
    Action(
        "edit_last",
        "Edit the last message, where the prompt is empty.",
        ("escape escape",),
    ),
    Action("expand", "Show all that the last block wrote.", ("ctrl-o",)),
    Action("editor", "Write the prompt in $VISUAL or $EDITOR.", ("ctrl-x ctrl-e",)),
    Action("complete", "Open the menu of completions, or choose its next row.", ("tab",)),
    Action("complete_back", "Choose the row before.", ("shift-tab",)),
    Action("history_search", "Search what was sent before; again for an older match.", ("ctrl-r",)),
    Action(
        "history_back",
        "Go a line up, or back to what was sent before and begins like the prompt.",
        ("up", "ctrl-p"),
        ("up",),
    ),
    Action("history_forward", "Go a line down, or forward again.", ("down", "ctrl-n"), ("down",)),
    Action("suggestion", "Take the suggestion behind the cursor.", ("right", "ctrl-f", "ctrl-e")),
    Action("suggestion_word", "Take a word of the suggestion.", ("alt-f",), ("ctrl-right",)),
    Action("clear_screen", "Clear the screen.", ("ctrl-l",)),
)
"""The table."""


def keys_of(mode: str, chosen: Mapping[str, Keys | None]) -> dict[str, Keys]:
    """Return the keys of each action: the chosen ones, else those by default."""
    found = {}
    for action in ACTIONS:
        keys = chosen.get(action.name)
        found[action.name] = action.keys(mode) if keys is None else keys
    return found


def shared(bound: Mapping[str, Keys]) -> Iterator[tuple[str, str, str]]:
    """Yield each key that two actions have, with both of them."""
    owners: dict[str, str] = {}
    for name, keys in bound.items():
        for key in keys:
            if owners.setdefault(key, name) != name:
                yield key, owners[key], name
