"""How keys are written in a configuration: `ctrl-r`, `alt-enter`, `f2`, `ctrl-x ctrl-e`.

A terminal sends the same for some keys, such as Tab and Ctrl-I. They have one canonical name here,
so that a key that is bound twice is seen.
"""

from __future__ import annotations

import string

ACCEPTS = (
    'a key such as "ctrl-r", "alt-enter", "shift-tab", "f2" or "ctrl-x ctrl-e", or a list of keys'
)

_MOVING = ("up", "down", "left", "right", "home", "end", "insert", "delete", "pageup", "pagedown")
_PLAIN = ("enter", "tab", "escape", "space", "backspace", *_MOVING)
_SHIFTED = ("tab", *_MOVING)
_CONTROLLED = (*string.ascii_lowercase, *"@\\]^_", *_MOVING)
_FUNCTION = tuple(f"f{number}" for number in range(1, 25))

NAMED = frozenset(
    (
        *_PLAIN,
        *_FUNCTION,
        *(f"shift-{name}" for name in _SHIFTED),
        *(f"ctrl-{name}" for name in _CONTROLLED),
    )
)
"""Every key that is no character and has no Alt."""

_SAME = {
    "ctrl-i": "tab",
    "ctrl-m": "enter",
    "ctrl-[": "escape",
    "ctrl-h": "backspace",
    "ctrl-space": "ctrl-@",
    "esc": "escape",
    "return": "enter",
    "page-up": "pageup",
    "page-down": "pagedown",
}
_MODIFIERS = {"c": "ctrl", "control": "ctrl", "m": "alt", "meta": "alt", "s": "shift"}


def canonical(text: str) -> str:
    """Return the one name of a key, or of keys that are pressed one after the other.

    Raises:
        ValueError: it is none; the message says what of it.
    """
    presses = [_press(word) for word in text.split()]
    if not presses:
        raise ValueError("it is empty")
    if presses[0] not in NAMED and not presses[0].startswith("alt-"):
        raise ValueError(f"{text.strip()} is what is typed, and no key for anything else")
    while presses[0] == "escape" and len(presses) > 1 and presses[1] != "escape":
        if presses[1].startswith("alt-"):
            break
        presses[:2] = [f"alt-{presses[1]}"]  # the terminal sends the same
    return " ".join(presses)


def _press(word: str) -> str:
    *modifiers, name = word[:-1].split("-") if word.endswith("-") else word.split("-")
    if word.endswith("-"):
        name = "-"
    held = [
        _MODIFIERS.get(modifier.lower(), modifier.lower()) for modifier in modifiers if modifier
    ]
    alt = "alt" in held
    held = [modifier for modifier in held if modifier != "alt"]
    if len(name) > 1 or held:
        name = name.lower()
    press = "-".join((*held, name))
    press = _SAME.get(press, press)
    if press not in NAMED and not (len(press) == 1 and press.isprintable() and press != " "):
        raise ValueError(f"{word} is no key")
    return f"alt-{press}" if alt else press
