"""Programs that run code: what they are given as text is read, too; the rest is named as hidden."""

from __future__ import annotations

from typing import NamedTuple

from llmrepl.approvals.notes import CODE
from llmrepl.approvals.programs.commands import CHANGES, Call, Handler
from llmrepl.approvals.programs.network import note_install
from llmrepl.approvals.programs.options import Options, split
from llmrepl.approvals.programs.wrappers import SHAPING
from llmrepl.approvals.touches import OPEN, Touch
from llmrepl.approvals.words import Word

WRITTEN = "runs what another command writes:"


class Interpreter(NamedTuple):
    """How an interpreter is given its code.

    Args:
        language: what it runs; python and bash can be read.
        code: options whose value is code.
        valued: its other options that take a value.
    """

    language: str
    code: str
    valued: str = ""


_SHELL = Interpreter("bash", "c", "O o rcfile init-file")
_PYTHON = Interpreter("python", "c", "m W X")
INTERPRETERS = {
    **dict.fromkeys(("bash", "sh", "dash"), _SHELL),
    **dict.fromkeys(("zsh", "ksh", "fish"), Interpreter("shell", "c", "o")),
    **dict.fromkeys(("python", "python2", "python3", "pypy", "pypy3", "ipython"), _PYTHON),
    **{f"python3.{minor}": _PYTHON for minor in range(8, 20)},
    "node": Interpreter("javascript", "e p eval print", "r require"),
    "deno": Interpreter("javascript", "eval"),
    "bun": Interpreter("javascript", "e eval"),
    "perl": Interpreter("perl", "e E", "I M"),
    "ruby": Interpreter("ruby", "e", "I r"),
    "php": Interpreter("php", "r", "d"),
    "lua": Interpreter("lua", "e", "l"),
    "Rscript": Interpreter("R", "e"),
    "osascript": Interpreter("AppleScript", "e"),
}
_MAPPED = "d n O s u C c"
"""Options of `mapfile` that take a value."""

_READ = frozenset({"python", "bash"})


def _interpret(call: Call) -> bool:
    interpreter = INTERPRETERS[call.name]
    valued = f"{interpreter.code} {interpreter.valued}"
    options = split(call.args, valued, interleaved=False)
    given = options.values(*interpreter.code.split())
    if given:
        return min([_read(call, interpreter, word) for word in given])
    module = options.values("m") if interpreter.language == "python" else []
    if module:
        return _module(call, module[0], options)
    if interpreter.language == "bash" and options.has("s"):
        options.operands.clear()
    if options.operands and options.operands[0].text != "-":
        # A program of its own, as any other: what it does is not told by its name.
        call.touch("read", options.operands[0])
        return False
    if call.input.source == "text":
        return _read(call, interpreter, Word(call.input.text))
    if call.input.source == "none":
        return not call.args or options.has("V", "version", "h", "help")
    call.notes.hidden(call.name, WRITTEN, command=call.command)
    return False


def _read(call: Call, interpreter: Interpreter, word: Word) -> bool:
    if interpreter.language in _READ and word.known:
        around = call.command.through[len(call.notes.through) :]
        call.notes.code(interpreter.language, word.text, call.place, around, apart=True)
        return True
    unread = f"runs {interpreter.language} code that is not looked into:"
    call.notes.hidden(word.text, unread if word.known else CODE, command=call.command)
    return False


def _module(call: Call, module: Word, options: Options) -> bool:
    rest = [word.text for word in options.operands]
    if module.text in ("pip", "ensurepip") and rest[:1] in (["install"], ["download"]):
        note_install(call)
    elif module.text == "http.server":
        call.note("network", Word(""), "waits for connections")
    return False


def _awk(call: Call) -> bool:
    options = split(call.args, "F v f i e")
    files = options.operands[0 if options.has("f", "e") else 1 :]
    scripts = options.operands[:1] if not options.has("f", "e") else options.values("e")
    for word in options.values("f"):
        call.touch("read", word)
    for word in files:
        if "=" not in word.text:
            call.touch("read", word)
    runs = ("system", "|", ">", "getline", "@load", "close", "fflush")
    return not options.hidden and all(
        word.known and not any(sign in word.text for sign in runs) for word in scripts
    )


def _eval(call: Call) -> bool:
    if all(word.known for word in call.args):
        call.notes.code("bash", " ".join(word.text for word in call.args), call.place)
        return True
    call.notes.hidden(" ".join(word.text for word in call.args))
    return False


def _trap(call: Call) -> bool:
    operands = split(call.args).operands
    if len(operands) > 1 and operands[0].text not in ("-", ""):
        if not operands[0].known:
            call.notes.hidden(operands[0].text)
            return False
        call.notes.code("bash", operands[0].text, call.place)
    return True


def _source(call: Call) -> bool:
    call.notes.moved = True  # for all that is known
    for word in call.args[:1]:
        target, form = call.place.path(word)
        call.notes.add(Touch("execute", target, "in this shell", form, command=call.command))
    return True


def _sets(call: Call) -> bool:
    """Note that a builtin sets a variable by which other programs go."""
    words = call.args
    if call.name == "printf":
        words = split(call.args, "v", interleaved=False).values("v")
    if call.name in ("mapfile", "readarray"):
        for word in split(call.args, _MAPPED).values("C"):
            call.notes.hidden(word.text, "runs for the lines that are read:")
    for word in words:
        if SHAPING.match(word.text) or (word.form == OPEN and not word.text.startswith("-")):
            call.notes.hidden(f"{call.name} {word.text}", CHANGES)
    return True


def _redefine(call: Call) -> bool:
    if call.args:
        said = " ".join(word.text for word in call.args)
        call.notes.hidden(said, f"changes with {call.name} what later commands mean:")
    return False


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(INTERPRETERS, _interpret),
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk),
    **dict.fromkeys((".", "source"), _source),
    **dict.fromkeys(("alias", "hash", "enable"), _redefine),
    **dict.fromkeys(("read", "mapfile", "readarray", "printf", "getopts", "let"), _sets),
    "eval": _eval,
    "trap": _trap,
}
