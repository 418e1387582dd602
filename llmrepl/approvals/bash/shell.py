"""Reads bash with tree-sitter and notes what each command touches.

Only syntax that is known here is read: whatever else the parser finds is noted as not readable.
The parser is written in C and can loop on hostile text, which is why `worker` has it in a process
of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from llmrepl.approvals.bash.expansion import Expander
from llmrepl.approvals.bash.redirects import Redirects
from llmrepl.approvals.notes import Enough, Notes
from llmrepl.approvals.programs.commands import CHANGES, LEAVES, NO_INPUT, Input, Runner
from llmrepl.approvals.programs.known import handler_of
from llmrepl.approvals.programs.wrappers import SHAPING, assignment, look_through
from llmrepl.approvals.touches import OPEN, Touch
from llmrepl.approvals.words import NOWHERE, Word

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

DEEPEST = 60
CHUNK = 4096

SETS = "sets for later commands:"
MISREAD = "cannot be read whole: bash may see other commands in it"

EVALUATES = "is text that bash may run the commands in:"
"""Of subscripts, which many builtins and all arithmetic expand, and of prompts."""

_MOVES = re.compile(rb"\b(?:cd|pushd|popd)\b")
_SUBSCRIPT = re.compile(r"\w\[[^\]\n]*(?:\$\(|`)")
_EVALUATED = re.compile(_SUBSCRIPT.pattern.encode() + rb"|@P\}")
_GAP = re.compile(rb"(?:(?:\\\n)*[ \t]+(?:\\\n)*)*")  # a line's end without a blank joins two words


def read_bash(source: str, notes: Notes) -> None:
    """Note what the bash `source` touches.

    Raises:
        Enough: a bound was reached.
    """
    data = source.encode("utf-8", "surrogatepass")
    tree = _parsed(data, notes)
    if tree is None:
        raise Enough("bash's grammar found no end to it")
    _Shell(data, notes, tree.root_node).read()


@cache
def _language() -> Any:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Language(tree_sitter_bash.language())


def _parsed(data: bytes, notes: Notes) -> Tree | None:
    import tree_sitter

    parser: Parser = tree_sitter.Parser(_language())
    try:
        return parser.parse(
            lambda offset, _: b"" if notes.late else data[offset : offset + CHUNK],
            progress_callback=lambda *_: notes.late,
        )
    except ValueError:  # it was stopped
        return None


class _Shell:
    """Walks a syntax tree; `place` is where the next command runs."""

    def __init__(self, data: bytes, notes: Notes, root: Node) -> None:
        self._data = data
        self._notes = notes
        self._root = root
        self._runner = Runner(notes, handler_of)
        self._words = Expander(data, self._apart)
        self._redirects = Redirects(self._words, notes, self._unread)
        self._functions = set[str]()
        self._depth = 0
        self.place = notes.place

    def read(self) -> None:
        """Note everything."""
        self._body(self._root)
        for found in _EVALUATED.finditer(self._data):
            self._notes.hidden(found[0].decode("utf-8", "replace"), EVALUATES)
        if self._root.has_error:
            self._notes.unread(MISREAD)

    def _statement(self, node: Node, stdin: Input = NO_INPUT) -> None:
        handle = self._STATEMENTS.get(node.type)
        if handle is None:
            self._unread(node)
            return
        self._depth += 1
        if self._depth > DEEPEST:
            raise Enough("it is nested too deep")
        try:
            handle(self, node, stdin)
        finally:
            self._depth -= 1

    def _unread(self, node: Node) -> None:
        line = node.start_point[0] + 1
        self._notes.hidden(self._words.text(node), f"cannot be read (line {line}):")
        self._words.commands_in(node)

    def _body(self, node: Node, stdin: Input = NO_INPUT) -> None:
        """Read the statements in `node`, and what else is in it."""
        children = node.children
        for child, after in zip(children, [*children[1:], node], strict=False):
            if child.is_missing or child.type == "ERROR":
                self._unread(child)
            elif child.type in self._STATEMENTS:
                self._statement(child, stdin)
                if after.type == "&":
                    text = self._words.text(child)
                    self._notes.add(Touch("process", text, LEAVES, OPEN))
            elif child.is_named:
                self._value(child)

    def _branches(self, node: Node, stdin: Input = NO_INPUT) -> None:
        """Read what may run or not: where it ends up is known only if it stays where it is."""
        place = self.place
        self._body(node, stdin)
        if self.place != place:
            self.place = NOWHERE

    def _apart(self, node: Node, stdin: Input = NO_INPUT) -> None:
        """Read what runs in a shell of its own."""
        place = self.place
        self._body(node, stdin)
        self.place = place

    def _list(self, node: Node, stdin: Input) -> None:
        chain = [node]
        while chain[-1].children and chain[-1].children[0].type == "list":
            chain.append(chain[-1].children[0])
        self._statement(chain[-1].children[0], stdin)
        for link in reversed(chain):
            place = self.place
            for child in link.children[1:]:
                if child.is_named:
                    self._statement(child, stdin)
                elif child.is_missing or child.type not in ("&&", "||"):
                    self._unread(child)
            if self.place != place and any(child.type == "||" for child in link.children):
                self.place = NOWHERE

    def _pipeline(self, node: Node, stdin: Input) -> None:
        place = self.place
        for child in node.children:
            if child.is_named:
                self._statement(child, stdin)
                stdin = Input("pipe")
            elif child.type not in ("|", "|&"):
                self._unread(child)
        self.place = place

    def _value(self, node: Node, _stdin: Input = NO_INPUT) -> None:
        """Read what is no command: only what it substitutes touches anything."""
        self._words.commands_in(node)

    def _function(self, node: Node, _stdin: Input) -> None:
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        if name is None or body is None:
            self._unread(node)
            return
        place = self.place
        if _MOVES.search(self._data, body.start_byte, body.end_byte):
            self._notes.moved = True  # whenever it is called
        if _MOVES.search(self._data):  # a body runs wherever it is called
            self.place = NOWHERE
        self._statement(body)
        for child in node.children:
            if child.type.endswith("redirect"):
                self._redirects.read(child, self.place, [])
        self.place = NOWHERE if self._notes.moved else place
        if node.parent == self._root:
            self._functions.add(self._words.text(name))

    def _redirected(self, node: Node, stdin: Input) -> None:
        body = node.child_by_field_name("body")
        extra: list[Node] = []
        for child in node.children:
            if child != body:
                stdin = self._redirects.read(child, self.place, extra) or stdin
        behind = [child for child in extra if child.type in self._STATEMENTS]
        arguments = [child for child in extra if child.type not in self._STATEMENTS]
        if body is not None and body.type == "command":
            self._command(body, stdin, arguments)
        elif body is not None:
            self._statement(body, stdin)
        for child in behind:
            self._statement(child, Input("pipe") if child.type == "pipeline" else NO_INPUT)

    def _command(self, node: Node, stdin: Input, extra: Sequence[Node] = ()) -> None:
        words: list[Word] = []
        assigned: list[Word] = []
        late: list[Node] = []
        end = node.start_byte
        for child in node.children:
            if not _GAP.fullmatch(self._data, end, child.start_byte):
                self._unread(node)
                return
            end = child.end_byte
            if child.type == "variable_assignment":
                assigned.append(self._words.word(child))
            elif child.type.endswith("_redirect"):
                stdin = self._redirects.read(child, self.place, late) or stdin
            elif child.is_named:
                words.append(self._words.word(child))
            elif child.type in ("(", ")"):  # a subshell where none may stand
                self._unread(node)
        words += map(self._words.word, [*late, *extra])
        if words:
            self._run(words, assigned, stdin)

    def _run(self, words: list[Word], assigned: list[Word], stdin: Input) -> None:
        name = words[0].text if words[0].known else ""
        if name in self._functions:
            return
        for word in (*words, *assigned):
            if word.known and _SUBSCRIPT.search(word.text):
                self._notes.hidden(word.text, EVALUATES)
        self._runner.run(words, place=self.place, assigned=assigned, stdin=stdin)
        inner = look_through(words).words
        if inner[0].known and inner[0].text in ("cd", "pushd", "popd"):
            self._move(name, inner)
        if self._notes.moved:
            self.place = NOWHERE

    def _move(self, name: str, words: list[Word]) -> None:
        """Go where a `cd` leads, if it is a plain one."""
        targets = [word for word in words[1:] if not word.text.startswith("-")]
        followed = name == "cd" and not self._notes.evaluated and Word("-") not in words
        if not followed:
            self._notes.moved = True
        self.place = self.place.to(targets[0] if targets else Word("~", home=True))

    def _assignment(self, node: Node, _stdin: Input = NO_INPUT) -> None:
        name = node.child_by_field_name("name")
        self._value(node)
        if name and SHAPING.match(self._words.text(name)):
            self._notes.hidden(self._words.text(node), CHANGES)

    def _declaration(self, node: Node, _stdin: Input) -> None:
        exports = self._words.text(node).startswith(("export", "declare -x", "typeset -x"))
        for child in node.children:
            if child.type == "variable_assignment":
                self._assignment(child)
                word = Word(self._words.text(child))
                if exports and assignment(word) and not SHAPING.match(word.text.split("=")[0]):
                    self._notes.add(Touch("unknown", word.text, SETS))
            elif child.is_named:
                self._value(child)

    def _ignored(self, node: Node, _stdin: Input) -> None:
        """Read a comment."""

    _STATEMENTS: ClassVar[dict[str, Callable[[_Shell, Node, Input], None]]] = {
        "program": _body,
        "list": _list,
        "pipeline": _pipeline,
        "subshell": _apart,
        "compound_statement": _branches,
        "do_group": _branches,
        "if_statement": _branches,
        "elif_clause": _branches,
        "else_clause": _branches,
        "case_statement": _branches,
        "case_item": _branches,
        "while_statement": _branches,
        "for_statement": _branches,
        "c_style_for_statement": _branches,
        "function_definition": _function,
        "negated_command": _branches,
        "redirected_statement": _redirected,
        "command": _command,
        "declaration_command": _declaration,
        "unset_command": _value,
        "variable_assignment": _assignment,
        "variable_assignments": _branches,
        "test_command": _value,
        "comment": _ignored,
    }
