"""Trees of sessions: by their headers alone, whatever those say, and drawn in any width."""

import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl import testing
from llmrepl.cells import cells
from llmrepl.runtime import fold
from llmrepl.sessions.branching.branches import Branch, branch
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.branching.kinship import Kin, Place, Tree, kin_in, tree_of, trees
from llmrepl.sessions.branching.tree import GONE, MOST, Row, age, drawn, plain, rows
from llmrepl.sessions.cells import wrapped
from llmrepl.sessions.lock import holders
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.packed import packed
from tests.sessions.sample import PATIENT, chat, write

DAY = 86_400_000


def go_on(directory, session, *prompts):
    """Say something more in a session."""
    log, records = SessionLog.open(directory, session)
    with log:
        for prompt in prompts:
            state = fold(records)
            events = testing.turn(prompt, number=state.turn + 1)
            for made in testing.records(events, state=state):
                if made.seq:
                    records.append(replace(made, seq=log.seq + 1))
                    log.append(records[-1])


def branched(directory, origin, at, name, *prompts):
    fork(directory, origin, at, name=name)
    go_on(directory, name, *prompts)


@pytest.fixture
def family(tmp_path):
    """A session of two turns with two forks, one of which has one in the middle of its turn 2."""
    write(tmp_path, chat("one", "two"), session_id="plan")
    branched(tmp_path, "plan", 11, "bus", "by bus?")
    branched(tmp_path, "plan", 22, "train", "by train?", "when?")
    branched(tmp_path, "bus", 16, "walk")
    write(tmp_path, chat("else"), session_id="alone")
    return tmp_path


def shape(tree):
    return [(place.number, place.kin.id, place.depth) for place in tree.places]


def test_forks_are_drawn_below_their_origin_in_the_order_of_their_places(family):
    assert shape(tree_of(kin_in(family), "walk")) == [
        (1, "plan", 0), (2, "bus", 1), (3, "walk", 2), (4, "train", 1)
    ]  # fmt: skip
    assert shape(tree_of(kin_in(family), "alone")) == [(1, "alone", 0)]
    assert len(trees(kin_in(family))) == 2
    with pytest.raises(LookupError):
        tree_of(kin_in(family), "nobody")


def test_the_tree_that_was_written_last_is_the_first(family):
    os.utime(family / "alone.jsonl", ns=(4 * 10**18,) * 2)
    assert trees(kin_in(family))[0].places[0].kin.id == "alone"
    os.utime(family / "walk.jsonl", ns=(5 * 10**18,) * 2)
    assert trees(kin_in(family))[0].places[0].kin.id == "plan"


def test_a_branch_tells_what_is_its_own(family):
    own = branch(family / "train.jsonl", 22)
    assert (own.turn, own.inside, own.turns, own.prompt) == (2, False, 2, "by train?")
    assert own.models == ("scripted/test",)
    assert own.spend.usage.input_tokens == 400  # of two turns with two steps each
    assert own.spend.total == 4 * Decimal("0.000016")
    whole = branch(family / "plan.jsonl")
    assert (whole.turn, whole.turns, whole.prompt) == (0, 2, "one")
    assert branch(family / "walk.jsonl", 16) == Branch(2, True, 0, "by bus?")
    assert branch(family / "nobody.jsonl") == Branch(readable=False)


def test_a_torn_or_damaged_branch_is_shown_as_far_as_it_goes(family):
    path = family / "plan.jsonl"
    path.write_bytes(path.read_bytes() + b'{"prev":"0","type":"turn.started","da')
    assert branch(path).turns == 2
    content = path.read_bytes().replace(
        b'"usage":{"input_tokens":100', b'"usage":{"input_tokens":"x"'
    )
    path.write_bytes(content)
    assert branch(path) == Branch(readable=False)


def test_an_origin_that_is_gone_keeps_its_place(family):
    (family / "bus.jsonl").unlink()
    found = tree_of(kin_in(family), "walk")
    assert shape(found) == [(1, "bus", 0), (2, "walk", 1)]
    table = rows(found, family)
    assert table[0].mark == GONE
    assert "(gone)" in list(drawn(table, 100, now=0))[1]
    assert plain(table[0])["gone"] is True


IDS = [f"s{number}" for number in range(8)]


@given(st.lists(st.sampled_from([None, *IDS, "gone"]), min_size=1, max_size=8))
def test_every_session_has_one_place_whatever_the_headers_say(origins):
    kin = [
        Kin(name, origin and (origin, 1), file=(0, 0, 1))
        for name, origin in zip(IDS, origins, strict=False)
    ]
    placed = [place for tree in trees(kin) for place in tree.places]
    assert sorted(place.kin.id for place in placed if place.kin.file) == [one.id for one in kin]
    assert sum(place.kin.file is None for place in placed) <= len(IDS)


def test_a_ring_of_origins_is_cut_at_its_oldest_session():
    kin = [Kin("c", ("b", 1), 1), Kin("a", ("c", 1), 3), Kin("b", ("a", 1), 2), Kin("d", ("a", 1))]
    (found,) = trees(kin)
    assert shape(found) == [(1, "c", 0), (2, "a", 1), (3, "d", 2), (4, "b", 2)]
    assert found.ring
    (self_made,) = trees([Kin("x", ("x", 1))])
    assert shape(self_made) == [(1, "x", 0)]
    assert self_made.ring


def test_a_chain_of_ten_thousand_forks_is_drawn():
    kin = [Kin(f"f{n}", (f"f{n - 1}", n), n, n, (0, 0, n)) for n in range(1, 10_000)]
    (found,) = trees(kin)
    assert found.places[-1].depth == 9_999
    assert max(len(place.guide) for place in found.places) < 40
    table = rows(found, Path("/nowhere"))
    assert len(table) == 1 + 1 + MOST - 1  # the first, how many were left out, the newest
    assert table[1] == 10_000 - MOST


def test_of_a_big_tree_the_first_the_newest_and_the_one_that_is_open_are_shown(tmp_path):
    kin = [Kin("root", None, 0, 0, (0, 0, 0))]
    kin += [Kin(f"f{n:02}", ("root", n), n, n, (0, 0, n)) for n in range(60)]
    (found,) = trees(kin)
    table = rows(found, tmp_path, here="f10", held={(0, 0, 50): 1})
    assert [row if isinstance(row, int) else row.place.kin.id for row in table] == [
        "root", 10, "f10", 30, *(f"f{n}" for n in range(41, 60))
    ]  # fmt: skip
    marks = {row.place.kin.id: row.mark for row in table if isinstance(row, Row)}
    assert (marks["f10"], marks["f50"], marks["f51"]) == ("●", "◉", "○")
    assert "⋮ 30 more" in list(drawn(table, 80, now=0))[4]
    assert len(rows(found, tmp_path, everything=True)) == 61


def test_a_session_that_is_written_is_marked(family):
    log, _ = SessionLog.open(family, "bus")
    with log:
        table = rows(tree_of(kin_in(family), "bus"), family, held=holders())
    assert [row.mark for row in table] == ["○", "◉", "○", "○"]


HEADERS = [
    b"",
    b"[]",
    b'{"llmrepl":"session","version":1,"forked_from":{"id":"plan","seq":Infinity}}',
    b'{"llmrepl":"session","version":1,"id":"x","created":1e999,"forked_from":{"id":"y","seq":1}}',
    b'{"forked_from":{' * 5000,
    b'{"llmrepl":"session","version":1,"id":"x","created":1,"cwd":"","forked_from":{}}',
]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_says_nothing_sensible_has_no_origin(family, header):
    (family / "hostile.jsonl").write_bytes(header + b"\n{}\n")
    (found,) = [one for one in kin_in(family) if one.id == "hostile"]
    assert found.origin is None


def test_a_packed_session_keeps_its_place_and_what_is_its_own(family):
    before = branch(family / "train.jsonl", 22)
    path = family / "train.jsonl"
    (family / "train.jsonl.zst").write_bytes(packed(path.read_bytes()))
    path.unlink()
    assert [name for _, name, _ in shape(tree_of(kin_in(family), "train"))][-1] == "train"
    table = rows(tree_of(kin_in(family), "train"), family)
    assert table[-1].branch == before
    (family / "train.jsonl.zst").write_bytes(b"nothing that was packed")
    assert branch(family / "train.jsonl.zst", 22) == Branch(readable=False)
    assert shape(tree_of(kin_in(family), "train")) == [(1, "train", 0)]


def test_a_long_header_is_read_to_its_end(family):
    lines = (family / "bus.jsonl").read_bytes().split(b"\n", 1)
    header = json.loads(lines[0])
    header = {"note": "x" * 9000, **header}
    (family / "bus.jsonl").write_bytes(json.dumps(header).encode() + b"\n" + lines[1])
    assert tree_of(kin_in(family), "bus").places[0].kin.id == "plan"


TEXT = st.text(max_size=60)


@PATIENT
@given(TEXT, TEXT, st.integers(0, 12), st.integers(1, 130))
def test_no_line_is_wider_than_the_screen_or_commands_it(prompt, model, depth, width):
    guide = "│  " * depth
    kin = Kin("s" * 60, (prompt, 3), 5, 5, (0, 0, 1))
    tree = Tree([Place(1, kin, depth, guide)], ring=False)
    own = Branch(3, True, 2, prompt, (model, model))
    for line in drawn([Row(tree.places[0], own, "○"), 3], width, now=DAY):
        assert cells(line) <= width
        assert all(sign.isprintable() for sign in line if sign not in prompt + model)
        assert not {"\x1b", "\n", "\r", "\x07", "\x9b", "\u202e"} & set(line)


@given(TEXT, st.integers(1, 40))
def test_text_is_wrapped_to_its_width(text, width):
    for line in wrapped(text, width):
        assert cells(line) <= max(width, 2)


def test_a_secret_in_a_prompt_is_not_shown(family):
    table = rows(tree_of(kin_in(family), "bus"), family)
    hidden = list(drawn(table, 120, now=0, redact=lambda text: text.replace("bus", "***")))
    assert "by ***?" in hidden[2]
    assert plain(table[1], lambda _: "***")["prompt"] == "***"


def test_an_age_is_given_in_its_largest_unit():
    assert [age(ms) for ms in (0, 59_000, 60_000, 3 * 3_600_000, 9 * DAY, -5)] == [
        "0 s", "59 s", "1 min", "3 h", "9 d", "0 s"
    ]  # fmt: skip
