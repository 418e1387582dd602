"""What is offered while somebody types, with what it is."""

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from llmrepl.config import load
from llmrepl.conversing.commands.showing import THEMES
from llmrepl.conversing.commands.table import COMMANDS
from llmrepl.conversing.drafting.arguments import forms
from llmrepl.conversing.drafting.files import ProjectFiles
from llmrepl.conversing.drafting.fuzzy import best
from llmrepl.conversing.drafting.offers import Offers
from llmrepl.repl.editing.completing import Completions
from llmrepl.sessions.log import SessionLog

FILES = ("src/app.py", "src/deep/model.py", "README.md", ".env", "src/id_rsa", "my notes.txt")


@pytest.fixture
def place(tmp_path):
    """A home with a project in it."""
    project = tmp_path / "project"
    for name in FILES:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
    return tmp_path


@pytest.fixture
def offered(place):
    """What is offered at the end of a text: (text, what it is) of each row."""

    def offer(text, configured=""):
        (place / "config.toml").write_text(configured)
        environ = {"HOME": str(place), "XDG_DATA_HOME": str(place / "data")}
        project = place / "project"
        config = load({}, environ, project, user_file=place / "config.toml").config
        document = Document(text)
        known = {"CALL": lambda: [("2.1.0", "bash ok, 1 lines"), ("1.1.0", "python ok, 9 lines")]}
        completions = Completions(Offers(config, environ, project, known))
        rows = completions.get_completions(document, CompleteEvent())
        found = []
        for row in rows:
            whole = text[: len(text) + row.start_position] + row.text
            found.append((whole, row.display_meta_text))
        return found

    return offer


def whole(rows):
    return [text for text, _ in rows]


# Commands


def test_calls_formats_and_themes_are_offered(offered):
    assert offered("/show ")[0] == ("/show 2.1.0", "bash ok, 1 lines")
    results = {"/show 2.1.0", "/show 1.1.0"}
    others = {"/show last", "/show prompt", "/show context"}
    assert set(whole(offered("/show "))) == results | others
    assert whole(offered("/show 1")) == ["/show 1.1.0", "/show 2.1.0"]
    assert ("/export html", "one page, to show around") in offered("/export ")
    assert "/export md src/" in whole(offered("/export md s"))
    assert whole(offered("/theme ")) == [f"/theme {name}" for name in THEMES]


def test_every_command_is_offered_with_its_purpose(offered):
    assert offered("/") == [(f"/{name}", row.purpose) for name, row in COMMANDS.items()]


def test_what_begins_like_it_comes_before_what_only_holds_the_letters(offered):
    assert whole(offered("/mo"))[:2] == ["/model", "/models"]
    assert "/permissions" in whole(offered("/psn"))


@pytest.mark.parametrize("text", ["hello", "what / is", "/etc/hosts", "/nosuch x", "a\n/he", ""])
def test_nothing_else_is_completed(offered, text):
    assert offered(text) == []


# Arguments


def test_models_are_those_that_are_known_without_asking_anybody(offered, place):
    library = place / ".ollama/models/manifests/registry.ollama.ai/library/qwen3"
    library.mkdir(parents=True)
    (library / "8b").write_text("{}")
    configured = 'model = "openai/mine"\n[providers.other]\ntimeout = 3\n'
    rows = dict(offered("/model ", configured))
    assert rows["/model openai/mine"] == "configured"
    assert rows["/model ollama/qwen3:8b"] == "installed"
    assert rows["/model demo/assistant"].startswith("a small assistant")
    assert {"/model groq/", "/model ollama/", "/model other/"} <= rows.keys()
    assert whole(offered("/model groq/"))[0].startswith("/model groq/llama")


def test_sessions_are_offered_by_id_with_their_first_words_and_age(offered, place, monkeypatch):
    from llmrepl.events import TurnStarted
    from llmrepl.parts import Text
    from llmrepl.record import Record

    log = SessionLog.create(place / "data/llmrepl/sessions", cwd="/", session_id="mine")
    log.append(Record(1, 0, 1, 0, TurnStarted(prompt=(Text("count the stars"),), source="person")))
    log.close()
    row = COMMANDS["diff"].__class__("[ID]", "go on with another", COMMANDS["diff"].run)
    monkeypatch.setitem(COMMANDS, "resume", row)
    ((text, about),) = offered("/resume m")
    assert text == "/resume mine"
    assert about.startswith("count the stars · ")
    assert about.endswith(" s ago")
    assert [text for text, _ in offered("/tree m")] == ["/tree mine"]
    assert [text for text, _ in offered("/compare ")] == ["/compare mine"]
    assert [text for text, _ in offered("/fork ")] == ["/fork at", "/fork turn"]


def test_paths_are_offered_level_by_level_without_secrets(offered):
    assert offered("/diff ") == [
        ("/diff README.md", ""),
        ("/diff my notes.txt", ""),
        ("/diff src/", "directory"),
    ]
    assert whole(offered("/apply src/")) == ["/apply src/app.py", "/apply src/deep/"]


def test_words_are_offered_and_what_may_follow_them(offered):
    assert whole(offered("/sandbox ")) == ["/sandbox write", "/sandbox net", "/sandbox project"]
    assert whole(offered("/sandbox write ")) == ["/sandbox write src/"]
    assert whole(offered("/sandbox project ")) == [
        "/sandbox project copy",
        "/sandbox project read-only",
    ]
    assert whole(offered("/permissions add a")) == [
        "/permissions add allow",
        "/permissions add ask",
    ]
    assert offered("/sandbox net ") == []


def test_the_usage_of_a_command_says_its_forms():
    assert forms("[add RULE | revoke N]") == [["add", "RULE"], ["revoke", "N"]]
    assert forms("[files [BLOCKS]]") == [["files", "BLOCKS"]]
    assert forms("") == []


# Files


def test_files_are_found_by_some_of_their_letters(offered):
    assert offered("see @mdl") == [("see @src/deep/model.py", "src/deep")]
    assert whole(offered("@notes")) == ['@"my notes.txt"']
    assert whole(offered('@"my no')) == ['@"my notes.txt"']


def test_secrets_are_not_offered(offered):
    assert sorted(whole(offered("@"))) == [
        '@"my notes.txt"', "@README.md", "@src/app.py", "@src/deep/model.py",
    ]  # fmt: skip


def test_a_path_that_leads_elsewhere_is_completed_level_by_level(offered, place):
    assert whole(offered(f"@{place}/proj")) == [f"@{place}/project/"]
    assert whole(offered("@../proj")) == ["@../project/"]


def test_in_a_repository_git_says_which_files_there_are(place):
    project = place / "project"
    (project / ".gitignore").write_text("*.log\n")
    (project / "big.log").write_text("x")
    (project / ".github").mkdir()
    (project / ".github" / "ci.yml").write_text("x")
    subprocess.run(["git", "init", "-q", project], check=True)
    subprocess.run(["git", "-C", project, "add", "README.md"], check=True)
    assert ProjectFiles(project).paths() == [
        ".github/ci.yml", ".gitignore", "README.md", "my notes.txt", "src/app.py",
        "src/deep/model.py",
    ]  # fmt: skip
    assert ProjectFiles(project / "src").paths() == ["app.py", "deep/model.py"]


def test_without_git_what_nobody_wrote_is_not_walked(place):
    project = place / "project"
    (project / "node_modules").mkdir()
    (project / "node_modules" / "x.js").write_text("x")
    assert "node_modules/x.js" not in ProjectFiles(project).paths()


# What was meant


def test_the_last_part_of_a_path_counts_most_then_gaps_then_length():
    names = ["app/other.py", "src/apple.py", "a/p/p.py", "src/app.py"]
    assert best("app", names, 9) == ["src/app.py", "src/apple.py", "app/other.py", "a/p/p.py"]


def test_upper_case_counts_where_it_was_typed():
    assert best("R", ["readme", "README"], 9) == ["README"]
    assert sorted(best("r", ["readme", "README"], 9)) == ["README", "readme"]


@given(st.text(max_size=5), st.lists(st.text(max_size=12), max_size=12))
def test_what_is_found_holds_the_letters_in_their_order(letters, names):
    for name in best(letters, names, 5):
        rest = iter(name)
        assert all(any(re.fullmatch(re.escape(c), d, re.IGNORECASE) for d in rest) for c in letters)
