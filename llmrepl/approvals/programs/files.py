"""What the usual programs for files touch, as a table: their operands' roles and their options."""

from __future__ import annotations

from typing import NamedTuple

from llmrepl.approvals.programs.commands import Call, Handler
from llmrepl.approvals.programs.options import Options, split
from llmrepl.approvals.words import Word


class Program(NamedTuple):
    """A program whose effects its operands tell.

    Args:
        role: what it does with its operands, one of `_ROLES`.
        valued: its options that take a value.
        loud: options with which it does more than its role says.
        reads, writes: options whose value is a path that it reads or writes.
        deep: options with which it goes through folders; `*` where it always does.
    """

    role: str
    valued: str = ""
    loud: str = ""
    reads: str = ""
    writes: str = ""
    deep: str = ""


_QUIET = """
    : [ [[ basename break continue date dirname echo exit expr false fg bg getopts help
    hostname id let local logname nproc printenv printf pwd read readarray mapfile return seq
    set shift shopt sleep test times tput tr true tty type ulimit umask uname uptime users wait
    which who whoami yes numfmt factor arch cal free lscpu groups cd pushd popd dirs exec time
"""
_SUMS = "md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum"
_VIEWERS = "cat tac nl rev fold fmt expand unexpand column paste comm cmp strings od hexdump iconv"
_PATTERN = "e regexp A B C m max-count after-context before-context context color include exclude"

PROGRAMS: dict[str, Program] = {
    **dict.fromkeys(_QUIET.split(), Program("none")),
    **dict.fromkeys(_SUMS.split(), Program("read")),
    **dict.fromkeys(_VIEWERS.split(), Program("read", valued="w s d t A j N n f c")),
    "date": Program("none", valued="d date", loud="s set", reads="f file r reference"),
    "hostname": Program("none", loud="F file b boot"),
    "env": Program("none", valued="u unset", loud="S split-string C chdir"),
    "command": Program("none"),
    "jobs": Program("none", loud="x"),
    "iconv": Program("read", valued="f t from-code to-code", writes="o output"),
    "ls": Program("list", valued="I w T ignore width color sort time", deep="R recursive"),
    "tree": Program("list", valued="L I P filelimit", writes="o", deep="*"),
    "du": Program("list", valued="d max-depth t B", deep="*"),
    "df": Program("none"),
    "ps": Program("none", valued="o p u C"),
    "stat": Program("read", valued="c format f printf"),
    "file": Program("read", valued="m F P", loud="C compile", reads="f files-from"),
    "readlink": Program("read"),
    "realpath": Program("read"),
    "head": Program("read", valued="n c lines bytes"),
    "tail": Program("read", valued="n c s lines bytes pid"),
    "wc": Program("read", reads="files0-from"),
    "cut": Program("read", valued="d f c b delimiter fields characters bytes output-delimiter"),
    "sort": Program(
        "read", valued="k t S key", loud="compress-program", writes="o output T temporary-directory"
    ),
    "uniq": Program("copy", valued="f s w"),
    "join": Program("read", valued="1 2 t o a v e j"),
    "diff": Program("read", valued="U u I x", loud="to-file from-file", deep="r recursive"),
    "base64": Program("read", valued="w"),
    "xxd": Program("copy", valued="c l s g o"),
    "jq": Program("pattern", valued="arg argjson indent", reads="f from-file L slurpfile rawfile"),
    "grep": Program("pattern", valued=_PATTERN, reads="f file", deep="r R recursive"),
    "egrep": Program("pattern", valued=_PATTERN, reads="f file", deep="r R recursive"),
    "fgrep": Program("pattern", valued=_PATTERN, reads="f file", deep="r R recursive"),
    "rg": Program(
        "pattern", valued=f"{_PATTERN} g t T j", loud="pre hostname-bin", reads="f file", deep="*"
    ),
    "tee": Program("write"),
    "touch": Program("write", valued="d t date", reads="r reference"),
    "mkdir": Program("write", valued="m mode"),
    "mkfifo": Program("write", valued="m mode"),
    "truncate": Program("write", valued="s size", reads="r reference"),
    "split": Program("copy", valued="l b n a", loud="filter"),
    "rm": Program("delete", deep="r R recursive"),
    "rmdir": Program("delete"),
    "unlink": Program("delete"),
    "shred": Program("delete", valued="n s", reads="random-source"),
    "cp": Program("copy", valued="S suffix", writes="t target-directory", deep="r R a recursive"),
    "mv": Program("move", valued="S suffix", writes="t target-directory"),
    "ln": Program("link", valued="S suffix", writes="t target-directory"),
    "install": Program(
        "copy", valued="m o g mode owner group S", loud="s strip", writes="t target-directory"
    ),
    "chmod": Program("mode", reads="reference", deep="R recursive"),
    "chown": Program("mode", reads="reference", deep="R recursive"),
    "chgrp": Program("mode", reads="reference", deep="R recursive"),
    "gzip": Program("replace", valued="S b", deep="r recursive"),
    "gunzip": Program("replace", valued="S", deep="r recursive"),
    "bzip2": Program("replace"),
    "xz": Program("replace", valued="T F"),
    "zcat": Program("read"),
}

HERE = Word(".")


def handler(name: str) -> Handler | None:
    """Return what notes the touches of the program `name`, if the table has it."""
    program = PROGRAMS.get(name)
    return None if program is None else lambda call: _note(program, call)


def _note(program: Program, call: Call) -> bool:
    valued = f"{program.valued} {program.reads} {program.writes}"
    options = split(call.args, valued)
    for word in options.values(*program.reads.split()):
        call.touch("read", word)
    for word in options.values(*program.writes.split()):
        call.touch("write", word)
    whole = program.deep == "*" or options.has(*program.deep.split())
    _ROLES[program.role](call, options, whole)
    loud = program.loud.split()
    return not (loud and (options.hidden or options.has(*loud)))


def _none(_call: Call, _options: Options, _whole: bool) -> None:
    """Nothing."""


def _read(call: Call, options: Options, whole: bool) -> None:
    for word in options.operands:
        call.touch("read", word, whole=whole)


def _list(call: Call, options: Options, whole: bool) -> None:
    for word in options.operands or [HERE]:
        call.touch("read", word, whole=whole)


def _pattern(call: Call, options: Options, whole: bool) -> None:
    given = options.has("e", "regexp", "f", "file", "from-file")
    operands = options.operands[0 if given else 1 :]
    for word in operands or ([HERE] if whole and call.input.source == "none" else []):
        call.touch("read", word, whole=whole)


def _write(call: Call, options: Options, whole: bool) -> None:
    for word in options.operands:
        call.touch("write", word, whole=whole)


def _delete(call: Call, options: Options, whole: bool) -> None:
    for word in options.operands:
        call.touch("delete", word, whole=whole)


def _copy(call: Call, options: Options, whole: bool) -> None:
    targeted = options.has("t", "target-directory")
    sources = options.operands if targeted else options.operands[:-1] or options.operands
    for word in sources:
        call.touch("read", word, whole=whole)
    if not targeted and len(options.operands) > 1:
        call.touch("write", options.operands[-1], whole=whole)


def _move(call: Call, options: Options, _whole: bool) -> None:
    targeted = options.has("t", "target-directory")
    for word in options.operands if targeted else options.operands[:-1]:
        call.touch("delete", word, "moved")
    if not targeted and len(options.operands) > 1:
        call.touch("write", options.operands[-1])


def _link(call: Call, options: Options, _whole: bool) -> None:
    # A link lets later commands reach what it points to under another name.
    targeted = options.has("t", "target-directory")
    for word in options.operands if targeted else options.operands[:-1] or options.operands:
        call.touch("write", word, "a link to it")
    if not targeted and len(options.operands) > 1:
        call.touch("write", options.operands[-1], "as a link")


def _mode(call: Call, options: Options, whole: bool) -> None:
    for word in options.operands[0 if options.has("reference") else 1 :]:
        call.touch("write", word, "owner or permissions", whole=whole)


def _replace(call: Call, options: Options, whole: bool) -> None:
    for word in options.operands:
        if options.has("c", "stdout", "t", "test", "l", "list"):
            call.touch("read", word, whole=whole)
        else:
            call.touch("write", word, "replaced by another form of it", whole=whole)


_ROLES = {
    "none": _none,
    "read": _read,
    "list": _list,
    "pattern": _pattern,
    "write": _write,
    "delete": _delete,
    "copy": _copy,
    "move": _move,
    "link": _link,
    "mode": _mode,
    "replace": _replace,
}
