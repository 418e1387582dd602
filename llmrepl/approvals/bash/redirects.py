"""What bash's redirections touch, and what a command reads because of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmrepl.approvals.bash.expansion import Expander
from llmrepl.approvals.notes import Notes
from llmrepl.approvals.programs.commands import Input
from llmrepl.approvals.touches import Touch
from llmrepl.approvals.words import Place, Word

if TYPE_CHECKING:
    from tree_sitter import Node

_DEVICES = re.compile(r"/dev/(?:null|stdin|stdout|stderr|tty|fd/\d+|zero|urandom|random)")
_SOCKET = re.compile(r"/dev/(?:tcp|udp)/([^/]+)/([^/]+)")
_KINDS = {
    ">": "write",
    ">>": "write",
    ">|": "write",
    "&>": "write",
    "&>>": "write",
    "<": "read",
    "<>": "write",
}
_DUPLICATES = {">&": ">", "<&": "<", ">&-": ">", "<&-": "<"}


class Redirects:
    """Reads redirections.

    Args:
        words: makes words.
        notes: where what they touch is noted.
        unread: notes a node that cannot be read.
    """

    def __init__(self, words: Expander, notes: Notes, unread: Callable[[Node], None]) -> None:
        self._words = words
        self._notes = notes
        self._unread = unread

    def read(self, node: Node, place: Place, extra: list[Node]) -> Input | None:
        """Note what a redirection touches.

        Args:
            node: the redirection.
            place: where its command runs.
            extra: gets the nodes in it that belong elsewhere: further arguments of the command,
                and the commands behind a here-document.

        Returns:
            What the command reads because of it, None where that stays as it is.
        """
        if node.type == "herestring_redirect":
            word = self._words.word(node.children[-1])
            return Input("text", word.text + "\n") if word.known else Input("pipe")
        if node.type == "heredoc_redirect":
            return self._heredoc(node, place, extra)
        if node.type != "file_redirect" or node.has_error:
            self._unread(node)
            return None
        operator = next((child.type for child in node.children if not child.is_named), "")
        targets = node.children_by_field_name("destination")
        extra += targets[1:]  # words behind the file belong to the command
        if operator in _DUPLICATES:
            word = self._words.word(targets[0]) if targets else Word("-")
            if word.known and re.fullmatch(r"\d+|\d*-", word.text):
                return None
            operator = _DUPLICATES[operator]
        if operator not in _KINDS or not targets:
            self._unread(node)
            return None
        return self._file(_KINDS[operator], targets[0], place)

    def _file(self, kind: str, node: Node, place: Place) -> Input | None:
        word = self._words.word(node)
        socket = _SOCKET.fullmatch(word.text)
        if socket:
            self._notes.add(Touch("network", f"{socket[1]}:{socket[2]}", form=word.form))
        elif not (word.substituted or (word.known and _DEVICES.fullmatch(word.text))):
            target, form = place.path(word)
            self._notes.add(Touch(kind, target, form=form))
        if kind != "read":
            return None
        return Input("pipe" if word.substituted or socket else "file")

    def _heredoc(self, node: Node, place: Place, extra: list[Node]) -> Input:
        quoted = False
        result = Input("pipe")
        for child in node.children:
            kind = child.type
            if kind == "heredoc_start":
                quoted = bool(re.search(r"['\"\\]", self._words.text(child)))
            elif kind == "heredoc_body":
                text = self._words.text(child)
                if not quoted:
                    self._words.commands_in(child)
                if not quoted and re.search(r"(?<!\\)`", text):
                    self._unread(child)  # the grammar knows no backquotes in a here-document
                if quoted or not re.search(r"[$`\\]", text):
                    result = Input("text", text)
            elif kind.endswith("_redirect"):
                self.read(child, place, extra)
            elif child.is_named and kind not in ("heredoc_end", "file_descriptor"):
                extra.append(child)
        return result
