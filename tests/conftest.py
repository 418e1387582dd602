"""The ground of the suite: the system tools that its tests run are there, or no test starts."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
TOOLS = ("bash", "bwrap", "git", "setpriv", "tmux")


def pytest_sessionstart() -> None:
    """Stop before the first test if a tool is missing, and say what installs it."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        command = ["/bin/sh", str(ROOT / ".ci/tools"), "--print", *missing]
        hint = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        raise pytest.UsageError(
            f"The tests run {', '.join(missing)}, not found. To install: {hint}"
        )


settings.register_profile("llmrepl", deadline=None)
settings.load_profile("llmrepl")
