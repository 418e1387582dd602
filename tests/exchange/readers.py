"""Other programs' own readers, which `.ci/setup dev` puts beside the environment."""

import sys
from contextlib import contextmanager
from pathlib import Path

PLACE = Path(__file__).parents[2] / ".venv" / "readers"
PLAYER = PLACE / "mkdocs_asciinema_player" / "assets" / "asciinema-player"
HOW = "the readers of other programs are not installed: .ci/setup dev"


@contextmanager
def importable():
    """Let modules be imported from there."""
    assert PLACE.is_dir(), HOW
    sys.path.insert(0, str(PLACE))
    try:
        yield
    finally:
        sys.path.remove(str(PLACE))


def trajectory():
    """Return ATIF's own model of a trajectory, which is Harbor's."""
    with importable():
        from harbor.models.trajectories import Trajectory

        return Trajectory


def player():
    """Return the style and the script of asciinema's player."""
    assert PLACE.is_dir(), HOW
    return PLAYER.with_suffix(".css").read_text(), PLAYER.with_suffix(".min.js").read_text()
