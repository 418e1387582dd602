"""What lies at the top of the repository."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = {
    *(
        "README.md",
        "LICENSE",
        "pyproject.toml",
        "Makefile",
        "constraints.txt",
        "constraints-dev.txt",
    ),
    *("llmrepl", "plugins", "tests", "sessions", "docs"),
}
MADE = {"build", "dist"}


def test_the_top_level_holds_only_what_the_design_names():
    found = {
        entry.name
        for entry in ROOT.iterdir()
        if not entry.name.startswith(".") and entry.suffix != ".egg-info"
    }
    assert found - MADE <= NAMED


def test_what_make_clean_removes_is_what_git_ignores():
    ignored = {line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()}
    recipe = (ROOT / "Makefile").read_text()
    assert [name for name in ignored if name not in recipe] == []
