"""What was sent is kept for all chats, which write the same file at the same time."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.compose.erasing import forget_typed
from llmrepl.conversing.sent import LONGEST, Sent
from llmrepl.repl.history import History
from llmrepl.sessions.keeping.erasing import Erased

WRITER = """
import sys
from pathlib import Path
from llmrepl.conversing.sent import Sent
from llmrepl.repl.history import History

history = History(Sent(Path(sys.argv[1])))
for number in range(200):
    history.store_string("\\n".join([sys.argv[2] + str(number)] * 50))
"""


def test_what_was_kept_comes_back_the_newest_first(tmp_path):
    history = History(Sent(tmp_path / "new" / "history"))
    for text in ("one", "two\n\nlines\n", "+ # three"):
        history.store_string(text)
    assert list(history.load_history_strings()) == ["+ # three", "two\n\nlines\n", "one"]
    assert (tmp_path / "new" / "history").stat().st_mode & 0o777 == 0o600


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80).filter(bool))
def test_every_text_comes_back_as_it_was(tmp_path_factory, text):
    history = History(Sent(tmp_path_factory.mktemp("h") / "history"))
    history.store_string(text)
    assert list(history.load_history_strings()) == [text]


def test_chats_that_write_at_the_same_time_keep_every_entry_whole(tmp_path):
    file = tmp_path / "history"
    command = [sys.executable, "-c", WRITER, str(file)]
    writers = [subprocess.Popen([*command, name]) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    entries = list(History(Sent(file)).load_history_strings())
    wanted = {"\n".join([f"{name}{number}"] * 50) for name in "abc" for number in range(200)}
    assert len(entries) == 600
    assert set(entries) == wanted


def test_secrets_are_not_kept(tmp_path):
    history = History(Sent(tmp_path / "history", lambda text: text.replace("secret", "[redacted]")))
    history.store_string("my secret")
    assert list(history.load_history_strings()) == ["my [redacted]"]


def test_of_a_huge_paste_the_placeholder_is_kept(tmp_path):
    history = History(Sent(tmp_path / "history", expand=lambda _: "x" * (LONGEST + 1)))
    history.store_string("[Pasted text #1: 1 line]")
    assert list(history.load_history_strings()) == ["[Pasted text #1: 1 line]"]


def test_a_history_that_cannot_be_read_or_written_is_empty(tmp_path):
    (tmp_path / "history").mkdir()
    history = History(Sent(tmp_path / "history"))
    history.store_string("x")
    assert list(history.load_history_strings()) == []


def test_what_was_typed_in_an_erased_session_is_forgotten_and_nothing_else(tmp_path):
    file = tmp_path / "history"
    history = History(Sent(file))
    for text in ("first", "!ls -l", "two\n\nlines", "other"):
        history.store_string(text)
    for session in ("mine", "theirs"):
        history.sent.session = lambda session=session: session
        history.store_string(f"/sessions {session}\n# + {session}")
    gone = [Erased("mine", frozenset({"first", "ls -l", "two\n\nlines", "never"}), 0)]
    forget_typed(file, gone)
    assert list(History(Sent(file)).load_history_strings()) == [
        "/sessions theirs\n# + theirs",
        "other",
    ]
    before = file.read_bytes()
    forget_typed(file, gone)
    assert file.read_bytes() == before
    forget_typed(tmp_path / "nowhere", gone)


@given(
    kept=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=4),
    gone=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
def test_what_is_forgotten_leaves_every_other_entry_as_it_was(tmp_path_factory, kept, gone):
    file = tmp_path_factory.mktemp("h") / "history"
    history = History(Sent(file))
    for text in kept:
        history.store_string(text)
    history.sent.session = lambda: "mine"
    history.store_string(gone)
    forget_typed(file, [Erased("mine", frozenset(), 0)])
    assert list(History(Sent(file)).load_history_strings()) == kept[::-1]
