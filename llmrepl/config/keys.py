"""Finds settings by their keys, and the key that was meant where there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmrepl.config.settings import SETTINGS, Setting


def _tree() -> dict[str, Any]:
    root: dict[str, Any] = {}
    for setting in SETTINGS:
        *parents, leaf = ("*" if part[0] == "<" else part for part in setting.key.split("."))
        node = root
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = setting
    return root


TREE: Mapping[str, Any] = _tree()
"""The table by parts of the key: mappings whose leaves are settings, `*` for any name."""

_EXACT = {setting.key: setting for setting in SETTINGS if "<" not in setting.key}


def child(node: Mapping[str, Any], name: str) -> Any:
    """Return the setting or subtree called `name` in a subtree, or None where there is none."""
    return node.get(name, node.get("*"))


def setting_at(path: tuple[str, ...]) -> Setting:
    """Return the setting of a path that is known to have one."""
    node: Any = TREE
    for name in path:
        node = child(node, name)
    assert isinstance(node, Setting)
    return node


def path_of(key: str) -> tuple[tuple[str, ...], Setting] | None:
    """Return the parts of a dotted key and its setting, or None where there is no such setting.

    A name inside the key may stand with or without quotes: `prices."groq/x-1.5".input` and
    `prices.groq/x-1.5.input` are the same.
    """
    if (exact := _EXACT.get(key)) is not None:
        return tuple(key.split(".")), exact
    for setting in SETTINGS:
        if "<" in setting.key:
            pattern = re.sub(r"<\w+>", "(.+)", re.escape(setting.key))
            if match := re.fullmatch(pattern, key):
                names = (name.strip("\"'") for name in match.groups())
                parts = (next(names) if p[0] == "<" else p for p in setting.key.split("."))
                return tuple(parts), setting
    return None


def nearest(key: str) -> str:
    """Return the key that was probably meant, or an empty text."""
    import difflib  # only a mistyped key needs it

    parts = key.split(".")
    table, _, leaf = key.rpartition(".")
    known = [name for name, node in TREE.items() if not isinstance(node, Setting)]
    for setting in SETTINGS:
        pattern = setting.key.split(".")
        if len(pattern) == len(parts):
            pattern = [own if p[0] == "<" else p for p, own in zip(pattern, parts, strict=True)]
        known.append(".".join(pattern))
    beside = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == table}
    if close := difflib.get_close_matches(leaf, beside, 1):
        return beside[close[0]]
    same_leaf = [name for name in known if name.rpartition(".")[2] == leaf]
    if len(same_leaf) == 1:
        return same_leaf[0]
    close = [] if table and beside else difflib.get_close_matches(key, known, 1, 0.75)
    return close[0] if close else ""
