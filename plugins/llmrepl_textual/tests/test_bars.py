"""From records to spans, from spans to rows, from rows to cells."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmrepl.events import MessageFinished, StepFinished, ToolFinished, TurnFinished
from llmrepl_textual.bars.axis import IDLE, Axis
from llmrepl_textual.bars.layout import SHORTEST, Window, axis_of, bars_of, placed, ticks
from llmrepl_textual.bars.spans import CALL, MODEL, STEP, TURN, WAIT, Row, Span, Spans
from llmrepl_textual.bars.statuses import SIGNS, sign_of, worst
from llmrepl_textual.tests.sessions import BEGAN, Telling, durable, eventful

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def of(spans, kind):
    return [span for span in spans if span.kind == kind]


def shapes(spans):
    return [
        (s.kind, s.row, s.place, s.begin, s.end, s.first, s.status, s.seq, s.last, s.note, s.label)
        for s in spans
    ]


@st.composite
def sessions(draw):
    """Sessions with calls beside each other and pauses of any length, some still going on."""
    told = Telling()
    pause = st.integers(0, 5_000)
    for number in range(draw(st.integers(1, 6))):
        told.clock += draw(st.one_of(pause, st.integers(0, 10**9)))
        told.ask()
        for step in range(draw(st.integers(1, 3))):
            if step:
                told.request()
            ids = [f"{number}.{step}.{call}" for call in range(draw(st.integers(0, 5)))]
            told.says(ms=200 + draw(pause), calls=[(call_id, "1") for call_id in ids])
            waiting, running = list(ids), []
            while waiting or running:
                if waiting and (not running or draw(st.booleans())):
                    running.append(waiting.pop(0))
                    told.starts(running[-1], draw(pause))
                else:
                    ended = running.pop(draw(st.integers(0, len(running) - 1)))
                    told.ends(ended, draw(pause), draw(st.sampled_from(["ok", "error"])))
            told.done()
        told.answered(draw(st.sampled_from(["end_turn", "cancelled", "max_steps"])))
    return told.records[: draw(st.integers(1, len(told.records)))]


@PATIENT
@given(sessions())
def test_spans_of_a_row_follow_each_other(records):
    for row in Spans(records).rows:
        for before, after in pairwise(row.spans):
            assert before.end is not None
            assert before.end <= after.begin
        assert [span.place for span in row.spans] == [*range(len(row.spans))]


@PATIENT
@given(sessions())
def test_spans_are_the_same_whether_records_come_live_or_are_read(records):
    spans = Spans()
    for record in records:
        spans.show(record)
    ended = [s for s in spans if s.end is not None]
    read = [s for s in Spans(durable(records)) if s.end is not None]
    assert shapes(ended) == shapes(read)


@PATIENT
@given(sessions(), st.integers(1, 300), st.booleans())
def test_every_span_has_a_cell_when_all_of_the_session_is_shown(records, width, cut):
    spans = Spans(records)
    now = spans.now
    axis = axis_of(spans, now, cut=cut)
    for row in spans.rows:
        bars = bars_of(row, placed(row, axis, now), Window(0, axis.length), width)
        assert [span for bar in bars for span in bar.spans] == row.spans
        assert all(0 <= bar.left < bar.right <= width for bar in bars)


@PATIENT
@given(sessions(), st.data())
def test_bars_of_a_row_never_overlap_whatever_is_shown(records, data):
    spans = Spans(records)
    axis = axis_of(spans, spans.now)
    begin = data.draw(st.floats(-100, axis.length))
    length = data.draw(st.floats(SHORTEST, axis.length + SHORTEST))
    width = data.draw(st.integers(1, 200))
    window = Window(begin, length)
    for row in spans.rows:
        bars = bars_of(row, placed(row, axis, spans.now), window, width)
        for before, after in pairwise(bars):
            assert before.right <= after.left
        told = [span for bar in bars for span in bar.spans]
        assert told == sorted(told, key=lambda span: span.place)
        inside = {s for s in row.spans if begin < axis.place(s.begin) < window.end}
        assert inside <= set(told)


@PATIENT
@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**5)), min_size=1))
def test_places_on_the_axis_keep_the_order_of_moments(busy):
    axis = Axis((begin, begin + length) for begin, length in busy)
    moments = sorted({moment for begin, length in busy for moment in (begin, begin + length)})
    places = [axis.place(moment) for moment in moments]
    assert places == sorted(set(places))
    assert places[0] == 0
    assert all(abs(axis.moment(axis.place(m)) - m) < 0.01 for m in moments)


def test_idle_time_takes_a_second_of_the_axis():
    busy = [(0, 100), (7_200_000, 7_200_300)]
    axis = Axis(busy)
    assert axis.length == 100 + IDLE + 300
    assert [(gap.place, gap.ms) for gap in axis.gaps] == [(100, 7_199_900)]
    assert Axis(busy, cut=False).length == 7_200_300


def test_calls_that_run_together_have_rows_of_their_own():
    spans = Spans(eventful())
    calls = of(spans, CALL)
    assert {(call.call_id, call.row) for call in calls} == {("1", 0), ("2", 1), ("3", 0)}
    assert [call.status for call in calls if call.call_id == "2"] == ["error"]


def test_a_failed_request_and_the_one_after_it_are_two_spans_of_one_step():
    spans = Spans(eventful())
    models, steps = of(spans, MODEL), of(spans, STEP)
    assert [model.status for model in models[:2]] == ["retried", "ok"]
    assert {model.step for model in models[:2]} == {1}
    assert models[0].note.startswith("the service is busy; scripted/test is asked again")
    assert len(steps) == 4


def test_a_step_is_told_by_the_worst_that_came_of_it():
    steps = of(Spans(eventful()), STEP)
    assert [step.status for step in steps] == ["error", "ok", "denied", "cancelled"]


def test_a_turn_has_its_prompt_its_cost_and_how_it_ended():
    turns = of(Spans(eventful()), TURN)
    assert [turn.label for turn in turns] == [
        "What is in the two files?",
        "Delete them.",
        "And now?",
    ]
    assert [turn.status for turn in turns] == ["ok", "error", "cancelled"]
    assert all(turn.usage and turn.cost for turn in turns)


def test_a_question_to_a_person_lasts_until_it_is_answered():
    (wait,) = of(Spans(eventful()), WAIT)
    assert wait.until(0) - wait.begin == 2_500
    assert (wait.status, wait.note) == ("denied", "deny by person")


def test_the_first_token_is_known_while_the_model_still_writes():
    records = Telling().ask().says().records
    writing = [r for r in records if not isinstance(r.event, MessageFinished)]
    (model,) = of(Spans(writing), MODEL)
    assert model.status == "running"
    assert model.first == model.begin + 120


def test_what_a_process_left_open_does_not_last_until_somebody_came_back():
    told = Telling().ask().says(calls=[("1", "1")]).starts("1")
    died = told.clock
    told.clock += 86_400_000
    told.ends("1", 0, "unknown", "").done(0).answered("interrupted", 0)
    spans = Spans(told.records)
    assert max(span.until(0) for span in spans) == died
    assert not spans.is_running


def test_a_session_that_goes_on_after_a_crash_takes_up_the_time_there_is_then():
    told = Telling().ask().says(calls=[("1", "1")]).starts("1")
    told.clock += 86_400_000
    told.ends("1", 0, "unknown", "").done(0).request().says().done().answered()
    (turn,) = of(Spans(told.records), TURN)
    assert turn.until(0) - turn.begin > 86_400_000


@PATIENT
@given(st.floats(0, 1e9), st.floats(SHORTEST, 1e8), st.integers(8, 250), st.integers(4, 20))
def test_ticks_have_room_between_them(begin, length, width, room):
    cells = [cell for cell, _ in ticks(Window(begin, length), width, room)]
    assert all(0 <= cell < width for cell in cells)
    assert all(b - a >= room - 1 for a, b in pairwise(cells))


@PATIENT
@given(st.floats(-1e6, 1e6), st.floats(1, 1e7), st.floats(1, 1e6))
def test_a_window_stays_on_the_axis(begin, length, whole):
    window = Window(begin, length).within(whole)
    assert window.begin >= 0
    assert window.end <= max(whole, SHORTEST) + 0.001
    assert window.length >= SHORTEST


@PATIENT
@given(st.floats(0, 1e6), st.floats(SHORTEST * 4, 1e6), st.floats(0, 1), st.floats(0.5, 2))
def test_zooming_leaves_the_place_under_the_pointer_where_it_is(begin, length, share, factor):
    window = Window(begin, length)
    at = begin + share * length
    zoomed = window.zoomed(factor, at)
    assert abs((at - zoomed.begin) / zoomed.length - share) < 1e-6


@PATIENT
@given(st.floats(0, 1e6), st.floats(20, 1e5), st.floats(0, 1e6), st.floats(0, 1e5))
def test_a_window_moves_to_what_is_to_be_seen(begin, length, at, size):
    window = Window(begin, length).showing(at, at + size)
    assert window.length == length
    assert at < window.end or at + size <= window.end + 1e-6
    assert at + size >= window.begin
    if size <= length * 0.999:
        assert window.begin <= at + 1e-6
        assert at + size <= window.end + 1e-6


def test_signs_tell_failures_cancellations_and_retries_apart():
    assert len({sign_of(status).sign for status in ("ok", "error", "cancelled", "retried")}) == 4
    assert worst("ok", "error", "cancelled") == "error"
    assert sign_of("from-the-future") == SIGNS["unknown"]


def test_a_span_that_shares_its_cell_is_told_by_the_worst_status():
    spans = [
        Span(CALL, n, BEGAN + n, 1, 1, end=BEGAN + n + 1, status=s, place=n)
        for n, s in enumerate(("ok", "error", "ok"))
    ]
    axis = Axis([(BEGAN, BEGAN + 100_000)])
    row = Row(CALL, 0, spans)
    (bar,) = bars_of(row, placed(row, axis, BEGAN), Window(0, axis.length), 10)
    assert bar.status == "error"
    assert len(bar.spans) == 3


def test_ends_are_told_of_every_kind_of_event():
    kinds = (MessageFinished, ToolFinished, StepFinished, TurnFinished)
    ends = {record.seq for record in eventful() if isinstance(record.event, kinds)}
    assert ends <= {span.last for span in Spans(eventful())}
