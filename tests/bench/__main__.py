"""Run every measurement, or those named: `python -m tests.bench [startup render …]`."""

from __future__ import annotations

import compileall
import sys
from importlib import import_module
from pathlib import Path

SUBJECTS = (
    "startup",
    "loop",
    "sandbox",
    "render",
    "client",
    "typing",
    "sessions",
    "appending",
    "providers",
    "growth",
    "estimates",
    "tui",
    "timeline",
)
ROOT = Path(__file__).parents[2]


def main(names: list[str]) -> None:
    """Print the reports of the named subjects."""
    # Bytecode first: where PYTHONDONTWRITEBYTECODE is set, every start would compile again.
    for package in ("llmrepl", "plugins"):
        compileall.compile_dir(ROOT / package, quiet=1)
    for entry in sys.path:
        if entry.endswith("site-packages"):
            compileall.compile_dir(entry, quiet=2)
    for name in names or SUBJECTS:
        print(import_module(f"tests.bench.{name}").report(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
