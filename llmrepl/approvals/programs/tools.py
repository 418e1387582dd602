"""What programs touch whose arguments have a grammar of their own, from find and sed to kill."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmrepl.approvals.programs.commands import Call, Handler
from llmrepl.approvals.programs.files import HERE
from llmrepl.approvals.programs.options import split
from llmrepl.approvals.words import Word

_SED_RUNS = re.compile(r"(?:^|[;{}\n/0-9$ ])[ew](?:\s|$)|s(.).*\1.*\1[a-z0-9]*[ew]")
_FIND_WITHOUT_PATH = re.compile(r"[-(!,)]")
_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def _find(call: Call) -> bool:
    args = list(call.args)
    starts: list[Word] = []
    while args and not _FIND_WITHOUT_PATH.match(args[0].text):
        starts.append(args.pop(0))
    starts = starts or [HERE]
    texts = [word.text for word in args]
    kind = "delete" if "-delete" in texts else "read"
    for word in starts:
        call.touch(kind, word, "what find selects" if kind == "delete" else "", whole=True)
    while args:
        text = args.pop(0).text
        if text in _EXEC:
            inner, args = _executed(args)
            if inner:
                call.run(inner)
        elif text in ("-fprint", "-fprint0", "-fprintf", "-fls") and args:
            call.touch("write", args[0])
    return True


def _executed(args: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """Return the command of an `-exec`, its `{}` unknown, and the arguments behind it."""
    inner: list[Word] = []
    for index, word in enumerate(args):
        if word.text == ";" or (word.text == "+" and args[index - 1].text == "{}"):
            return inner, list(args[index + 1 :])
        inner.append(Word(word.text, "open") if "{}" in word.text else word)
    return inner, []


def _sed(call: Call) -> bool:
    options = split(call.args, "e expression f file l line-length")
    scripts = options.values("e", "expression")
    files = options.operands
    if not scripts and not options.has("f", "file"):
        scripts, files = files[:1], files[1:]
    in_place = options.has("in-place") or any(re.match(r"-[a-zA-Z]*i", w.text) for w in call.args)
    for word in files:
        call.touch("write" if in_place else "read", word, "in place" if in_place else "")
    if options.has("f", "file"):
        return False  # a script may write files and start programs
    return not options.hidden and all(w.known and not _SED_RUNS.search(w.text) for w in scripts)


def _tar(call: Call) -> bool:
    args = list(call.args)
    if args and re.match(r"[a-zA-Z]", args[0].text):  # the old way: letters without a dash
        args[0] = Word(f"-{args[0].text}", args[0].form)
    options = split(args, "f file C directory T files-from X exclude-from exclude transform")
    creates = options.has("c", "create", "r", "append", "u", "update")
    for word in options.values("f", "file"):
        call.touch("write" if creates else "read", word)
    for word in options.operands if creates else []:
        call.touch("read", word, whole=True)
    if options.has("x", "extract", "get"):
        for word in options.values("C", "directory") or [HERE]:
            call.touch("write", word, "unpacked", whole=True)
    loud = ("to-command", "checkpoint-action", "I", "use-compress-program", "F", "info-script")
    return not (options.hidden or options.has("P", "absolute-names", "remove-files", *loud))


def _dd(call: Call) -> bool:
    kinds = {"if": "read", "of": "write"}
    for word in call.args:
        name, equals, _ = word.text.partition("=")
        if equals and name in kinds:
            call.touch(kinds[name], word.cut(len(name) + 1))
    return True


def _disk(call: Call) -> bool:
    for word in call.args:
        if word.text.startswith(("/dev/", "$")):
            call.touch("write", word, "formatted or partitioned", danger=True)
    return False


_KILLERS = {
    "kill": "ends or signals the process",
    "pkill": "ends or signals processes that match",
    "killall": "ends or signals processes named",
}


def _kill(call: Call) -> bool:
    options = split(call.args, "s n u U g G P t signal")
    if options.has("l", "L", "list"):
        return True
    targets = [w for w in call.args if not w.text.startswith("-")]
    for word in targets or [Word("")]:
        call.note("process", word, _KILLERS[call.name], danger=not word.text.startswith("%"))
    return True


def _service(call: Call) -> bool:
    said = " ".join(word.text for word in call.args[:3])
    call.note("process", Word(said), "controls services of the machine:", danger=True)
    return False


def _power(call: Call) -> bool:
    call.note("process", Word(call.name), "stops or restarts the machine:", danger=True)
    return False


def _schedule(call: Call) -> bool:
    call.note("process", Word(call.name), "schedules programs that start later:", danger=True)
    return False


HANDLERS: dict[str, Handler] = {
    "find": _find,
    "sed": _sed,
    "gsed": _sed,
    "tar": _tar,
    "dd": _dd,
    **dict.fromkeys(("mkfs", "mke2fs", "fdisk", "parted", "wipefs", "mount", "umount"), _disk),
    **dict.fromkeys(("mkfs.ext4", "mkfs.xfs", "mkfs.vfat", "mkswap", "swapon", "losetup"), _disk),
    **dict.fromkeys(_KILLERS, _kill),
    **dict.fromkeys(("systemctl", "service", "launchctl", "loginctl"), _service),
    **dict.fromkeys(("shutdown", "reboot", "poweroff", "halt", "init"), _power),
    **dict.fromkeys(("crontab", "at", "batch", "systemd-run"), _schedule),
}
