"""The console script. `--version` answers before anything else is imported."""

from __future__ import annotations

import sys

from llmrepl import __version__


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"llmrepl {__version__}\n")
        return 0
    import gc

    try:
        from llmrepl.cli import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while modules were loaded; the commands themselves take care of it
        return 130
    finally:
        gc.freeze()  # else the interpreter, as it ends, looks for cycles in all there is: 0.15 s


if __name__ == "__main__":
    sys.exit(main())
