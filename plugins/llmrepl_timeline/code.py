"""Highlights code line by line, keeping only the lexer's state between lines.

So a line is final as soon as it is complete, and the cost of a line does not grow with the code.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from llmrepl_timeline.lines import TAB, Line, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 2_000
"""Characters of a line from which on it is not highlighted."""

ALIASES = {"tool": "json", "py": "python", "sh": "bash", "shell": "bash"}

STYLES = {
    "Token.Keyword": "keyword",
    "Token.Operator.Word": "keyword",
    "Token.Literal.String": "string",
    "Token.Literal.Number": "number",
    "Token.Comment": "comment",
    "Token.Name.Builtin": "builtin",
    "Token.Name.Function": "name",
    "Token.Name.Class": "name",
    "Token.Name.Decorator": "name",
    "Token.Name.Tag": "keyword",
    "Token.Name.Attribute": "name",
    "Token.Generic.Deleted": "removed",
    "Token.Generic.Inserted": "added",
    "Token.Generic.Heading": "strong",
    "Token.Generic.Subheading": "place",
}
"""Styles by the name of a token's type; a type without one has that of the type above it."""


class Highlighter:
    """Highlights the lines of one piece of code, in their order.

    Args:
        language: its name; unknown ones are not highlighted.
    """

    def __init__(self, language: str) -> None:
        self._lexer = _lexer(ALIASES.get(language.lower(), language.lower())) if language else None
        self._stack = ["root"]

    def line(self, text: str) -> Line:
        """Return the next line."""
        text = text.expandtabs(TAB)
        if self._lexer is None or len(text) > LONGEST:
            return (Span(text),) if text else ()
        try:
            tokens = list(self._tokens(text + "\n"))
        except Exception:  # noqa: BLE001 - a lexer is a plugin's code, and colours are no reason to fail
            self._lexer = None
            return (Span(text),)
        return _spans(tokens)

    def copy(self) -> Highlighter:
        """Return a highlighter that goes on from here by itself."""
        other = copy(self)
        vars(other)["_stack"] = [*self._stack]
        return other

    def _tokens(self, text: str) -> Iterator[tuple[Any, str]]:
        """Yield the tokens of a line and keep the state that it ends in."""
        from pygments.lexer import ExtendedRegexLexer, LexerContext, RegexLexer

        lexer = self._lexer
        if isinstance(lexer, ExtendedRegexLexer):
            context = LexerContext(text, 0, stack=[*self._stack])
            for _, kind, part in lexer.get_tokens_unprocessed(context=context):
                yield kind, part
            self._stack = context.stack
        elif (
            isinstance(lexer, RegexLexer)
            and type(lexer).get_tokens_unprocessed is RegexLexer.get_tokens_unprocessed
        ):
            yield from self._matches(lexer, text)
        else:
            assert lexer is not None
            for _, kind, part in lexer.get_tokens_unprocessed(text):
                yield kind, part

    def _matches(self, lexer: Any, text: str) -> Iterator[tuple[Any, str]]:
        """Yield what a lexer's rules find, as its own loop does, which forgets where it ended."""
        from pygments.token import Error, Text, _TokenType

        rules, stack, at = lexer._tokens, self._stack, 0  # noqa: SLF001 - there is no other way to the state
        while at < len(text):
            for match_at, action, change in rules[stack[-1]]:
                found = match_at(text, at)
                if not found:
                    continue
                if isinstance(action, _TokenType):
                    yield action, found.group()
                elif action is not None:
                    for _, kind, part in action(lexer, found):
                        yield kind, part
                at = found.end()
                if change is not None:
                    _change(stack, change)
                break
            else:
                if text[at] == "\n":
                    stack[:] = ["root"]
                yield (Text if text[at] == "\n" else Error), text[at]
                at += 1


def _change(stack: list[str], change: Any) -> None:
    """Do to the stack of states what a rule says: pop some, push some."""
    if isinstance(change, int):
        del stack[max(1, len(stack) + change) :]
        return
    for state in (change,) if isinstance(change, str) else change:
        if state == "#pop":
            del stack[max(1, len(stack) - 1) :]
        else:
            stack.append(stack[-1] if state == "#push" else state)


def _spans(tokens: Iterable[tuple[Any, str]]) -> Line:
    spans: list[Span] = []
    for kind, part in tokens:
        text, style = part.replace("\n", ""), _style(kind)
        if not text:
            continue
        if spans and spans[-1].style == style:
            spans[-1] = Span(spans[-1].text + text, style)
        else:
            spans.append(Span(text, style))
    return tuple(spans)


@cache
def _style(kind: Any) -> str:
    while kind is not None:
        if style := STYLES.get(str(kind)):
            return style
        kind = kind.parent
    return ""


@cache
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def highlighted(source: str, language: str) -> list[Line]:
    """Return the lines of `source`."""
    highlighter = Highlighter(language)
    return [highlighter.line(text) for text in source.rstrip("\n").split("\n")]
