"""What a call in Python touches, by the function's full name and the worth of its arguments."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container
from typing import Any, ClassVar

from llmrepl.approvals.notes import Notes
from llmrepl.approvals.programs.addresses import in_url, is_url
from llmrepl.approvals.programs.commands import Runner
from llmrepl.approvals.programs.known import handler_of
from llmrepl.approvals.python import library
from llmrepl.approvals.python.folding import UNKNOWN, PathValue, Scope, values_of
from llmrepl.approvals.python.library import Effect
from llmrepl.approvals.touches import OPEN, Touch
from llmrepl.approvals.words import NOWHERE, Place, Word

OBSCURED = "reaches names in a way that cannot be told:"
SIGNALS = "ends or signals the process"

Named = dict[str, ast.expr]
"""Keyword arguments."""


class Calls:
    """Notes what calls touch.

    Args:
        source: the block.
        notes: where to.
        scope: the block's names.
    """

    def __init__(self, source: str, notes: Notes, scope: Scope) -> None:
        self._lines = source.split("\n")
        self._notes = notes
        self._scope = scope
        self._start = notes.place
        self._runner = Runner(notes, handler_of)

    @property
    def _place(self) -> Place:
        """The directory that the block is in."""
        return NOWHERE if self._notes.moved else self._start

    def written(self, node: ast.expr | None) -> str:
        """Return the beginning of what is written at `node`, on one line."""
        if node is None:
            return ""
        line = self._lines[node.lineno - 1].encode("utf-8", "replace")
        one = node.end_lineno == node.lineno
        text = line[node.col_offset : node.end_col_offset if one else None]
        return text.decode("utf-8", "replace") + ("" if one else "…")

    def read(self, node: ast.Call) -> None:
        """Note what the call at `node` touches."""
        name = self._scope.dotted(node.func)
        named = values_of(node.keywords)
        for names, handle in self._HANDLERS:
            if name in names:
                handle(self, name, node, named)
                return
        self._addresses(node)
        if not name and isinstance(node.func, ast.Attribute):
            self._method(node, node.func)

    def _effects(self, name: str, node: ast.Call, named: Named) -> None:
        spread = any(isinstance(argument, ast.Starred) for argument in node.args)
        for effect in library.CALLS[name]:
            argument = None if spread else _argument(node, named, effect)
            if effect.kind in ("read", "write", "delete"):
                self._path(effect.kind, argument, whole=effect.whole)
            elif effect.kind == "network":
                self._address(argument)
            elif effect.kind == "signal":
                word = self._word(self._scope.fold(argument), argument)
                touch = Touch("process", word.text, SIGNALS, word.form, danger=True)
                self._notes.add(touch)
            else:
                self._notes.add(Touch("process", name, "starts or ends processes with"))

    def _path(
        self, kind: str, node: ast.expr | None, detail: str = "", *, whole: bool = False
    ) -> None:
        value = self._scope.fold(node)
        if isinstance(value, int) and not isinstance(value, bool):
            return  # a descriptor that is open already
        if isinstance(value, str) and is_url(value):
            self._notes.add(Touch("network", in_url(value)))
            return
        target, form = self._place.path(self._word(value, node))
        self._notes.add(Touch(kind, target, detail, form, whole))

    def _word(self, value: Any, node: ast.expr | None) -> Word:
        if isinstance(value, PathValue):
            return Word(value.text, home=value.text.startswith("~"))
        if isinstance(value, str | int) and not isinstance(value, bool):
            return Word(str(value))
        return Word(self.written(node) or "…", OPEN)

    def _address(self, node: ast.expr | None) -> None:
        value = self._scope.fold(node)
        if isinstance(value, list) and len(value) > 1 and isinstance(value[0], str):
            port = f":{value[1]}" if isinstance(value[1], int) else ""
            self._notes.add(Touch("network", f"{value[0] or '*'}{port}"))
        elif isinstance(value, str):
            self._notes.add(Touch("network", in_url(value) or value))
        else:
            self._notes.add(Touch("network", self.written(node), form=OPEN))

    def _addresses(self, node: ast.Call) -> None:
        """Note the addresses that some function is given, whatever it is."""
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            value = self._scope.fold(argument)
            if isinstance(value, str) and is_url(value):
                self._notes.add(Touch("network", in_url(value)))

    def _opened(self, name: str, node: ast.Call, named: Named) -> None:
        opener = library.OPENERS[name]
        target = _argument(node, named, opener)
        given = named.get("mode") or (node.args[1] if len(node.args) > 1 else None)
        mode = "r" if given is None else self._scope.fold(given)
        unclear = any(isinstance(argument, ast.Starred) for argument in node.args)
        if unclear or any(keyword.arg is None for keyword in node.keywords):
            mode = UNKNOWN
        for kind in _kinds(mode):
            self._path(kind, target)

    def _method(self, node: ast.Call, func: ast.Attribute) -> None:
        """Note what a method does, where the object or the method's name tells."""
        holder = self._scope.fold(func.value)
        is_path = isinstance(holder, PathValue)
        if func.attr == "open" and is_path:
            for kind in _kinds(self._scope.fold(node.args[0]) if node.args else "r"):
                self._path(kind, func.value)
        elif func.attr in library.METHODS and (is_path or func.attr in library.TELLING):
            kind = library.METHODS[func.attr]
            self._path(kind.rstrip("*"), func.value, whole=kind.endswith("*"))
            if func.attr in ("rename", "replace"):
                self._path("write", node.args[0] if node.args else None)
        elif func.attr in library.SAVING and node.args:
            kind = library.SAVING[func.attr]
            self._path(kind.rstrip("*"), node.args[0], whole=kind.endswith("*"))
        elif func.attr in ("connect", "sendto", "bind") and node.args:
            if isinstance(self._scope.fold(node.args[-1]), list):
                self._address(node.args[-1])
        elif func.attr in ("kill", "terminate", "send_signal"):
            self._notes.add(Touch("process", self.written(func.value), SIGNALS, OPEN))

    def _evaluated(self, _name: str, node: ast.Call, _named: Named) -> None:
        value = self._scope.fold(node.args[0]) if node.args else UNKNOWN
        if isinstance(value, str):
            self._notes.code("python", value, self._place)
        else:
            self._notes.hidden(self.written(node))

    def _looked_up(self, name: str, node: ast.Call, _named: Named) -> None:
        """Note `getattr` and imports by function: with a constant they are like any name."""
        at = 1 if name == "builtins.getattr" else 0
        value = self._scope.fold(node.args[at]) if len(node.args) > at else UNKNOWN
        if not isinstance(value, str) or value in library.INNARDS:
            self._notes.hidden(self.written(node), library.LOOKUPS[name])
        elif at == 0 and not library.is_known(value):
            self._notes.add(Touch("unknown", value, "imports, and nothing is known of it:"))

    def _obscure(self, name: str, node: ast.Call, _named: Named) -> None:
        self._notes.hidden(self.written(node), library.OBSCURE[name])

    def _sets(self, _name: str, node: ast.Call, _named: Named) -> None:
        self._notes.add(Touch("unknown", self.written(node), "sets for later commands:"))

    def _shell(self, _name: str, node: ast.Call, _named: Named) -> None:
        self._source(node.args[0] if node.args else None)

    def _source(self, node: ast.expr | None) -> None:
        value = self._scope.fold(node)
        if isinstance(value, str):
            self._notes.code("bash", value, self._place, apart=True)
        else:
            self._notes.hidden(self.written(node))

    def _started(self, _name: str, node: ast.Call, named: Named) -> None:
        command = node.args[0] if node.args else named.get("args")
        shell = self._scope.fold(named["shell"]) if "shell" in named else False
        if shell:
            self._source(command)
        else:
            self._list(command, named)

    def _listed(self, name: str, node: ast.Call, named: Named) -> None:
        behind = node.args[library.LISTED[name] :]
        self._list(behind[0] if behind else None, named)

    def _list(self, node: ast.expr | None, named: Named) -> None:
        value = self._scope.fold(node)
        values = value if isinstance(value, list) else [value]
        if not values or (value is UNKNOWN):
            self._notes.hidden(self.written(node))
            return
        elements = node.elts if isinstance(node, ast.List | ast.Tuple) else [node] * len(values)
        self._run([self._word(*each) for each in zip(values, elements, strict=True)], named)

    def _spread(self, name: str, node: ast.Call, named: Named) -> None:
        words = node.args[library.SPREAD[name] :]
        self._run([self._word(self._scope.fold(word), word) for word in words], named)

    def _run(self, words: list[Word], named: Named) -> None:
        if not words:
            return
        around = ("env=",) if {"env", "executable", "preexec_fn", "user"} & named.keys() else ()
        place = NOWHERE if "cwd" in named else self._place
        self._runner.run(words, place=place, through=around)

    _HANDLERS: ClassVar[
        tuple[tuple[Container[str], Callable[[Calls, str, ast.Call, Named], None]], ...]
    ] = (
        (library.EVALUATORS, _evaluated),
        (library.LOOKUPS, _looked_up),
        (library.OBSCURE, _obscure),
        (library.SHELLS, _shell),
        (library.STARTERS, _started),
        (library.SPREAD, _spread),
        (library.LISTED, _listed),
        (library.OPENERS, _opened),
        (library.CALLS, _effects),
        (library.SETTERS, _sets),
    )


def _argument(node: ast.Call, named: Named, effect: Effect) -> ast.expr | None:
    if len(node.args) > effect.position:
        return node.args[effect.position]
    return named.get(effect.keyword)


def _kinds(mode: object) -> list[str]:
    """Return what a file that is opened in `mode` is opened for."""
    if not isinstance(mode, str):
        return ["write", "read"]
    kinds = ["write"] if set(mode) & set("wax+") else []
    return kinds + (["read"] if "r" in mode or "+" in mode or not kinds else [])
