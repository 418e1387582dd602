"""Run one Python block as a notebook would: statements, then the value of a last expression."""

from __future__ import annotations

import ast
import linecache
import sys
from types import CodeType
from typing import Any, Coroutine, Dict, List, Optional, Tuple

from . import failures
from .frames import Message

MAX_TEXT = 1 << 17
"""Most characters of a value; at six bytes each in JSON they fit a frame."""

_CO_COROUTINE = 0x80
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

Namespace = Dict[str, Any]


def run(source: str, number: int, namespace: Namespace) -> Message:
    """Run `source` in `namespace` and say how it went.

    Returns:
        `exit` as a shell would have it; `value`, the last expression's text, where it has one;
        after an exception also `kind`, `errno` and the cleaned traceback as `error`.
    """
    name = "<block %d>" % number
    lines = [line + "\n" for line in source.split("\n")]
    linecache.cache[name] = (len(source), None, lines, name)
    try:
        statements, expression = _compile(source, name)
        if statements is not None:
            _execute(statements, namespace)
        if expression is None:
            return {"exit": 0}
        return _value(_execute(expression, namespace), namespace)
    except SystemExit as leaving:
        return _left(leaving)
    except BaseException as error:  # whatever the code raised is its result
        return failures.describe(error)


def _compile(source: str, name: str) -> Tuple[Optional[CodeType], Optional[CodeType]]:
    """Return the code of the statements, and of the last one where it is an expression."""
    tree = compile(source, name, "exec", ast.PyCF_ONLY_AST | _FLAGS, dont_inherit=True)
    body: List[ast.stmt] = tree.body
    if not body:
        return None, None
    last = body[-1]
    if not isinstance(last, ast.Expr):
        return compile(tree, name, "exec", _FLAGS, dont_inherit=True), None
    expression = compile(ast.Expression(last.value), name, "eval", _FLAGS, dont_inherit=True)
    del body[-1]
    if not body:
        return None, expression
    return compile(tree, name, "exec", _FLAGS, dont_inherit=True), expression


def _execute(code: CodeType, namespace: Namespace) -> Any:
    result = eval(code, namespace)
    if code.co_flags & _CO_COROUTINE:
        return _await(result)
    return result


_loops: List[Any] = []


def _await(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a block with top-level `await` on the session's event loop."""
    import asyncio

    if not _loops or _loops[-1].is_closed():
        _loops[:] = [asyncio.new_event_loop()]
    loop = _loops[-1]
    task = loop.create_task(coroutine)
    try:
        return loop.run_until_complete(task)
    except (KeyboardInterrupt, SystemExit):
        if not task.done():
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        raise


def _value(value: Any, namespace: Namespace) -> Message:
    if value is None:
        return {"exit": 0}
    namespace["_"] = value
    text = repr(value)
    half = MAX_TEXT // 2
    if len(text) <= MAX_TEXT:
        return {"exit": 0, "value": text}
    return {"exit": 0, "value": text[:half], "rest": text[-half:], "cut": len(text) - 2 * half}


def _left(leaving: SystemExit) -> Message:
    """Return what a process that ended with this would leave."""
    if leaving.code is None or isinstance(leaving.code, int):
        code = int(leaving.code or 0) & 0xFF
        reply: Message = {"exit": code}
        if code:
            reply.update(kind="SystemExit", message="SystemExit: %d" % code)
        return reply
    sys.stderr.write("%s\n" % (leaving.code,))
    return {"exit": 1, "kind": "SystemExit", "message": "SystemExit: %s" % (leaving.code,)}
