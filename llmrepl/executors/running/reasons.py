"""One line that says why a block did not end well, and which rule of the sandbox was in its way."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from llmrepl.executors.network.words import offline
from llmrepl.executors.place import protected
from llmrepl.executors.policy import Limits, size
from llmrepl.sanitise import clean

MAX_LINE = 500

SIGNALLED = 128
"""What a shell adds to the number of the signal that ended a program."""

READ_ONLY = "everything but /tmp ($SCRATCH) is read-only here"
OF_OTHERS = "this file belongs to another user or group, so that no copy of it can be made"
BUSY = "it is protected or hidden: no block renames or removes it"
PROTECTED = "{} is protected, being run or obeyed by other programs: only a person writes it"
NO_NETWORK = offline(())
NO_INPUT = "nobody can type here: standard input is empty"
REFUSED = "the sandbox allows no privileges and no changes to the system, whatever is set"
HIDDEN = "the sandbox hides files that usually hold secrets, and other users' files stay theirs"

BY_TIER = {
    "reduced": {
        HIDDEN: "here only $SCRATCH can be written, and nothing outside the project can be read",
        REFUSED: f"{REFUSED}, nor to modes, owners and times of files",
        NO_NETWORK: "there is no network in this sandbox",
    },
    "off": dict.fromkeys((HIDDEN, REFUSED, NO_NETWORK, READ_ONLY, OF_OTHERS), ""),
}
"""What is told instead in other tiers; "" where it is not the sandbox's doing."""

_ERRNO = {
    errno.EROFS: READ_ONLY,
    errno.EBUSY: BUSY,
    errno.EOVERFLOW: OF_OTHERS,
    errno.EAFNOSUPPORT: NO_NETWORK,
    errno.ENETUNREACH: NO_NETWORK,
    errno.EPERM: REFUSED,
    errno.EACCES: HIDDEN,
}

_OFFLINE = (
    r"Address family not supported|Temporary failure in name resolution"
    r"|[Cc]ould not resolve|[Nn]etwork is unreachable|Name or service not known"
)
_NO_FORK = (
    r"fork: .*unavailable|can't start new thread"
    r"|(?:fork|spawn|[Pp]rocess|Popen)[^\0]*BlockingIOError: \[Errno 11\]"
)

_TEXT = (
    (r"Read-only file system", READ_ONLY),
    (r"Device or resource busy", BUSY),
    (r"Value too large for defined data type", OF_OTHERS),
    (_OFFLINE, NO_NETWORK),
    (r"EOFError: EOF when reading a line", NO_INPUT),
    (r"no new privileges", REFUSED),
    (r"Operation not permitted", REFUSED),
    (r"Permission denied", HIDDEN),
)

_LIMITS = (
    (errno.EFBIG, r"File too large|File size limit exceeded", "file_size", "per file"),
    (errno.EMFILE, r"Too many open files", "open_files", "open files"),
    (
        None,  # EAGAIN means other things too
        _NO_FORK,
        "processes",
        "processes",
    ),
    (errno.ENOMEM, r"Cannot allocate memory|MemoryError", "memory", "of memory"),
    (errno.ENOSPC, r"No space left on device", "home_size", "in the home directory and /dev/shm"),
)


def explain_error(number: int | None, text: str, net: Sequence[str] = ()) -> str:
    """Return which rule of the sandbox a failure comes from, or "".

    Args:
        number: the exception's errno, where it has one.
        text: what was written to stderr, or the traceback.
        net: the hosts that blocks may reach.
    """
    if number is not None and number > 0:  # a failed name lookup has a number of its own
        rule = _ERRNO.get(number, "")
    else:
        tail = text[-4096:]
        rule = next((rule for pattern, rule in _TEXT if re.search(pattern, tail)), "")
    return offline(net) if rule is NO_NETWORK else rule


def explain_limit(number: int | None, text: str, limits: Limits) -> str:
    """Return which limit of the sandbox a failure comes from, or ""; arguments as above."""
    tail = text[-4096:]
    for code, pattern, name, of_what in _LIMITS:
        if number == code if number is not None and code is not None else re.search(pattern, tail):
            value = getattr(limits, name)
            shown = str(value) if name in ("open_files", "processes") else size(value)
            return f"the limit is {shown} {of_what}"
    return ""


def protected_in(text: str) -> str:
    """Return the protected name that a refusal in `text` is about, or ""."""
    for line in text[-4096:].splitlines():
        if re.search(r"Read-only file system|Device or resource busy", line):
            for path in re.findall(r"[^\s'\":`‘’]+", line):
                if found := protected(path):
                    return one_line(found.rpartition("/")[2])
    return ""


def of_python(reply: Mapping[str, Any], limits: Limits, net: Sequence[str] = ()) -> tuple[str, str]:
    """Return the status and the reason of a Python block that failed."""
    message = one_line(str(reply.get("message") or reply.get("kind") or ""))
    error = str(reply.get("error") or "")
    number = reply.get("errno") if isinstance(reply.get("errno"), int) else None
    limit = explain_limit(number, error, limits)
    if limit:
        return "limit", f"{message}: {limit}" if message else limit
    rule = explain_error(number, error, net)
    return "error", f"{message} ({rule})" if rule else message


def one_line(text: str) -> str:
    """Return untrusted text as one line that is safe to show."""
    return " ".join(clean(text).split())[:MAX_LINE]


def of_bash(code: int, stderr: str, limits: Limits, net: Sequence[str] = ()) -> tuple[str, str]:
    """Return the status and the reason of a bash block that ended with `code`, not 0."""
    if code == SIGNALLED + signal.SIGXFSZ:
        return "limit", f"a program wrote too large a file: the limit is {size(limits.file_size)}"
    rule = explain_limit(None, stderr, limits) or explain_error(None, stderr, net)
    told = f"exit code {code}{_signal(code)}"
    return "error", f"{told} ({rule})" if rule else told


def of_death(code: int, when: str = "in this block") -> str:
    """Return that the Python process ended, and how: by a signal, or by itself with `code`."""
    ended = _signal(code).strip(" ,") or f"code {code}"
    return f"the Python process ended {when} ({ended}), so its variables are lost"


def _signal(code: int) -> str:
    if code <= SIGNALLED:
        return ""
    try:
        return f", {signal.Signals(code - SIGNALLED).name}"
    except ValueError:
        return ""
