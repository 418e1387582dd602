"""What an expression of a Python block is worth without running it: names, constants and paths."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

DEEPEST = 40
LONGEST = 4096


@dataclass(frozen=True, slots=True)
class PathValue:
    """A path, of which the text is known; a `~` at its beginning is the home folder."""

    text: str


UNKNOWN = object()
"""The value of what cannot be told; None is a value."""

_PATHS = frozenset(f"pathlib.{name}" for name in ("Path", "PurePath", "PosixPath", "PurePosixPath"))
_IMPORTERS = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})


USUAL = {
    **{name: name for name in ("os", "shutil", "subprocess", "requests", "httpx", "socket")},
    **{name: name for name in ("pathlib", "urllib", "glob", "sqlite3", "pickle", "importlib")},
    "Path": "pathlib.Path",
    "pd": "pandas",
    "np": "numpy",
    "plt": "matplotlib.pyplot",
}
"""What names most likely are that an earlier block has bound."""


class Scope:
    """The names of a block.

    Args:
        tree: the whole block.
        nodes: every node in it.
        builtins: the names that Python has by itself.
    """

    def __init__(
        self, tree: ast.Module, nodes: Sequence[ast.AST], builtins: frozenset[str]
    ) -> None:
        self.imported: dict[str, str] = {}
        """Names that are modules or what is in them, by their full names."""
        self.modules: list[str] = []
        """The modules that are imported, in order."""
        self.bound: dict[str, int] = {}
        """Every name that something in the block binds, and how often."""
        self.starred = False
        self._builtins = builtins
        self._values: dict[str, ast.expr] = {}
        self._folded: dict[str, Any] = {}
        for node in nodes:
            if isinstance(node, _BINDERS):
                for name in _names(node):
                    self.bound[name] = self.bound.get(name, 0) + 1
                self._import(node)
        self._assignments(tree)

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.append(alias.name)
                shown = alias.asname or alias.name.partition(".")[0]
                self.imported[shown] = alias.name if alias.asname else shown
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            self.modules.append(module)
            for alias in node.names:
                self.imported[alias.asname or alias.name] = f"{module}.{alias.name}"
                self.starred = self.starred or alias.name == "*"

    def _assignments(self, tree: ast.Module) -> None:
        """Keep the values of names that one statement of the block itself binds."""
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target, value = statement.targets[0], statement.value
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                target, value = statement.target, statement.value
            else:
                continue
            if isinstance(target, ast.Name) and self.bound[target.id] == 1:
                self._values[target.id] = value

    def is_named_here(self, node: ast.expr) -> bool:
        """Return whether `node` only gives a name to what it is."""
        return any(value is node for value in self._values.values())

    def dotted(self, node: ast.expr, depth: int = 0) -> str:
        """Return the full name of what `node` is (`os.path.join`), or ""."""
        if depth > DEEPEST:
            return ""
        match node:
            case ast.Name(id=name):
                return self._named(name, depth)
            case ast.Attribute(value=value, attr=attr):
                found = self.dotted(value, depth + 1)
                return f"{found}.{attr}" if found else ""
            case ast.Call(func=func, args=[first, *rest]):
                return self._looked_up(self.dotted(func, depth + 1), first, rest, depth)
            case ast.Subscript(value=value, slice=key):
                name = self.fold(key, depth + 1)
                holder = self.dotted(value, depth + 1)
                return name if holder == "sys.modules" and isinstance(name, str) else ""
        return ""

    def _named(self, name: str, depth: int) -> str:
        if name in self.imported:
            return self.imported[name]
        value = self._values.get(name)
        if value is not None:
            return self.dotted(value, depth + 1)
        if name in self.bound:
            return ""
        return f"builtins.{name}" if name in self._builtins else USUAL.get(name, "")

    def _looked_up(self, func: str, first: ast.expr, rest: list[ast.expr], depth: int) -> str:
        if func in _IMPORTERS:
            name = self.fold(first, depth + 1)
            return name if isinstance(name, str) else ""
        if func == "builtins.getattr" and rest:
            name, holder = self.fold(rest[0], depth + 1), self.dotted(first, depth + 1)
            return f"{holder}.{name}" if holder and isinstance(name, str) else ""
        return ""

    def fold(self, node: ast.expr | None, depth: int = 0) -> Any:
        """Return the value of `node`: a constant, a list of values, a `PathValue` or UNKNOWN."""
        if node is None or depth > DEEPEST:
            return UNKNOWN
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._value_of(name, depth)
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [self.fold(element, depth + 1) for element in elements]
            case ast.JoinedStr(values=parts):
                return _together([self._formatted(part, depth) for part in parts])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _added(self.fold(left, depth + 1), self.fold(right, depth + 1))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return _path(self.fold(left, depth + 1), self.fold(right, depth + 1))
            case ast.Call():
                return self._called(node, depth)
            case ast.Attribute():
                return _ATTRIBUTES.get(self.dotted(node, depth + 1), UNKNOWN)
        return UNKNOWN

    def _value_of(self, name: str, depth: int) -> Any:
        # Each name once: a chain of doublings would take exponential time.
        if name not in self._folded:
            self._folded[name] = UNKNOWN  # what it is worth in its own value
            self._folded[name] = self.fold(self._values.get(name), depth + 1)
        return self._folded[name]

    def _formatted(self, part: ast.expr, depth: int) -> Any:
        if isinstance(part, ast.FormattedValue):
            if part.format_spec is not None or part.conversion != -1:
                return UNKNOWN
            part = part.value
        return self.fold(part, depth + 1)

    def _called(self, node: ast.Call, depth: int) -> Any:
        name = self.dotted(node.func, depth + 1)
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            return UNKNOWN
        args = [self.fold(arg, depth + 1) for arg in node.args]
        if name in _PATHS:
            return _path(*args) if args else PathValue(".")
        if name in ("os.path.join", "posixpath.join"):
            return _path(*args)
        if name in _SAME:
            return args[0] if len(args) == 1 else UNKNOWN
        if name == "os.path.expanduser":
            return _at_home(args[0]) if len(args) == 1 else UNKNOWN
        if name == "pathlib.Path.home":
            return PathValue("~")
        if name in ("pathlib.Path.cwd", "os.getcwd"):
            return PathValue(".")
        if isinstance(node.func, ast.Attribute):
            holder = self.fold(node.func.value, depth + 1)
            return _method(holder, node.func.attr, args)
        return UNKNOWN


_SAME = frozenset({"os.path.abspath", "os.path.realpath", "builtins.str", "os.fspath"})
_ATTRIBUTES = {
    "os.sep": "/",
    "os.curdir": ".",
    "sys.executable": "python3",
    "os.devnull": "/dev/null",
}


def _method(holder: Any, name: str, args: list[Any]) -> Any:
    if isinstance(holder, PathValue):
        if name in ("resolve", "absolute", "as_posix"):
            return holder
        if name == "expanduser":
            return _at_home(holder)
        if name == "joinpath":
            return _path(holder, *args)
    if isinstance(holder, str) and name == "join" and len(args) == 1 and isinstance(args[0], list):
        parts: list[Any] = []
        for item in args[0]:
            parts += [holder, item]
        return _together(parts[1:]) if parts else ""
    if isinstance(holder, str) and name == "split" and not args and len(holder) < LONGEST:
        return holder.split()
    return UNKNOWN


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, list) and isinstance(right, list):
        return left + right if len(left) + len(right) < LONGEST else UNKNOWN
    if isinstance(left, str) and isinstance(right, str):
        return _together([left, right])
    if isinstance(left, bytes) and isinstance(right, bytes):
        return left + right if len(left) + len(right) < LONGEST else UNKNOWN
    return UNKNOWN


def _together(parts: list[Any]) -> Any:
    texts = []
    for part in parts:
        text = part.text if isinstance(part, PathValue) else part
        if isinstance(text, bool) or not isinstance(text, str | int):
            return UNKNOWN
        texts.append(str(text))
    whole = "".join(texts)
    return whole if len(whole) < LONGEST else UNKNOWN


def _at_home(value: Any) -> Any:
    text = value.text.removeprefix("./") if isinstance(value, PathValue) else value
    return PathValue(text) if isinstance(text, str) else UNKNOWN


def _path(*parts: Any) -> Any:
    whole = ""
    for part in parts:
        text = part.text if isinstance(part, PathValue) else part
        if not isinstance(text, str):
            return UNKNOWN
        if isinstance(part, str) and text.startswith("~"):
            text = f"./{text}"  # a folder of that name, until `expanduser`
        whole = text if text.startswith("/") or not whole else f"{whole.rstrip('/')}/{text}"
    return PathValue(whole) if len(whole) < LONGEST else UNKNOWN


_BINDERS = (
    *(ast.Name, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.arg, ast.alias),
    *(ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar),
    *(ast.MatchMapping, ast.Global, ast.Nonlocal),
)


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the names that `node` itself binds."""
    match node:
        case ast.Name(id=name, ctx=ctx):
            if not isinstance(ctx, ast.Load):
                yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            yield name
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case ast.alias(name=name, asname=given):
            yield given or name.partition(".")[0]


def values_of(keywords: list[ast.keyword]) -> dict[str, ast.expr]:
    """Return the values of keyword arguments by their names."""
    return {keyword.arg: keyword.value for keyword in keywords if keyword.arg}
