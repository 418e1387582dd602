"""A packed session takes less room, and everything can be done with it that could be before."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from llmrepl.cli import main
from llmrepl.errors import SessionError, SessionLocked
from llmrepl.record import Record
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.catalog import find, ids, last, newest, session_path
from llmrepl.sessions.keeping.erasing import erase
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.packed import bytes_of
from llmrepl.sessions.rewriting import pack, unpack, upgrade
from llmrepl.sessions.search.index import SearchIndex
from tests.replaying.recording import SESSIONS
from tests.sessions import reader as independent
from tests.sessions.sample import lines_of, notes, read, story, write
from tests.sessions.test_blobs import large
from tests.sessions.test_reader import seen_by_llmrepl
from tests.sessions.versions import first


@pytest.fixture
def plain(tmp_path):
    return write(tmp_path, story(9), session_id="mine", cwd="/tea")


@pytest.fixture
def path(plain):
    pack(plain.parent, "mine")
    return plain.with_name("mine.jsonl.zst")


def names(path):
    return sorted(entry.name for entry in path.parent.iterdir())


def test_the_bytes_stay_and_take_less_room(plain):
    before, facts = plain.read_bytes(), plain.stat()
    made = pack(plain.parent, "mine")
    path = plain.with_name("mine.jsonl.zst")
    assert names(path) == ["mine.jsonl.zst"]
    assert bytes_of(path) == before
    assert made == (len(before), path.stat().st_size)
    assert made.after < made.before / 5
    after = path.stat()
    assert (after.st_mtime_ns, after.st_mode) == (facts.st_mtime_ns, facts.st_mode)
    assert pack(plain.parent, "mine") is None


def test_the_program_zstd_could_read_it(path):
    assert path.read_bytes()[:4] == bytes.fromhex("28b52ffd")


def test_it_is_found_listed_searched_and_shown(path, tmp_path):
    assert (ids(tmp_path), find(tmp_path, "mi"), last(tmp_path, "/tea")) == (
        ["mine"],
        "mine",
        "mine",
    )
    assert [name for name, _ in newest(tmp_path)] == ["mine"]
    assert session_path(tmp_path, "mine") == path
    (summary,) = sessions(tmp_path)
    assert (summary.state, summary.turns, summary.records, summary.cwd) == (
        "finished",
        9,
        90,
        "/tea",
    )
    assert summary.size == path.stat().st_size
    with SearchIndex(tmp_path, tmp_path / "index" / "db") as index:
        index.update()
        assert len(index.search("sum of the first")) == 9
        unpack(tmp_path, "mine")
        index.update()
        assert len(index.search("sum of the first")) == 9
        pack(tmp_path, "mine")
        index.update()
        assert len(index.search("sum of the first")) == 9
    assert read(path) == story(9)
    assert seen_by_llmrepl(path) == independent.read(path)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", "mine", "--instant", "--display", "plain"],
        ["sessions", "export", "mine", "--format", "md"],
        ["sessions", "show", "mine", "--display", "plain"],
        ["sessions", "show", "mine", "--context", "1.2"],
    ],
    ids=" ".join,
)
def test_every_command_says_the_same_of_it(tmp_path, monkeypatch, arguments):
    monkeypatch.setenv("LLMREPL_SESSIONS_DIRECTORY", str(tmp_path))
    shutil.copy(SESSIONS / "golden/several-steps.jsonl", tmp_path / "mine.jsonl")
    before = CliRunner().invoke(main, arguments)
    assert before.exit_code == 0, before.output
    pack(tmp_path, "mine")
    assert CliRunner().invoke(main, arguments).stdout == before.stdout != ""
    assert ids(tmp_path) == ["mine"]
    assert session_path(tmp_path, "mine").suffix == ".zst"


def test_a_fork_of_it_is_not_packed(path):
    copy = path.with_name(f"{fork(path.parent, 'mine', 20)}.jsonl")
    assert read(copy) == story(2)
    assert path.exists()


def test_going_on_with_it_unpacks_it(path):
    log, records = SessionLog.open(path.parent, "mine")
    with log:
        assert (records, log.repaired) == (story(9), "")
        log.append(notes(91)[90])
    assert names(path) == ["mine.jsonl"]
    assert len(read(path.with_suffix(""))) == 91


def test_it_can_be_erased_with_its_blobs_and_what_a_crash_left(tmp_path):
    plain = write(tmp_path, large(), session_id="mine")
    write(tmp_path, large()[:1], session_id="other")
    before = plain.read_bytes()
    pack(tmp_path, "mine")
    assert [erased.id for erased in erase(tmp_path, ["other"])] == ["other"]
    assert read(session_path(tmp_path, "mine")) == large()
    for left in (b"", before):
        if left:
            write(tmp_path, large(), session_id="mine")
            pack(tmp_path, "mine")
            plain.write_bytes(left)
        assert [erased.id for erased in erase(tmp_path, ["mine"])] == ["mine"]
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_its_id_is_taken(path):
    with pytest.raises(SessionError, match="session mine already exists"):
        SessionLog.create(path.parent, session_id="mine")


def test_a_session_with_blobs_keeps_them(tmp_path):
    write(tmp_path, large(), session_id="mine")
    pack(tmp_path, "mine")
    assert read(session_path(tmp_path, "mine")) == large()


def test_what_somebody_writes_is_not_packed(plain):
    log, _ = SessionLog.open(plain.parent, "mine")
    with log, pytest.raises(SessionLocked):
        pack(plain.parent, "mine")
    assert names(plain) == ["mine.jsonl"]


def test_what_a_crash_left_behind_does_no_harm(plain):
    before = plain.read_bytes()
    pack(plain.parent, "mine")
    plain.write_bytes(before)  # it was not removed yet
    assert ids(plain.parent) == ["mine"]
    log, _ = SessionLog.open(plain.parent, "mine")
    with log:
        log.append(notes(91)[90])
    assert names(plain) == ["mine.jsonl"]
    (plain.parent / "mine.jsonl.zst.0badcafe.draft").write_bytes(b"half")
    assert ids(plain.parent) == ["mine"]
    assert len(read(plain)) == 91


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-9], lambda raw: raw[:60] + b"!" + raw[61:], lambda _: b""]
)
def test_a_damaged_one_is_refused_and_left_alone(path, damage):
    bad = damage(path.read_bytes())
    path.write_bytes(bad)
    for attempt in (SessionLog.open, unpack, fork):
        with pytest.raises(SessionError, match=r"mine\.jsonl\.zst"):
            attempt(path.parent, "mine")
    (summary,) = sessions(path.parent)
    assert summary.state == "corrupt"
    assert path.read_bytes() == bad


HAMMER = """
import sys
from pathlib import Path
from llmrepl.errors import SessionError
from llmrepl.events import NoteAdded
from llmrepl.record import Record
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.rewriting import pack

directory, done = Path(sys.argv[1]), 0
while done < 10:
    try:
        if sys.argv[2] == "pack":
            done += pack(directory, "mine") is not None
            continue
        log, records = SessionLog.open(directory, "mine")
        with log:
            log.append(Record(log.seq + 1, 1, 1, 1, NoteAdded(text="more")))
        done += 1
    except SessionError:
        pass
"""


def test_no_record_is_lost_where_one_packs_what_another_goes_on_with(plain):
    goes_on, packs = (
        subprocess.Popen([sys.executable, "-c", HAMMER, str(plain.parent), what])
        for what in ("go on", "pack")
    )
    try:
        assert goes_on.wait(60) == 0
    finally:
        for process in (goes_on, packs):
            process.kill()  # wherever it is
            process.wait()
    log, records = SessionLog.open(plain.parent, "mine")
    log.close()
    assert len(records) == 90 + 10


def test_the_command_packs_what_was_not_used_for_long(plain, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMREPL_SESSIONS_DIRECTORY", str(tmp_path))
    write(tmp_path, story(), session_id="new")
    then = time.time() - 31 * 86400
    os.utime(plain, (then, then))
    ran = CliRunner().invoke(main, ["sessions", "pack", "--days", "30"])
    assert (ran.exit_code, ran.stdout.split(":")[0]) == (0, "packed mine")
    assert CliRunner().invoke(main, ["sessions", "pack", "--days", "30"]).stdout == ""
    assert CliRunner().invoke(main, ["sessions", "unpack", "mine"]).stdout == "unpacked mine\n"
    assert CliRunner().invoke(main, ["sessions", "pack"]).exit_code == 2
    assert names(plain) == ["mine.jsonl", "new.jsonl"]


def test_an_upgrade_keeps_what_is_said_and_moves_large_texts_out(tmp_path):
    path = tmp_path / "version-1.jsonl"
    path.write_bytes(first.FILE.read_bytes())
    log, _ = SessionLog.open(tmp_path, "version-1")
    with log:
        log.append(Record(19, 1, 1, 1, large()[1].event))
    before = read(path)
    assert upgrade(tmp_path, "version-1") == 1
    assert read(path) == before
    header, *_, line = lines_of(path)
    assert (header["version"], list(line["blobs"])) == (2, ["/data/parts/0/text"])
    assert (header["forked_from"], header["created"]) == (
        {"id": "older", "seq": 3},
        1_700_000_000_000,
    )
    assert independent.read(path)[1:] == (seen_by_llmrepl(path), [])
    assert upgrade(tmp_path, "version-1") is None


def test_a_damaged_session_is_not_upgraded(tmp_path):
    path = tmp_path / "version-1.jsonl"
    bad = first.FILE.read_bytes() + b"}\n"
    path.write_bytes(bad)
    with pytest.raises(SessionError, match="not a JSON object"):
        upgrade(tmp_path, "version-1")
    assert path.read_bytes() == bad


def test_every_recorded_session_can_be_packed(tmp_path):
    shutil.copytree(SESSIONS / "golden" / "blobs", tmp_path / "blobs")
    for original in sorted(SESSIONS.glob("golden/*.jsonl")):
        (tmp_path / original.name).write_bytes(original.read_bytes())
        pack(tmp_path, original.stem)
        assert read(session_path(tmp_path, original.stem)) == read(original)


def test_a_session_that_is_not_packed_does_not_load_the_compressor(plain):
    code = (
        "import sys; from pathlib import Path; from llmrepl.sessions.log import SessionLog;"
        "log, _ = SessionLog.open(Path(sys.argv[1]), 'mine'); log.close();"
        "print([name for name in sys.modules if 'zstd' in name])"
    )
    command = [sys.executable, "-c", code, str(plain.parent)]
    assert (
        json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) == []
    )
