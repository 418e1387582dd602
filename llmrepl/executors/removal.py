"""Removing a directory of ours, whatever blocks or an overlay left in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path


def remove_tree(top: Path) -> None:
    """Remove `top`, which only we can enter; what lies around it is never touched.

    Directories in it that nobody may enter are opened first. What cannot be removed stays, and so
    does `top` then: another process may be removing it as well.
    """
    tried: set[str] = set()

    def open_and_retry(_function: object, path: str, _error: object) -> None:
        within = [Path(path).parent, Path(path)]
        for place in (place for place in within if place.is_relative_to(top)):
            with contextlib.suppress(OSError):
                if not place.is_symlink():
                    place.chmod(0o700)
        if path in tried:
            return
        tried.add(path)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, onerror=open_and_retry)
        else:
            with contextlib.suppress(OSError):
                os.unlink(path)

    try:
        shutil.rmtree(top, onerror=open_and_retry)
    except RecursionError:  # blocks may nest directories deeper than Python can follow
        subprocess.run(["/bin/rm", "-rf", top], check=False, capture_output=True)
