"""What the session store costs: `python -m tests.sessions.figures` prints it.

CPU time, the best of several runs, on a tmp directory; figures are for people and assert nothing.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from tests.sessions.sample import story


def _best(work, runs=7):
    times = []
    for _ in range(runs):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def _write(directory, records, *, sync=False):
    with SessionLog.create(directory) as log:
        for record in records:
            log.append(record, sync=sync)
    return log.path


def _say(line):
    sys.stdout.write(line + "\n")


def main():
    records = story(1000)
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        count = len(records)
        each = _best(lambda: _write(directory, records)) / count
        _say(f"append                {each * 1e6:8.1f} µs a record")
        began = time.perf_counter()
        _write(directory, records[:500], sync=True)
        each = (time.perf_counter() - began) / 500
        _say(f"append, synchronised  {each * 1e6:8.1f} µs a record (wall time)")
        path = _write(directory, records)
        size = path.stat().st_size / 1e6
        _say(f"read {count} records   {_best(lambda: list(LogReader(path))) * 1e3:8.1f} ms")
        _say(f"fork {count} records   {_best(lambda: fork(directory, path.stem), 3) * 1e3:8.1f} ms")
        spent = _best(lambda: next(sessions(directory)))
        _say(f"sum up {size:.1f} MB         {spent * 1e3:8.1f} ms")
    with TemporaryDirectory() as folder:
        for _ in range(200):
            _write(Path(folder), records[:100])
        spent = _best(lambda: list(sessions(Path(folder)))) / 200
        _say(f"sum up 100 records    {spent * 1e3:8.2f} ms")


if __name__ == "__main__":
    main()
