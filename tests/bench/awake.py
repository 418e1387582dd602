"""Processors kept from sleeping, for what takes less than a machine needs to wake one up.

A virtual processor with nothing to do is handed back to the host; to get it back took 0.1 to 0.4 ms
here, up to twice in a warm block, and more on one day than on another. What runs meanwhile has the
class SCHED_IDLE: it gives way to everything else at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

SPIN = "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"


@contextmanager
def awake() -> Iterator[None]:
    """Keep every processor busy with nothing."""
    with ExitStack() as spinning:
        for processor in os.sched_getaffinity(0):
            spinner = spinning.enter_context(subprocess.Popen([sys.executable, "-c", SPIN]))
            spinning.callback(spinner.kill)
            os.sched_setaffinity(spinner.pid, {processor})
        yield
