"""Large texts stand outside the log, and nobody who reads a session notices."""

import json
import stat
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl import chain
from llmrepl.errors import SessionError
from llmrepl.events import Custom, ToolFinished, TurnStarted
from llmrepl.parts import Image, Output, Text
from llmrepl.record import Record
from llmrepl.sessions.blobs import LIMIT, SHOWN, BlobLost, Blobs, inside, outside
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.search.index import SearchIndex
from tests.sessions import reader as independent
from tests.sessions.sample import PATIENT, lines_of, notes, read, story, write
from tests.sessions.test_reader import seen_by_llmrepl
from tests.sessions.test_schema import wrong

LONG = "first line\n" + "wörd " * 20_000 + "needle"
IMAGE = "aGVsbG8=" * 10_000


def large():
    """A session with a large prompt, a large image and a large output."""
    events = [
        TurnStarted(prompt=(Text(LONG), Image("image/png", IMAGE))),
        ToolFinished(call_id="1", status="ok", parts=(Output("stdout", LONG[::-1]),)),
    ]
    return [Record(seq, seq, 1, 0, event) for seq, event in enumerate(events, start=1)]


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "sessions", large(), session_id="mine")


def blobs(path):
    return sorted((path.parent / "blobs").iterdir())


def test_a_large_text_is_a_file_that_its_line_names(path):
    assert path.stat().st_size < 3 * LIMIT // 10
    _, prompt, output = lines_of(path)
    assert list(prompt["blobs"]) == ["/data/prompt/0/text", "/data/prompt/1/data"]
    assert prompt["blobs"]["/data/prompt/0/text"] == {
        "sha256": sha256(LONG.encode()).hexdigest(),
        "bytes": len(LONG.encode()),
    }
    assert prompt["data"]["prompt"][0]["text"] == LONG[:SHOWN]
    assert prompt["data"]["prompt"][1]["data"] == ""
    assert len(blobs(path)) == 3
    assert all(sha256(blob.read_bytes()).hexdigest() == blob.name for blob in blobs(path))
    assert [wrong(prompt), wrong(output)] == [[], []]


def test_only_the_owner_can_read_blobs(path):
    assert {stat.S_IMODE(blob.stat().st_mode) for blob in blobs(path)} == {0o600}
    assert stat.S_IMODE(blobs(path)[0].parent.stat().st_mode) == 0o700


def test_whoever_reads_the_session_gets_the_whole(path):
    assert read(path) == large()
    log, records = SessionLog.open(path.parent, "mine")
    log.close()
    assert (records, log.repaired) == (large(), "")


def test_every_other_way_to_look_gives_the_whole_as_well(path, tmp_path):
    (summary,) = sessions(path.parent)
    assert (summary.prompt, summary.records, summary.state) == ("first line", 2, "unfinished")
    with SearchIndex(path.parent, tmp_path / "index.db") as index:
        index.update()
        assert [hit.seq for hit in index.search("eldeen")] == [2]
        assert index.search("wörd")[0].text[:20_000].startswith(LONG[:15_000])
    shown = seen_by_llmrepl(path)
    assert shown[0]["data"]["prompt"][0]["text"] == LONG
    assert "blobs" not in shown[0]
    assert independent.read(path)[1:] == (shown, [])


def test_a_fork_has_the_same_blobs(path):
    copy = path.with_name(f"{fork(path.parent, 'mine')}.jsonl")
    assert read(copy) == large()
    assert len(blobs(path)) == 3


def test_a_content_is_kept_once(path):
    before = [(blob.name, blob.stat().st_ino) for blob in blobs(path)]
    write(path.parent, large())
    assert [(blob.name, blob.stat().st_ino) for blob in blobs(path)] == before


def test_a_blob_that_was_changed_is_written_again_when_it_is_needed_again(path):
    blobs(path)[0].write_bytes(b"something else")
    assert read(write(path.parent, large())) == large()


def test_a_text_at_the_limit_stays_in_its_line(tmp_path):
    for size, outside_ in ((LIMIT, False), (LIMIT + 1, True)):
        record = Record(
            1, 1, 0, 0, Custom(name="x", data={"text": "é" * (size // 2) + "a" * (size % 2)})
        )
        path = write(tmp_path, [record])
        assert ("blobs" in lines_of(path)[1]) is outside_
        assert read(path) == [record]


def test_half_of_a_surrogate_pair_stays_in_its_line(tmp_path):
    record = Record(1, 1, 0, 0, Custom(name="x", data={"text": "\ud800" * LIMIT}))
    path = write(tmp_path, [record])
    assert "blobs" not in lines_of(path)[1]
    assert read(path) == [record]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b/c", "~d", "~1", "", "0", "kind", "data"]), inner, max_size=3
        )
    ),
    max_leaves=9,
)


@PATIENT
@given(st.dictionaries(st.sampled_from(["a", "b/c", "~d", "", "0"]), VALUES), st.data())
def test_what_is_taken_out_can_be_put_back_wherever_it_stood(data, drawn):
    kept = {}

    def put(content):
        kept[sha256(content).hexdigest()] = content
        return sha256(content).hexdigest()

    record = {"seq": 1, "type": "custom", "data": {**data, "large": "x" * (LIMIT + 1)}}
    place, where = record["data"], []
    while isinstance(place, dict | list) and place:
        where.append(
            (
                place,
                drawn.draw(
                    st.sampled_from(list(place) if isinstance(place, dict) else range(len(place)))
                ),
            )
        )
        place = where[-1][0][where[-1][1]]
    where[-1][0][where[-1][1]] = "y" * (LIMIT + 1)
    original = json.loads(json.dumps(record))
    changed = json.loads(outside(chain.encode(record), record["type"], put))
    assert len(chain.encode(changed)) < LIMIT
    assert inside(changed, kept.__getitem__) == []
    assert changed == original


LOSSES = {
    "is gone": lambda blob: blob.unlink(),
    "was changed": lambda blob: blob.write_bytes(blob.read_bytes()[:-1] + b"!"),
    "cannot be read: Is a directory": lambda blob: (blob.unlink(), blob.mkdir()),
}


@pytest.mark.parametrize(("what", "lose"), LOSSES.items(), ids=LOSSES)
def test_a_lost_blob_is_said_and_the_session_still_opens(path, what, lose):
    digest = sha256(LONG.encode()).hexdigest()
    lose(path.parent / "blobs" / digest)
    log, records = SessionLog.open(path.parent, "mine")
    with log:
        assert f"record 1: blob {digest} {what}" in log.repaired
        log.append(notes(3)[2])
    text, image = records[0].event.prompt
    assert text == Text(f"{LONG[:SHOWN]}\n[blob {digest} {what}; it had 120017 bytes]")
    assert image == Image("image/png", IMAGE)
    assert records[1] == large()[1]
    assert len(read(path)) == 3
    _, _, said = independent.read(path) if "directory" not in what else (0, 0, ["lost"])
    assert ["lost" in line for line in said] == [True]


def test_a_lost_image_becomes_a_text_that_says_so(path):
    (path.parent / "blobs" / sha256(IMAGE.encode()).hexdigest()).unlink()
    log = LogReader(path)
    _, part = next(iter(log)).event.prompt
    assert isinstance(part, Text)
    assert part.text.endswith("is gone; it had 80000 bytes]")


def test_what_a_line_says_of_blobs_leads_nowhere_else(tmp_path):
    (tmp_path / "secret").write_text("secret")
    for named in (
        {"/data/text": {"sha256": "../secret", "bytes": 6}},
        {"/data/text": {"sha256": 7, "bytes": 6}},
        {"/data/nothing": {"sha256": "0" * 64, "bytes": 6}},
        {"/data/text/0/1": {"sha256": "0" * 64, "bytes": 6}},
        {"": {"sha256": "0" * 64, "bytes": 6}},
        {"/data/text": "0" * 64},
        ["/data/text"],
    ):
        path = write(tmp_path, notes(1))
        header, line = path.read_bytes().splitlines()
        changed = {**json.loads(line), "blobs": named}
        path.write_bytes(header + b"\n" + chain.encode(changed) + b"\n")
        log = LogReader(path)
        assert list(log) == []
        assert "cannot be decoded" in log.problem.reason


def test_where_a_blob_cannot_be_written_the_record_is_not_either(tmp_path):
    log = SessionLog.create(tmp_path, session_id="mine")
    log.append(notes(1)[0])
    (tmp_path / "blobs").write_text("in the way")
    with log, pytest.raises(SessionError, match=r"cannot write .*/blobs/"):
        log.append(large()[1])
    assert read(log.path) == notes(1)


def test_no_blob_is_half_written(tmp_path):
    kept = Blobs(tmp_path)
    digest = kept.put(b"content")
    assert kept.get(digest) == b"content"
    assert [file.name for file in (tmp_path / "blobs").iterdir()] == [digest]
    with pytest.raises(BlobLost):
        kept.get("0" * 64)


def test_small_sessions_have_no_folder_of_blobs(tmp_path):
    write(tmp_path, story(3))
    assert not (tmp_path / "blobs").exists()
