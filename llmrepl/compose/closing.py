"""Closes this process to the others of the same user, who could read its keys out of /proc."""

from __future__ import annotations

import contextlib

PR_SET_DUMPABLE = 4


def close_to_others() -> None:
    """Let nobody but root read this process's memory and environment, nor its core dump.

    The system undoes it for every program that is started from here. Where there is no `prctl`,
    nothing happens.
    """
    # What `ctypes` itself calls, without the 2 ms that importing it takes at every start.
    import _ctypes

    with contextlib.suppress(OSError):  # not Linux
        prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type] # as ctypes does it
        _ctypes.call_function(prctl, (PR_SET_DUMPABLE, 0, 0, 0, 0))
