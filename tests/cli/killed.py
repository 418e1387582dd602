"""Runs one turn, and kills itself the moment a given record is in the log.

Arguments: the model, the session's id, the number of the record.
"""

import asyncio
import os
import signal
import sys

from llmrepl.compose import assemble
from llmrepl.compose.opening import Wanted
from llmrepl.config import load
from llmrepl.parts import Text


async def main(model, session, number):
    from pathlib import Path

    loaded = load({"model": model}, os.environ, Path.cwd())
    assembly = await assemble(loaded.config, wanted=Wanted(session=session))
    log = assembly.opened.log

    def appended(_line):
        if log.seq == number:
            os.kill(os.getpid(), signal.SIGKILL)

    log.on_line = appended
    await assembly.runtime.turn((Text("Go."),))
    await assembly.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
