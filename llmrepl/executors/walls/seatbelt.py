"""The profile for macOS's own sandbox: a pure function. Experimental, and not tried on a real Mac.

What is not allowed is denied; where two rules fit, the later one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from llmrepl.executors.walls.layout import Layout

PROGRAM = "/usr/bin/sandbox-exec"

SYSTEM = (
    *("/bin", "/sbin", "/usr", "/System", "/Library/Apple", "/Library/Developer"),
    *("/Library/Frameworks", "/opt/homebrew", "/opt/local"),
    *("/private/etc/localtime", "/private/etc/ssl", "/private/var/db/timezone"),
)
"""What programs need to start, beside the Python that runs the blocks."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

_FIXED = (
    "(version 1)",
    "(deny default)",
    "(allow process-exec)",
    "(allow process-fork)",
    "(allow signal (target same-sandbox))",
    "(allow process-info* (target same-sandbox))",
    "(allow sysctl-read)",
    "(allow file-read-metadata)",
    '(allow file-read* (literal "/"))',
    '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
)


def profile(project: Path | None, layout: Layout, scratch: Path) -> str:
    """Return the profile that lets blocks read what they may, and write the scratch alone.

    Args:
        project: what they are shown, or None.
        layout: what this machine has; its `shown` directories can be read, but for its `masked`
            files.
        scratch: what they may write; a real path, as all of these must be.

    Raises:
        ValueError: a path cannot be written down in a profile.
    """
    shown = (*map(Path, SYSTEM), *layout.shown, *((project,) if project is not None else ()))
    return "\n".join(
        (
            *_FIXED,
            _rule("allow file-read*", "subpath", shown),
            _rule("allow file-read* file-write-data", "literal", map(Path, DEVICES)),
            _rule("allow file-read* file-write*", "subpath", (scratch,)),
            *_unless_empty("deny file-read*", layout.masked),
            "(deny network*)",
            "",
        )
    )


def _unless_empty(what: str, paths: tuple[Path, ...]) -> Iterator[str]:
    if paths:  # a rule without a filter would fit everything
        yield _rule(what, "literal", paths)


def _rule(what: str, kind: str, paths: Iterable[Path]) -> str:
    filters = " ".join(f"({kind} {quoted(path)})" for path in paths)
    return f"({what} {filters})"


def quoted(path: Path) -> str:
    """Return a path as a string of the profile's language.

    Raises:
        ValueError: it holds a control character, or what is no text.
    """
    text = str(path)
    if not path.is_absolute() or not text.isprintable():
        raise ValueError(f"{text!r} cannot be written down in a sandbox profile")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command(
    launcher: str, text: str, limits: Iterable[tuple[str, int]], program: Iterable[str]
) -> list[str]:
    """Return the command line that runs `program` under the profile `text`.

    Args:
        launcher: the path of `sandbox-exec`.
        text: see `profile`.
        limits: options of the shell's `ulimit`, and their values.
        program: its path and arguments.
    """
    set_all = "".join(f"ulimit -{option} {value} && " for option, value in limits)
    return [launcher, "-p", text, "/bin/sh", "-c", f'{set_all}exec "$@"', "sh", *program]
