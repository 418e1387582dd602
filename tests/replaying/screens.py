"""What a replay of every recorded session puts on a terminal: `python -m tests.replaying.screens`.

It prints a digest of the bytes for each session, width and theme.
"""

import hashlib
import io
import json
import sys

from llmrepl.displays.opening import open_display
from llmrepl.ports import Surface
from llmrepl.sessions.reader import LogReader
from tests.replaying.recording import SESSIONS

WIDTHS = (40, 80, 132)
THEMES = ("dark", "light")


def screen(records, width, theme):
    """Return what the timeline writes for these records."""
    stream = io.StringIO()
    surface = Surface(stream=stream, live=True, theme=theme, size=lambda: (width, 24))
    display = open_display("timeline", surface, saved=True)
    for record in records:
        display.show(record)
    return stream.getvalue()


def main():
    """Print the digests as JSON."""
    found = {}
    for path in sorted(SESSIONS.glob("*/*.jsonl")):
        records = list(LogReader(path))
        for width in WIDTHS:
            for theme in THEMES:
                text = screen(records, width, theme)
                name = f"{path.stem} {width} {theme}"
                found[name] = hashlib.sha256(text.encode()).hexdigest()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
