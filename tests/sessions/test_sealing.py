import json
import resource
import signal
from itertools import pairwise

import pytest

from llmrepl.chain import digest, rechain
from llmrepl.errors import SessionError
from llmrepl.events import ConfigChanged, NoteAdded, TurnFinished, TurnStarted
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.keeping.erasing import erase
from llmrepl.sessions.keeping.retention import Rules, plan
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from llmrepl.sessions.rewriting import pack, seal, upgrade
from llmrepl.sessions.sealed.identities import make
from llmrepl.sessions.sealed.keys import KEYS
from llmrepl.sessions.sealed.sealing import SessionSealed
from llmrepl.sessions.search.index import SearchIndex
from llmrepl.sessions.search.sealed import search_sealed
from tests.sessions.sealed import age_key, sealing

LARGE = "a large text " * 10_000
EVENTS = (
    TurnStarted(prompt=(Text("tell nobody"),)),
    NoteAdded(text="a first secret"),
    NoteAdded(text=LARGE),
    ConfigChanged(key="tags", value=["keep"]),
    TurnFinished(reason="end_turn"),
)
RECORDS = [Record(seq, 1000 + seq, 1, 0, event) for seq, event in enumerate(EVENTS, 1)]


@pytest.fixture
def identity(tmp_path):
    """The file of an age key for which sessions are sealed while the test runs."""
    with sealing(tmp_path) as file:
        yield file


def written(directory, records=RECORDS, session_id="one"):
    with SessionLog.create(directory, cwd="/home/who/secret-place", session_id=session_id) as log:
        for record in records:
            log.append(record)
    return log.path


def recipient_of(identity):
    return make(identity)[0]


def again(identity):
    """Forget what this process knows of the sessions that it sealed itself."""
    KEYS.use([], identity)


def rewritten(path, lines):
    """Put other lines into a session, chained as anybody can chain them."""
    made = [lines[0]]
    for number, line in enumerate(lines[1:], 1):
        data = {**json.loads(line), "seq": number}
        made.append(rechain(json.dumps(data).encode(), digest(made[-1])))
    path.write_bytes(b"\n".join(made) + b"\n")


def lines_of(path):
    return path.read_bytes().splitlines()


def bytes_below(directory):
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


def test_a_sealed_session_is_read_as_it_was_written(tmp_path, identity):
    path = written(tmp_path / "s")
    again(identity)
    reader = LogReader(path)
    assert list(reader) == RECORDS
    assert reader.problem is None
    assert reader.lost == []
    assert reader.header.cwd == "/home/who/secret-place"


def test_no_byte_on_the_disk_tells_what_was_said(tmp_path, identity):
    written(tmp_path / "s")
    found = bytes_below(tmp_path / "s")
    for word in (b"nobody", b"secret", b"large text", b"turn.started", b"keep"):
        assert word not in found


def test_a_sealed_session_goes_on_sealed_although_new_ones_are_plain(tmp_path, identity):
    path = written(tmp_path / "s")
    again(identity)
    log, records = SessionLog.open(tmp_path / "s", "one")
    with log:
        log.append(Record(6, 2000, 2, 0, NoteAdded(text="a later secret")))
    assert records == RECORDS
    assert b"later" not in path.read_bytes()
    assert [record.seq for record in LogReader(path)] == [1, 2, 3, 4, 5, 6]


def test_a_plain_session_goes_on_plain_although_new_ones_are_sealed(tmp_path):
    path = written(tmp_path / "s", RECORDS[:2])
    file, recipient = age_key(tmp_path / "identity")
    KEYS.use([recipient], file)
    try:
        log, _ = SessionLog.open(tmp_path / "s", "one")
        with log:
            log.append(RECORDS[2])
    finally:
        KEYS.use([], None)
    assert list(LogReader(path)) == RECORDS[:3]


def test_writing_needs_no_key(tmp_path, identity):
    _, recipient = age_key(tmp_path / "elsewhere")
    KEYS.use([recipient], None)
    path = written(tmp_path / "s")
    KEYS.use([], tmp_path / "elsewhere")
    assert list(LogReader(path)) == RECORDS


def test_another_key_opens_nothing(tmp_path, identity):
    path = written(tmp_path / "s")
    other, _ = age_key(tmp_path / "other")
    again(other)
    with pytest.raises(SessionSealed, match="sealed for other keys"):
        list(LogReader(path))
    with pytest.raises(SessionSealed):
        SessionLog.open(tmp_path / "s", "one")


def test_a_key_that_is_not_there_is_named(tmp_path, identity):
    path = written(tmp_path / "s")
    again(tmp_path / "nowhere")
    with pytest.raises(SessionSealed, match="nowhere"):
        list(LogReader(path))


def test_each_of_several_recipients_opens_it(tmp_path, identity):
    keys = [age_key(tmp_path / name) for name in ("a", "b")]
    KEYS.use([recipient for _, recipient in keys], None)
    path = written(tmp_path / "s")
    for file, _ in keys:
        again(file)
        assert list(LogReader(path)) == RECORDS


def test_a_changed_letter_of_a_sealed_line_is_damage_though_the_chain_is_made_to_fit(
    tmp_path, identity
):
    path = written(tmp_path / "s")
    lines = lines_of(path)
    data = json.loads(lines[2])
    data["sealed"] = ("B" if data["sealed"][0] == "A" else "A") + data["sealed"][1:]
    rewritten(path, [*lines[:2], json.dumps(data).encode(), *lines[3:]])
    again(identity)
    reader = LogReader(path)
    assert list(reader) == RECORDS[:1]
    assert reader.problem.line == 3


@pytest.mark.parametrize(
    "order", [(1, 3, 2, 4, 5), (1, 3, 4, 5), (2, 1, 3), (1, 1, 2, 3), (1, 2, 4, 5)]
)
def test_lines_that_were_moved_or_left_out_are_damage(tmp_path, identity, order):
    path = written(tmp_path / "s")
    lines = lines_of(path)
    rewritten(path, [lines[0], *(lines[at] for at in order)])
    again(identity)
    reader = LogReader(path)
    sound = next((count for count, at in enumerate(order) if at != count + 1), len(order))
    assert list(reader) == RECORDS[:sound]
    assert reader.problem is not None


def test_a_line_of_a_fork_does_not_fit_where_the_original_has_another(tmp_path, identity):
    path = written(tmp_path / "s", RECORDS[:2])
    copy = fork(tmp_path / "s", "one", 1)
    log, _ = SessionLog.open(tmp_path / "s", copy)
    with log:
        log.append(Record(2, 1, 1, 0, NoteAdded(text="said otherwise")))
        log.append(Record(3, 1, 1, 0, NoteAdded(text="and on")))
    lines, others = lines_of(path), lines_of(log.path)
    rewritten(path, [*lines[:3], others[3]])
    reader = LogReader(path)
    assert list(reader) == RECORDS[:2]
    assert reader.problem is not None


def test_a_torn_last_line_is_cut_off_and_its_number_used_again(tmp_path, identity):
    path = written(tmp_path / "s")
    whole = path.read_bytes()
    for left in range(len(whole.rstrip(b"\n").rpartition(b"\n")[0]) + 2, len(whole) - 1, 37):
        path.write_bytes(whole[:left])
        log, records = SessionLog.open(tmp_path / "s", "one")
        with log:
            assert records == RECORDS[:4]
            log.append(RECORDS[4])
        assert list(LogReader(path)) == RECORDS


def test_no_two_lines_have_the_same_nonce(tmp_path, identity):
    path = written(
        tmp_path / "s", [Record(n, 1, 1, 0, NoteAdded(text="same")) for n in range(1, 50)]
    )
    sealed = [json.loads(line)["sealed"][:16] for line in lines_of(path)[1:]]
    assert len(set(sealed)) == 49


def test_the_chain_is_sound_without_a_key(tmp_path, identity):
    lines = lines_of(written(tmp_path / "s"))
    for before, line in pairwise(lines):
        assert json.loads(line)["prev"] == digest(before)


def test_a_plain_record_does_not_pass_for_a_sealed_one(tmp_path, identity):
    path = written(tmp_path / "s")
    plain = {"seq": 3, "at": 1, "turn": 1, "step": 0, "type": "note.added", "data": {"text": "x"}}
    lines = lines_of(path)
    rewritten(path, [*lines[:3], json.dumps({"prev": "", **plain}).encode(), *lines[4:]])
    reader = LogReader(path)
    assert list(reader) == RECORDS[:2]
    assert reader.problem.line == 4


def test_a_damaged_session_goes_on_in_a_sealed_copy(tmp_path, identity):
    path = written(tmp_path / "s")
    lines = lines_of(path)
    lines[4] = lines[4].replace(b'"sealed":"', b'"sealed":"A')
    damaged = b"\n".join(lines) + b"\n"
    path.write_bytes(damaged)
    again(identity)
    log, records = SessionLog.open(tmp_path / "s", "one")
    with log:
        assert records == RECORDS[:3]
        assert "the 3 records before it were copied" in log.repaired
        log.append(RECORDS[3])
    assert path.read_bytes() == damaged
    assert list(LogReader(log.path)) == RECORDS[:4]
    assert b"secret" not in bytes_below(tmp_path / "s")


def test_a_session_that_could_not_be_written_goes_on_sealed(tmp_path, identity):
    path = written(tmp_path / "s", RECORDS[:1])
    log, _ = SessionLog.open(tmp_path / "s", "one")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with log:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, limit[1]))
            with pytest.raises(SessionError):
                log.append(RECORDS[1])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            signal.signal(signal.SIGXFSZ, before)
        for record in RECORDS[1:]:
            log.append(record)
    again(identity)
    assert list(LogReader(path)) == RECORDS


def test_what_is_sealed_is_not_in_the_index_and_what_becomes_so_leaves_it(tmp_path, identity):
    file = tmp_path / "index.db"
    KEYS.use([], None)
    written(tmp_path / "s")
    with SearchIndex(tmp_path / "s", file) as index:
        index.update()
        assert len(index.search("secret")) == 1
        assert index.sealed() == []
        KEYS.use([recipient_of(identity)], None)
        seal(tmp_path / "s", "one")
        index.update()
        assert (index.search("secret"), index.sealed()) == ([], ["one"])
        assert b"secret" not in file.read_bytes()
        again(identity)
        log, _ = SessionLog.open(tmp_path / "s", "one")
        with log:
            log.append(Record(6, 1, 1, 0, NoteAdded(text="another secret")))
        index.update()
        assert (index.search("secret"), index.sealed()) == ([], ["one"])
    hits, unopened = search_sealed(tmp_path / "s", ["one"], "secr")
    assert ([hit.seq for hit in hits], unopened) == ([2, 6], {})
    again(tmp_path / "nowhere")
    hits, unopened = search_sealed(tmp_path / "s", ["one"], "secret")
    assert (hits, list(unopened)) == ([], ["one"])
    with pytest.raises(SessionError, match="no word"):
        search_sealed(tmp_path / "s", ["one"], "…")


def test_a_session_whose_tags_are_sealed_is_not_pruned(tmp_path, identity):
    written(tmp_path / "s")
    rules = Rules(days=1, size=None, tags=("other",))
    later = 10**15
    assert [found.id for found in plan(tmp_path / "s", rules, later).going] == ["one"]
    again(tmp_path / "nowhere")
    (held,) = plan(tmp_path / "s", rules, later).held
    assert held.why.startswith("it is sealed, and no key of it is here, although")


def test_the_newest_version_has_no_upgrade(tmp_path, identity):
    path = written(tmp_path / "s")
    before = path.read_bytes()
    assert upgrade(tmp_path / "s", "one") is None
    assert path.read_bytes() == before


def test_a_changed_blob_is_lost_and_the_session_opens(tmp_path, identity):
    path = written(tmp_path / "s")
    (blob,) = (tmp_path / "s" / "blobs").iterdir()
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    reader = LogReader(path)
    assert len(list(reader)) == 5
    assert "was changed" in reader.lost[0]


def test_equal_texts_of_two_sealed_sessions_have_blobs_of_different_names(tmp_path, identity):
    written(tmp_path / "s")
    written(tmp_path / "s", session_id="two")
    assert len(list((tmp_path / "s" / "blobs").iterdir())) == 2


def test_erasing_needs_no_key_and_leaves_the_blobs_of_others(tmp_path, identity):
    written(tmp_path / "s")
    other = written(tmp_path / "s", session_id="two")
    again(tmp_path / "nowhere")
    assert [erased.id for erased in erase(tmp_path / "s", ["one"])] == ["one"]
    assert len(list((tmp_path / "s" / "blobs").iterdir())) == 1
    again(identity)
    reader = LogReader(other)
    assert list(reader) == RECORDS
    assert reader.lost == []


def test_a_listing_tells_of_a_sealed_session_what_it_can(tmp_path, identity):
    written(tmp_path / "s")
    (with_key,) = sessions(tmp_path / "s")
    assert (with_key.state, with_key.prompt, with_key.tags) == (
        "finished",
        "tell nobody",
        ("keep",),
    )
    assert with_key.cwd == "/home/who/secret-place"
    again(tmp_path / "nowhere")
    (without,) = sessions(tmp_path / "s")
    assert (without.state, without.prompt, without.cwd, without.records) == ("sealed", "", "", 5)


def test_a_packed_sealed_session_is_read(tmp_path, identity):
    written(tmp_path / "s")
    again(tmp_path / "nowhere")
    assert pack(tmp_path / "s", "one")
    again(identity)
    assert list(LogReader(tmp_path / "s" / "one.jsonl.zst")) == RECORDS


def test_a_plain_session_is_sealed_when_that_is_asked_for(tmp_path, identity):
    KEYS.use([], None)
    path = written(tmp_path / "s")
    with pytest.raises(SessionError, match="for whom"):
        seal(tmp_path / "s", "one")
    KEYS.use([recipient_of(identity)], identity)
    assert seal(tmp_path / "s", "one")
    assert not seal(tmp_path / "s", "one")
    assert b"secret" not in bytes_below(tmp_path / "s")
    assert b"large text" not in bytes_below(tmp_path / "s")
    reader = LogReader(path)
    assert list(reader) == RECORDS
    assert reader.lost == []
    assert reader.header.cwd == "/home/who/secret-place"


def test_a_header_with_the_key_of_another_session_is_refused(tmp_path, identity):
    path, other = written(tmp_path / "s"), written(tmp_path / "s", session_id="two")
    lines = lines_of(path)
    header = json.loads(lines[0])
    header["seal"]["key"] = json.loads(lines_of(other)[0])["seal"]["key"]
    rewritten(path, [json.dumps(header).encode(), *lines[1:]])
    with pytest.raises(SessionError, match="key of another session"):
        list(LogReader(path))
