"""The views fit whatever width there is, cut no figure, and their sums hold."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.cells import cells
from llmrepl.conversation import Spend
from llmrepl.figures import money, percent, tokens
from llmrepl.standing import Budgeted, Filling, Standing, StepUsage, spend_of
from llmrepl.testing import check_context, check_status_line, check_usage
from llmrepl.usage import Cost, Usage
from llmrepl_usage.cells import wrapped
from llmrepl_usage.filling import context
from llmrepl_usage.line import status
from llmrepl_usage.steps import biggest_turn, usage
from llmrepl_usage.tests.story import (
    FILLING,
    SCREENS,
    STANDING,
    STANDINGS,
    STEPS,
    WIDTHS,
    plain,
    screen,
)

widths = st.integers(0, 200)
names = st.text("abc/日本-_. \u0301", max_size=40)
counts = st.integers(0, 10**10)
amounts = st.decimals(0, 10**6, places=6).map(Decimal)
usages = st.builds(Usage, counts, counts, counts, counts, counts, st.booleans())
costs = st.builds(Cost, amounts, amounts, estimated=st.booleans())
spends = st.builds(Spend, usages, costs, st.integers(0, 3))
standings = st.builds(
    Standing,
    mode=st.sampled_from(["ask", "auto", "deny"]),
    model=names,
    remark=names,
    sandbox=st.sampled_from(["full sandbox", "REDUCED sandbox", "NO SANDBOX"]),
    policy=names,
    alarm=st.sampled_from(["", "missing", "off"]),
    cwd=names,
    context=st.none() | counts,
    room=st.none() | counts,
    session=spends,
    budget=st.none() | amounts,
    budgets=st.lists(
        st.builds(Budgeted, st.sampled_from(["day", "month"]), amounts, amounts), max_size=3
    ).map(tuple),
)
steps = st.lists(
    st.builds(
        StepUsage,
        st.integers(1, 5),
        st.integers(1, 9),
        names,
        usages,
        st.none() | costs,
        st.none() | st.floats(0, 1e6),
        st.floats(0, 1e7),
    ),
    max_size=8,
)
fillings = st.builds(Filling, names, st.dictionaries(names, counts, max_size=8), st.none() | counts)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_screens_are_those_on_file(width):
    assert screen(width) == (SCREENS / f"{width}.txt").read_text()


def test_the_views_keep_the_contract():
    check_status_line(status)
    check_usage(usage)
    check_context(context)


# The status line


def figures_of(standing):
    """Return every figure that may stand on the line, whole."""
    usage, cost = standing.session.usage, standing.session.cost
    shown = {tokens(usage.input_tokens, estimated=usage.estimated)}
    shown.add(tokens(usage.output_tokens, estimated=usage.estimated))
    shown |= {money(cost.total, estimated=cost.estimated), "$?"}
    if standing.budget is not None:
        shown.add(money(standing.budget))
    for budget in standing.budgets:
        shown |= {money(budget.spent), money(budget.amount)}
        shown.add(f"{int(budget.spent * 100 / budget.amount) if budget.amount else 100}%")
    if standing.context is not None:
        shown.add(tokens(standing.context, estimated=True))
        if standing.room:
            shown.add(tokens(standing.room))
            shown.add(percent(standing.context, standing.room, estimated=True))
    return shown


@given(standings, widths)
def test_the_line_fits_and_cuts_no_figure(standing, width):
    bare = replace(standing, model="m", remark="", policy="", cwd="", sandbox="s")
    for each in (standing, bare):
        line = status(each, width)
        assert cells(plain(line)) <= width
    found = set(re.findall(r"[~<]{0,2}\$?[\d.,]*\d(?:[kMG%]|\b)|\$\?", plain(status(bare, width))))
    assert found <= figures_of(bare)


@given(standings)
def test_with_more_room_nothing_is_left_out(standing):
    line = plain(status(standing, 10_000))
    for said in (standing.model, standing.remark, standing.cwd, standing.policy, standing.sandbox):
        assert said in line
    assert f"approval {standing.mode}" in line


def test_what_matters_least_goes_first():
    line = {width: plain(status(STANDING, width)) for width in range(20, 200)}
    first = {
        said: min(width for width in line if said in line[width])
        for said in ("~42%", "$0.0009", "llama", "full sandbox", "↑ 2.5k ↓ 244", "writes")
        if any(said in text for text in line.values())
    }
    assert list(first.values()) == sorted(first.values())
    assert "writes" in first


@pytest.mark.parametrize(
    ("full", "sign", "style"),
    [
        (5999, "", ""),
        (6000, "! ", "warn"),
        (7999, "! ", "warn"),
        (8000, "!! ", "hot"),
        (9500, "!!! ", "bad"),
        (99_999, "!!! ", "bad"),
    ],
)
def test_a_full_context_is_marked_by_a_sign_and_a_style(full, sign, style):
    line = status(replace(STANDING, context=full), 300)
    ((found, text),) = [(s, t) for s, t in line if "context" in t]
    assert found == style
    assert text.startswith(f"{sign}context ~")


@pytest.mark.parametrize(
    ("spent", "sign", "style"),
    [("2.49", "", ""), ("2.5", "! ", "warn"), ("4", "!! ", "hot"), ("5.1", "!!! ", "bad")],
)
def test_a_budget_that_is_nearly_spent_is_marked_by_a_sign_and_a_style(spent, sign, style):
    day = Budgeted("day", Decimal(spent), Decimal(5))
    month = Budgeted("month", Decimal(1), Decimal(60))
    line = status(replace(STANDING, budgets=(day, month)), 300)
    assert line[-1] == (style, f"{sign}day {money(day.spent)} / $5.00, month $1.00 / $60.00")


def test_without_a_sandbox_the_line_begins_with_that():
    missing = status(STANDINGS["no sandbox"], 120)
    assert missing[0] == ("alarm", "NO SANDBOX: /check says why")
    assert {style for style, _ in missing[1:]} == {""}
    for width in (10, 40, 80):
        assert plain(status(STANDINGS["no sandbox"], width)).startswith("NO SANDBOX")


def test_where_blocks_run_without_a_sandbox_the_whole_line_is_an_alarm():
    for width in (10, 40, 120, 300):
        line = status(STANDINGS["unsandboxed"], width)
        assert {style for style, _ in line} == {"alarm"}
    assert "blocks can do whatever you can" in plain(line)


def test_what_is_estimated_says_so():
    spend = Spend(Usage(100, 20, estimated=True), Cost(Decimal(1), estimated=True))
    line = plain(status(replace(STANDING, session=spend), 300))
    assert "context ~42% (~4.2k/10k) · ↑ ~100 ↓ ~20 · ~$1.00 / $1.50" in line


# /usage


@given(steps, widths)
def test_the_table_of_steps_fits(some, width):
    assert all(cells(plain(line)) <= width for line in usage(some, width))


@given(steps.filter(bool))
def test_the_last_row_has_the_sums_of_all(some):
    rows = [plain(line) for line in usage(some, 1000)]
    total = rows[len(some) + 1].split()
    spend = spend_of(some)
    assert total[0] == "all"
    assert total[1] == tokens(spend.usage.input_tokens, estimated=spend.usage.estimated)
    assert total[-1] in ("$?", money(spend.total, estimated=spend.cost.estimated))


@pytest.mark.parametrize("width", WIDTHS)
def test_every_step_has_its_row_whatever_the_width(width):
    rows = [plain(line).split() for line in usage(STEPS, width)]
    places = [word for row in rows for word in row[:2] if re.fullmatch(r"\d\.\d", word)]
    assert places == ["1.1", "1.2", "2.1", "3.1", "3.2"]


def test_a_table_without_a_cache_has_no_columns_for_it():
    assert "cached" in plain(usage(STEPS, 200)[0])
    assert "cached" not in plain(usage(STEPS[:1], 200)[0])


def test_what_was_read_from_the_cache_is_shown_with_its_part_of_what_was_sent():
    rows = [plain(line) for line in usage(STEPS, 200)]
    assert "1k 72%" in rows[2]
    assert "~2k ~8%" in rows[-2]


def test_the_biggest_turn_goes_by_money_where_all_of_it_is_known():
    cheap = StepUsage(1, 1, "m", Usage(900, 0), Cost(Decimal("0.1")))
    dear = StepUsage(2, 1, "m", Usage(100, 0), Cost(Decimal("0.3")))
    assert biggest_turn([cheap, dear]) == (2, 1.5)
    assert biggest_turn([cheap, replace(dear, cost=None)]) == (1, 1.8)
    free = [replace(step, cost=Cost()) for step in (cheap, dear)]
    assert biggest_turn(free) == (1, 1.8)


def test_one_turn_is_not_the_biggest():
    assert biggest_turn(STEPS[:2]) is None
    assert biggest_turn([STEPS[0], replace(STEPS[0], turn=2)]) is None
    assert "biggest" not in "".join(plain(line) for line in usage(STEPS[:2], 80))


def test_the_biggest_turn_is_marked_by_a_sign_and_a_style():
    table = usage(STEPS, 80)
    marked = [line for line in table if plain(line).startswith("▸ ")]
    assert [plain(line).split()[1] for line in marked] == ["3.1", "3.2"]
    assert {style for line in marked for style, _ in line} == {"strong"}
    assert plain(table[-1]) == "biggest turn: 3, 2.6x the average"


# /context


@given(fillings, widths)
def test_the_bars_fit(filling, width):
    assert all(cells(plain(line)) <= width for line in context(filling, width))


@given(fillings)
def test_every_kind_of_content_that_is_there_has_a_bar(filling):
    rows = context(filling, 300)[1:]
    there = [count for count in filling.parts.values() if count]
    free = filling.room is not None and filling.room > filling.total
    assert len(rows) == len(there) + free
    for line in rows:
        assert plain(line)[-1] in "█▏▎▍▌▋▊▉░"


def test_the_bars_are_as_long_as_their_shares():
    bars = {plain([line[0]]).split()[0]: line[-1][1] for line in context(FILLING, 120)[1:]}
    assert bars["system"] == "█████▌"  # 11 % of 50 cells
    assert bars["free"] == "░" * 25


# Cells


@given(st.text("ab 日", max_size=60), st.integers(1, 30))
def test_wrapped_text_has_all_its_words(text, width):
    lines = wrapped(text, width)
    assert all(cells(line) <= width for line in lines)
    assert len(" ".join(lines).split()) == len(text.split())
