"""What screens about saved sessions show of them in lines: as wide as there is room for."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmrepl.cells import cells
from llmrepl.events import ToolFinished, ToolRequested, ToolStarted
from llmrepl.parts import Output
from llmrepl.replaying.comparing import differences
from llmrepl.replaying.planning import Recorded
from llmrepl.replaying.verifying import Checked, Report
from llmrepl.sessions.listing import Summary
from llmrepl.sessions.search.index import Hit
from llmrepl.testing.builders import records, turn
from llmrepl_textual.studying import lines
from llmrepl_textual.studying.divergences import sums, told_at_the_end, told_of
from llmrepl_textual.studying.query import Query, query_of
from llmrepl_textual.studying.scene import LEAD, bar, place_on, standing
from llmrepl_textual.studying.scrubber import Scrubber
from llmrepl_textual.studying.states import States
from llmrepl_timeline.lines import plain, width_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=90)
LOG = [
    record
    for record in records([event for number in range(1, 9) for event in turn(number=number)])
    if record.event.durable
]


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def summary(tmp_path, **facts):
    return Summary("a", tmp_path, **{"state": "finished", "created": 0, "updated": 0, **facts})


@settings(deadline=None)
@given(st.data())
def test_no_line_is_wider_than_there_is_room_for(tmp_path_factory, data):
    width = data.draw(st.integers(40, 200))
    found = summary(
        tmp_path_factory.getbasetemp(),
        prompt=data.draw(TEXTS),
        model=data.draw(TEXTS),
        cwd=data.draw(TEXTS),
        tags=tuple(data.draw(st.lists(TEXTS, max_size=3))),
        state=data.draw(st.sampled_from(["finished", "unfinished", "sealed", "open elsewhere"])),
    )
    hit = Hit("a", 3, 2, 0, "turn.started", data.draw(TEXTS))
    shown = [
        lines.session(found, width),
        lines.hit(hit, "words", width),
        *lines.about(found, width),
    ]
    assert all(cells("".join(span.text for span in row)) <= width for row in shown)


def test_a_session_is_one_line_and_narrow_screens_leave_figures_out(tmp_path):
    found = summary(
        tmp_path, prompt="How  much\ntea?", turns=3, tags=("keep",), model="demo/assistant"
    )
    wide = plain(lines.session(found, 120, here=True, marked=True))
    assert wide.startswith("◆ ● 1970-01-01 00:00      3")
    assert "demo/assistant" in wide
    assert wide.endswith("How much tea?  #keep")
    assert plain(lines.session(found, 60)) == "  ○ 1970-01-01 00:00  How much tea?  #keep"
    assert plain(lines.titles(60)).split() == ["last", "used", "first", "prompt"]
    broken = summary(tmp_path, state="corrupt")
    assert plain(lines.session(broken, 60)).endswith("[corrupt]")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        ("sales data", Query("sales data")),
        ('"no such file" #keep', Query('"no such file"', ("keep",))),
        ("#Keep #b model:Groq/", Query("", ("keep", "b"), ("groq/",))),
        ("# model:", Query("#")),
        ('say "#not a tag"', Query('say "#not a tag"')),
    ],
)
def test_a_search_has_words_tags_and_models(text, query):
    assert query_of(text) == query


def test_a_session_fits_where_it_has_all_tags_and_its_model_such_a_name(tmp_path):
    found = summary(tmp_path, tags=("Keep", "b"), model="groq/Llama")
    assert query_of("#keep model:llama").fits(found)
    assert not query_of("#keep #c").fits(found)
    assert not query_of("model:demo").fits(found)


@settings(deadline=None)
@given(st.integers(20, 200), st.integers(0, len(LOG)))
def test_the_bar_fills_the_line_and_a_click_on_its_knob_stays_there(width, at):
    scrubber = Scrubber(LOG)
    scrubber.go(at)
    drawn = bar(scrubber, len(LOG), width)
    assert width_of(drawn) == width
    knob = plain(drawn).index("●")
    room = width - LEAD - len(f" {len(LOG)}/{len(LOG)}")
    there = place_on(knob, len(LOG), width)
    assert there is None or abs(there - at) <= len(LOG) / max(1, room - 1) + 1
    assert place_on(3, len(LOG), width) is None
    assert place_on(width - 1, len(LOG), width) is None


def test_a_click_on_the_ends_of_the_bar_goes_to_the_ends():
    assert place_on(LEAD, 88, 80) == 0
    assert place_on(79 - len(" 88/88"), 88, 80) == 88


@pytest.mark.parametrize("width", [30, 80, 160])
def test_how_a_session_stood_is_two_lines(width):
    states = States(LOG)
    for at in range(len(LOG) + 1):
        shown = standing(states.at(at), at, LOG, width)
        assert len(shown) == 2
        assert all(width_of(row) <= width for row in shown)
    running = next(r.seq for r in LOG if isinstance(r.event, ToolStarted))
    where, figures = map(plain, standing(states.at(running), running, LOG, 160))
    assert where.startswith("turn 1, step 1 · acting · python started · tool.started · ")
    assert figures == "↑ 100 ↓ 20 · <$0.0001 · context 120 · scripted/test"
    assert "before the first record" in plain(standing(states.at(0), 0, LOG, 80)[0])


def checked(before="42\n", now="42\n", **facts):
    request = ToolRequested(call_id="1.1.1", name="python", language="python", arguments={})
    call = Recorded(request, 7, 1, 1)
    ends = [
        ToolFinished(call_id="1.1.1", status="ok", parts=(Output("stdout", text),))
        for text in (before, now)
    ]
    found = differences(*ends, str, str)
    return Checked(call, "diverged" if found else "same", found, **facts)


def shown(told):
    return [plain(row.line) for row in told]


def test_what_came_of_a_call_is_told_with_its_diffs():
    assert shown(told_of(checked())) == ["✓ python 1.1.1 · turn 1, record 7 · the same"]
    diverged = told_of(checked(now="43\n"), first=True)
    assert shown(diverged) == [
        "✗ python 1.1.1 · turn 1, record 7 · diverged first in stdout",
        "  stdout",
        "    --- recorded",
        "    +++ now",
        "    @@ -1 +1 @@",
        "    -42",
        "    +43",
    ]
    assert {row.seq for row in diverged} == {7}
    assert [row.line[0].style for row in diverged[-2:]] == ["removed", "added"]
    behind = told_of(checked(now="43\n", behind="1.0.1"))[0]
    assert plain(behind.line).endswith("in stdout, behind 1.0.1, which was not run again")
    long = told_of(checked(now="".join(f"{line}\n" for line in range(100))))
    assert re.fullmatch(r"    … \d+ lines more|    … \d+ lines? more", shown(long)[-1])


def test_how_far_it_has_come_and_what_is_left_to_say_is_told():
    report = Report("tea")
    report.add(checked(), 3)
    assert plain(sums(report, 3, ended=False)) == "1 of 3 calls · 1 the same"
    assert plain(sums(report, 0, ended=False)) == "1 of ? calls · 1 the same"
    report.add(checked(now="43"), 3)
    report.estranged, report.versions = (1, 2), {"python": ("3.11", "3.12")}
    assert plain(sums(report, 3, ended=True)) == "✗ tea: 1 the same, 1 diverged"
    assert shown(told_at_the_end(report)) == [
        "python was 3.11 and is 3.12",
        "from turn 1, step 2 on the model would have been told otherwise",
    ]
    assert shown(told_at_the_end(Report("tea"))) == ["there is no call to run again"]
