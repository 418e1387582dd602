"""The project's copy-on-write layer on the host: its directories, and whether it can be had."""

from __future__ import annotations

import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmrepl.executors.files.removal import remove_tree

OUTER = Path(__file__).with_name("outer.py")
SECONDS = 10


@dataclass(frozen=True, slots=True)
class Overlay:
    """The directories of one overlay: what blocks write lands in `upper`, never in `lower`.

    They lie where no block sees them.
    """

    lower: Path
    upper: Path
    work: Path
    merged: Path

    def renew(self) -> None:
        """Make ready for the next mount: what the last one left in `work` would refuse it.

        Blocks start in the project, so it can be entered, whatever mode they gave it.
        """
        self.upper.chmod(stat.S_IMODE(self.upper.stat().st_mode) | 0o700)
        remove_tree(self.work)
        self.work.mkdir(mode=0o700)

    def refresher(self) -> tuple[Refresher, int]:
        """Return our end of a new channel to the helper, and the descriptor it inherits."""
        self.renew()
        ours, theirs = socket.socketpair()
        return Refresher(ours), theirs.detach()

    def command(self, channel: int, program: Sequence[str]) -> list[str]:
        """Return the command that makes the overlay and becomes `program` in it.

        Args:
            channel: an inherited socket; see `Refresher`.
            program: its path and arguments.
        """
        return [*_python(), str(channel), *self._places(), "--", *program]

    def probe(self) -> str:
        """Return why it does not work here, found out by trying, or ""."""
        try:
            done = subprocess.run(
                [*_python(), "--probe", *self._places()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it ended"]
        return "" if done.returncode == 0 else said[-1].removeprefix("overlay: ")

    def _places(self) -> list[str]:
        return [str(path) for path in (self.lower, self.upper, self.work, self.merged)]


def prepare_overlay(project: Path, private: Path) -> Overlay:
    """Make the directories of an overlay over `project` in `private`, which only we can enter.

    Those of one that is not used any more are emptied.

    Raises:
        OSError: they could not be made.
    """
    overlay = Overlay(project, private / "upper", private / "work", private / "merged")
    for path in (overlay.upper, overlay.work, overlay.merged):
        if path.exists():
            remove_tree(path)
        path.mkdir(mode=0o700)
    overlay.upper.chmod(stat.S_IMODE(project.stat().st_mode) & 0o777)  # it is what blocks see
    return overlay


def unworkable(project: Path) -> str:
    """Return why `project` cannot be shown as a copy on this machine, or ""."""
    if project.stat().st_uid != os.geteuid():
        return f"{project} belongs to another user"
    private = Path(tempfile.mkdtemp(prefix="llmrepl-probe-"))
    try:
        return prepare_overlay(project, private).probe()
    except OSError as error:
        return str(error)
    finally:
        remove_tree(private)


class Refresher:
    """Makes a live overlay forget what it cached of files that changed underneath.

    Asked as a block ends, it works while nobody waits; whoever needs the result calls `wait`.
    """

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        # The kernel's own time limits: with Python's, each call is preceded by a poll.
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._peer.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", SECONDS, 0))
        self._owed = 0

    def ask(self) -> None:
        """Start; returns at once."""
        try:
            self._peer.send(b"?")
        except OSError:
            return  # the sandbox is going
        self._owed += 1

    def wait(self) -> None:
        """Return once everything asked for is done."""
        while self._owed:
            try:
                got = self._peer.recv(self._owed)
            except OSError:
                got = b""
            self._owed = self._owed - len(got) if got else 0

    def close(self) -> None:
        """Let the helper end. May be called twice."""
        self._peer.close()


def _python() -> list[str]:
    return [sys.executable, "-I", "-S", str(OUTER)]
