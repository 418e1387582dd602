"""Turns the nodes of bash's syntax tree into words, and finds the commands inside of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmrepl.approvals.touches import EXACT, OPEN, PATTERN
from llmrepl.approvals.words import WILD, Word, joined

if TYPE_CHECKING:
    from tree_sitter import Node

_ESCAPE = re.compile(r"\\(\n)?(.?)", re.DOTALL)
_QUOTED_ESCAPE = re.compile(r'\\([$`"\\\n])')
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_ANSI_ESCAPE = re.compile(r"\\(?:([\\'\"?ntrabefv])|([0-7]{1,3})|x([0-9a-fA-F]{1,2}))")
_BRACES = re.compile(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
_HOME = frozenset({"$HOME", "${HOME}"})
_INSIDE = frozenset({"command_substitution", "process_substitution"})


class Expander:
    """Makes words.

    Args:
        data: the source.
        inside: notes what a command or process substitution touches.
    """

    def __init__(self, data: bytes, inside: Callable[[Node], None]) -> None:
        self._data = data
        self._inside = inside

    def text(self, node: Node) -> str:
        """Return what is written at `node`."""
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def word(self, node: Node) -> Word:
        """Return the word at `node`, and note the commands in it."""
        word = self._part(node)
        text = self.text(node)
        if _BRACES.search(text) and word.form != OPEN and "'" not in text and '"' not in text:
            return Word(text, OPEN)
        if text.startswith("~") and word.form != OPEN:
            return Word(word.text, word.form, home=True)
        return word

    def commands_in(self, node: Node) -> None:
        """Note the commands in `node`, which is text to bash otherwise."""
        waiting = [node]
        while waiting:
            at = waiting.pop()
            if at.type in _INSIDE:
                self._inside(at)
            else:
                waiting += reversed(at.children)

    def _part(self, node: Node) -> Word:
        kind = node.type
        if kind in ("word", "number", "test_operator", "variable_name", "special_variable_name"):
            return self._bare(node)
        if kind == "raw_string":
            return Word(self.text(node)[1:-1])
        if kind in ("string", "translated_string"):
            return self._string(node)
        if kind == "ansi_c_string":
            return _ansi(self.text(node))
        if kind == "concatenation":
            return self._concatenation(node)
        if kind in ("simple_expansion", "expansion"):
            self.commands_in(node)
            return self._variable(node)
        if kind == "command_name" and len(node.children) == 1:
            return self._part(node.children[0])
        self.commands_in(node)
        return Word(self.text(node), OPEN)

    def _bare(self, node: Node) -> Word:
        text = self.text(node)
        if node.children:
            self.commands_in(node)
            return Word(text, OPEN)
        form = PATTERN if WILD.search(_ESCAPE.sub("", text)) else EXACT
        if "\\" in text and form == PATTERN:
            return Word(text, OPEN)
        return Word(_ESCAPE.sub(lambda found: found[2] if not found[1] else "", text), form)

    def _concatenation(self, node: Node) -> Word:
        parts = []
        end = node.start_byte
        for child in node.children:
            if child.start_byte != end:
                return Word(self.text(node), OPEN)
            parts.append(self._part(child))
            end = child.end_byte
        whole = joined(parts)
        if OPEN in (part.form for part in parts):
            return Word(self.text(node), OPEN)
        # A pattern beside quotes or a variable: its literal wildcards cannot be told from others.
        if whole.form == PATTERN and any(WILD.search(p.text) for p in parts if p.form == EXACT):
            return Word(self.text(node), OPEN)
        return Word(whole.text, whole.form, whole.home)

    def _string(self, node: Node) -> Word:
        """Read a string between double quotes: what stands between its nodes is text, too."""
        start = node.start_byte + (2 if node.type == "translated_string" else 1)
        if node.type == "translated_string":
            node = node.children[-1]
        parts: list[Word] = []
        for child in node.children[1:-1]:
            if child.type == "string_content" or not child.is_named:
                continue
            parts.append(self._quoted(start, child.start_byte))
            if child.type in ("simple_expansion", "expansion"):
                self.commands_in(child)
                parts.append(self._variable(child))
            else:
                self.commands_in(child)
                parts.append(Word(self.text(child), OPEN))
            start = child.end_byte
        parts.append(self._quoted(start, node.end_byte - 1))
        return joined([part for part in parts if part.text] or [Word("")])

    def _quoted(self, start: int, end: int) -> Word:
        text = self._data[start:end].decode("utf-8", "replace")
        found = _QUOTED_ESCAPE.sub(lambda escape: escape[1].strip("\n"), text)
        return Word(found, OPEN if re.search(r"(?<!\\)[`]", text) else EXACT)

    def _variable(self, node: Node) -> Word:
        text = self.text(node)
        return Word("~", EXACT, home=True) if text in _HOME else Word(text, OPEN)


def _ansi(text: str) -> Word:
    """Return the word that `$'…'` stands for."""

    def meant(escape: re.Match[str]) -> str:
        if escape[1]:
            return _ANSI.get(escape[1], escape[1])
        return chr(int(escape[2], 8) & 0xFF if escape[2] else int(escape[3], 16))

    body = text[2:-1]
    if "\\" in _ANSI_ESCAPE.sub("", body) or re.search(r"\\(?:x|[0-7])", body):
        # Other escapes, and bytes that may be parts of a character.
        octets = _ANSI_ESCAPE.sub(meant, body)
        return Word(octets) if octets.isascii() and "\\" not in octets else Word(text, OPEN)
    return Word(_ANSI_ESCAPE.sub(meant, body))
