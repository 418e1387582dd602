"""Reads Python by its syntax tree: modules, names from elsewhere, and what its calls touch."""

from __future__ import annotations

import ast
import builtins
import warnings

from llmrepl.approvals.notes import Notes
from llmrepl.approvals.python import library
from llmrepl.approvals.python.calls import OBSCURED, Calls
from llmrepl.approvals.python.folding import Scope
from llmrepl.approvals.touches import OPEN, Touch

SETS = "sets for later commands:"
EARLIER = "uses from an earlier block:"
UNSEEN = "uses, and this review does not look into:"
UNKNOWN_CALL = "calls what this review does not know:"

_NAME = "<review>"
_BUILTINS = frozenset(dir(builtins))
_MACHINERY = frozenset({"__builtins__", "__loader__", "__spec__"})
_MOVES = frozenset({"os.chdir", "os.fchdir", "contextlib.chdir"})


def read_python(source: str, notes: Notes) -> None:
    """Note what the Python `source` touches.

    Raises:
        Enough: a bound was reached.
    """
    # One filter for good, and not `catch_warnings`, which other threads would feel.
    warnings.filterwarnings("ignore", module=_NAME)
    try:
        tree = ast.parse(source, _NAME)
    except SyntaxError as error:
        notes.unread(f"is no Python: {error.msg} (line {error.lineno or 1})")
        return
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        notes.unread(f"cannot be read: {type(error).__name__}")
        return
    _Block(source, notes, tree).read()


class _Block:
    def __init__(self, source: str, notes: Notes, tree: ast.Module) -> None:
        self._notes = notes
        nodes = list(ast.walk(tree))
        self._scope = Scope(tree, nodes, _BUILTINS)
        found = (node for node in nodes if isinstance(node, ast.expr))
        self._nodes = sorted(found, key=lambda node: (node.lineno, node.col_offset))
        self._called = {id(node.func) for node in self._nodes if isinstance(node, ast.Call)}
        may_move = "chdir" in source or "getattr" in source
        moves = may_move and any(self._scope.dotted(node) in _MOVES for node in self._nodes)
        notes.moved = notes.moved or moves
        self._calls = Calls(source, notes, self._scope)

    def read(self) -> None:
        """Note everything, in the order of the lines."""
        for module in self._scope.modules:
            if not library.is_known(module):
                self._notes.add(Touch("unknown", module, UNSEEN))
        if self._scope.starred:
            self._notes.hidden("import *", "takes all names of a module:")
        for node in self._nodes:
            self._notes.check_time()
            self._expression(node)

    def _expression(self, node: ast.expr) -> None:
        match node:
            case ast.Call():
                self._calls.read(node)
                if id(node) not in self._called:
                    self._passed_on(self._scope.dotted(node), node)
            case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()):
                self._mention(node)
            case ast.Attribute():
                self._changed(node)
            case ast.Subscript(value=value, ctx=ast.Store()):
                if self._scope.dotted(value) == "os.environ":
                    self._notes.add(Touch("unknown", self._calls.written(node), SETS))

    def _mention(self, node: ast.Attribute | ast.Name) -> None:
        """Note a name that is used."""
        if isinstance(node, ast.Attribute):
            if node.attr in library.INNARDS:
                self._notes.hidden(self._calls.written(node), OBSCURED)
                return
        elif node.id in _MACHINERY:
            self._notes.hidden(node.id, OBSCURED)
        elif node.id not in self._scope.bound and node.id not in _BUILTINS:
            self._notes.add(Touch("unknown", node.id, EARLIER))
        name = self._scope.dotted(node)
        if not name or self._scope.is_named_here(node):
            return
        if id(node) not in self._called:
            self._passed_on(name, node)
        if library.is_strange(name):
            self._notes.add(Touch("unknown", self._calls.written(node), UNKNOWN_CALL))

    def _passed_on(self, name: str, node: ast.expr) -> None:
        """Note a function that something else calls: with what, cannot be told."""
        written = self._calls.written(node)
        kinds = [effect.kind for effect in library.CALLS.get(name, ())]
        for kind in [*kinds, *(["write"] if name in library.OPENERS else [])]:
            self._notes.add(Touch(kind, written, "whatever it is given", OPEN))
        if name in library.RUNNERS:
            self._notes.hidden(written)

    def _changed(self, node: ast.Attribute) -> None:
        """Note that something of a module is replaced."""
        name = self._scope.dotted(node)
        if name:
            self._notes.hidden(name, "changes for later code:")
