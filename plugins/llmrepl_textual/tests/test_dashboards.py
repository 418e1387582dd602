"""The dashboards: what they tell of the ledger, the records and the audit log."""

import json
import os

import pytest

from llmrepl.audit.reading import verify
from llmrepl.config.paths import audit_directory, usage_database
from llmrepl.events import ToolFinished
from llmrepl.testing import ModelServer, Reply
from llmrepl_textual.figures.audit import AT_ONCE, Audit
from llmrepl_textual.figures.charts import bar, columns
from llmrepl_textual.figures.entries import Filter
from llmrepl_textual.panes import Bar
from llmrepl_textual.tests.host import events, lines, said, text, typed, until
from llmrepl_textual.tests.panes import (
    NOW,
    SIZES,
    audited,
    charged,
    configured,
    filtered,
    in_utc,
    looks,
    opened,
    play,
    recorded,
    settled,
)
from llmrepl_textual.widgets.reading import Reading
from llmrepl_timeline.lines import plain

BLOCK = "Let me see.\n\n<helpers>\nprint(6 * 7)\n</helpers>"
BUDGETS = "[budgets]\nmonth = 5\nday = 0.10\nwarn = ['month']\n"


async def at_noon(pilot):
    """Show the usage on a day that does not change, and return its pane."""
    pane = await opened(pilot, "f6")
    pane.clock = lambda: NOW
    await pilot.press("r")
    await settled(pilot, pane)
    return pane


def test_usage_is_that_of_the_ledger_by_whatever_it_is(machine, monkeypatch):
    in_utc(monkeypatch)
    charged(machine)

    async def plays(pilot, desk):
        pane = await at_noon(pilot)
        seen = []
        for _ in range(7):
            report = pane.found.report
            seen.append(report.by)
            assert report.total.calls == 31
            assert f"By {report.by}, the last 30 days" in text(pilot)
            assert report.rows[0].key[:20] in text(pilot)
            await pilot.press("b")
            await settled(pilot, pane)
        assert seen == ["day", "week", "month", "model", "session", "project", "purpose"]
        assert pane.found.report.by == "day"
        await pilot.press("B")
        await settled(pilot, pane)
        assert pane.found.report.by == "purpose"
        assert "31 calls · ↑ " in pane.told

    play(machine.desk(machine.script("Hi.")), plays, (120, 60))


def test_fewer_days_have_fewer_calls(machine, monkeypatch):
    in_utc(monkeypatch)
    charged(machine)

    async def plays(pilot, desk):
        pane = await at_noon(pilot)
        counts = []
        for key in ("minus", "minus", "minus", "plus", "equals_sign", "plus", "plus", "plus"):
            await pilot.press(key)
            await settled(pilot, pane)
            counts.append((pane.days, pane.found.report.total.calls))
        assert counts[0] == (7, 10)
        assert counts[1] == counts[2] == (1, 0)
        assert counts[-1] == (365, 31)

    play(machine.desk(machine.script("Hi.")), plays)


def test_budgets_and_the_forecast_are_bars(machine, monkeypatch):
    in_utc(monkeypatch)
    charged(machine)
    configured(machine, BUDGETS)

    async def plays(pilot, desk):
        pane = await at_noon(pilot)
        spent = {each.budget.scope: each.spent for each in pane.found.drawn}
        assert spent["day"] == 0
        shown = text(pilot)
        assert f"of $5.00 ({int(spent['month'] * 100 / 5)}%), then warn" in shown
        assert "$0 of $0.10 (0%), then stop" in shown
        assert "at its end" in shown
        assert "nobody knows what local/herb costs" in shown

    play(machine.desk(machine.script("Hi.")), plays, (120, 60))


def test_without_calls_it_is_said_and_saved_sessions_can_be_brought_in(machine):
    recorded(machine, "several-steps", "bash-pipeline")
    (machine.sessions / "broken.jsonl").write_text("{}\n")

    async def plays(pilot, desk):
        pane = await opened(pilot, "f6")
        assert "There are no calls, the last 30 days." in text(pilot)
        for _ in range(2):
            await pilot.press("plus")
            await settled(pilot, pane)
        await pilot.press("i")
        await settled(pilot, pane)
        assert "2 sessions read\nbroken is left out" in pane.told
        assert pane.found.report.total.calls >= 2

    play(machine.desk(machine.script("Hi."), **{"sessions.save": False}), plays)


def test_a_ledger_that_cannot_be_read_is_said_in_words(machine):
    file = usage_database(os.environ)
    file.parent.mkdir(parents=True)
    file.write_text("this is no database, and long enough to be taken for one " * 20)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f6")
        assert "usage.db" in pane.told
        await pilot.press("3")
        await settled(pilot, pilot.app.screen.pane)
        assert "Tools in this session" in text(pilot)

    play(machine.desk(machine.script("Hi.")), plays)


def test_tools_grow_with_the_records_of_this_session(machine):
    async def plays(pilot, desk):
        pane = await opened(pilot, "f6", 3)
        assert "Nothing was called." in text(pilot)
        desk.work.enter("compute")
        await until(pilot, lambda: not desk.work.busy)
        (result,) = events(desk, ToolFinished)
        await until(pilot, lambda: "python  ██████████ ok 1" in text(pilot))
        tool = pane._counted.tally.tools["python"]
        assert (tool.calls, [*tool.ms]) == (1, [result.ms])
        await pilot.press("f2")
        await said(pilot, "!echo hi")
        await pilot.press("f6")
        await until(pilot, lambda: "bash" in text(pilot))

    play(machine.desk(machine.script(BLOCK, "It is 42."), approval="auto"), plays)


def test_tools_of_all_saved_sessions_are_added_up(machine):
    recorded(machine, "several-steps", "bash-pipeline", "meets-a-limit")
    (machine.sessions / "broken.jsonl").write_text("{}\n")

    async def plays(pilot, desk):
        pane = await opened(pilot, "f6", 3)
        assert "Nothing was called." in text(pilot)
        await pilot.press("s")
        await settled(pilot, pane)
        assert pane.told.startswith("3 sessions read\nbroken is left out")
        assert "Tools in all saved sessions" in text(pilot)
        assert "limit" in text(pilot)
        await pilot.press("s")
        await settled(pilot, pane)
        assert "Tools in this session" in text(pilot)

    play(machine.desk(machine.script("Hi."), **{"sessions.save": False}), plays)


def test_a_session_that_is_gone_on_with_takes_the_place_of_the_one_before(machine):
    recorded(machine, "falls-back")

    async def plays(pilot, desk):
        await said(pilot, "hi")
        await opened(pilot, "f6", 2)
        assert "scripted/" in text(pilot)
        await said(pilot, "/resume falls-back")
        await until(pilot, lambda: "failed last:" in text(pilot))
        failed = [m for m in pilot.app.screen.pane._counted.tally.models.values() if m.failed]
        assert failed

    play(machine.desk(machine.script("Hi.")), plays, (120, 40))


def test_providers_show_their_circuits_and_answer_a_word(machine, monkeypatch):
    with ModelServer([Reply("pong")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody-123456")

        async def plays(pilot, desk):
            pane = await opened(pilot, "f6", 2)
            assert "● openai  closed" in text(pilot)
            assert "main: openai/tea" in text(pilot)
            await pilot.press("c")
            await settled(pilot, pane)
            (outcome,) = [each for each in pane.outcomes if each.finding.subject == "openai/tea"]
            assert outcome.finding.status == "ok"
            assert "✓ openai/tea" in text(pilot)

        play(machine.desk("openai/tea"), plays)


def test_a_provider_that_fails_is_seen_to_be_left_alone(machine, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody-123456")

    async def plays(pilot, desk):
        await said(pilot, "hi")
        pane = await opened(pilot, "f6", 2)
        assert pane.assembly.routes.state("openai").startswith("open")
        assert "○ openai  open for" in text(pilot)
        await pilot.press("c")
        await settled(pilot, pane)
        assert "✗ provider: openai/tea" in text(pilot)

    play(machine.desk("openai/tea", **{"models.patience": 0.1}), plays)


def test_the_audit_log_is_read_as_far_as_somebody_looks(machine, monkeypatch):
    in_utc(monkeypatch)
    audited(3 * AT_ONCE)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f6", 4)
        await filtered(pilot, pane, "session:tea")
        assert len(pane.found) == AT_ONCE
        assert pane.told == f"{AT_ONCE} entries, and there may be more"
        newest = next(line for line in lines(pilot) if "01-20 12:00:00" in line)
        assert "example.org:443" in newest
        await pilot.press("end")
        await settled(pilot, pane)
        assert len(pane.found) == 2 * AT_ONCE
        for _ in range(3):
            await pilot.press("end")
            await settled(pilot, pane)
        assert len(pane.found) == 3 * AT_ONCE
        assert pane.told == f"{3 * AT_ONCE} entries"

    play(machine.desk(machine.script("Hi.")), plays)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("type:tool", 20),
        ("type:tool.finished session:tea-1", 5),
        ("example.org", 10),
        ("make TOOL.started", 10),
        ("nothing", 0),
        ("since:2026-01-20T11:50", 11),
    ],
)
def test_a_filter_chooses_entries(machine, monkeypatch, words, count):
    in_utc(monkeypatch)
    audited(30)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f6", 4)
        await filtered(pilot, pane, f"{words} session:tea" if "session" not in words else words)
        assert len(pane.found) == count
        await pilot.press("escape")
        await settled(pilot, pane)
        assert len(pane.found) == 31

    play(machine.desk(machine.script("Hi.")), plays)


def test_a_filter_that_names_no_time_is_refused(machine):
    async def plays(pilot, desk):
        pane = await opened(pilot, "f6", 4)
        await pilot.press("slash")
        await typed(pilot, "since")
        await pilot.press("colon", "x", "enter")
        await settled(pilot, pane)
        assert "since:x is no time\naccepted: 30m" in pane.told
        await pilot.press("slash", "escape", "escape")
        await settled(pilot, pane)
        assert pane.told == "1 entry"

    play(machine.desk(machine.script("Hi.")), plays)


def test_all_of_an_entry_is_read_and_the_list_stays_where_it_was(machine, monkeypatch):
    in_utc(monkeypatch)
    audited()

    async def plays(pilot, desk):
        pane = await opened(pilot, "f6", 4)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reading))
        await until(pilot, lambda: '"status": "timeout"' in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Reading))
        await pilot.pause()
        assert pane._rows.at == 2

    play(machine.desk(machine.script("Hi.")), plays)


def test_the_log_is_verified_and_damage_is_told(machine, monkeypatch):
    in_utc(monkeypatch)
    audited()
    directory = audit_directory(os.environ)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f6", 4)
        await pilot.press("v")
        await settled(pilot, pane)
        assert pane.told == f"ok: 7 entries in 1 file, digest 7:{verify(directory).last}"
        (file,) = directory.glob("*.jsonl")
        file.write_text(file.read_text().replace("make all", "make any"))
        await pilot.press("v")
        await settled(pilot, pane)
        assert pane.told.startswith("damaged: ")
        file.write_text(file.read_text() + "no entry\n")
        await pilot.press("r")
        await settled(pilot, pane)
        assert "cannot be read" in text(pilot)

    play(machine.desk(machine.script("Hi.")), plays)


def test_a_secret_is_not_shown_in_the_audit_log(machine, monkeypatch):
    in_utc(monkeypatch)
    monkeypatch.setenv("GROQ_API_KEY", "make all")
    audited()

    async def plays(pilot, desk):
        pane = await opened(pilot, "f6", 4)
        assert "make all" not in text(pilot)
        assert "make all" not in json.dumps(pane.found)

    play(machine.desk(machine.script("Hi.")), plays)


def test_panes_are_chosen_with_the_mouse(machine):
    async def plays(pilot, desk):
        await opened(pilot, "f6")
        await pilot.click(Bar, offset=(pilot.app.screen._bar.size.width - 1, 0))
        assert pilot.app.screen.pane.TITLE == "Usage"
        titles = next(line for line in lines(pilot) if "4 Audit" in line)
        await pilot.click(Bar, offset=(titles.index("4 Audit"), 0))
        await until(pilot, lambda: isinstance(pilot.app.screen.pane, Audit))

    play(machine.desk(machine.script("Hi.")), plays)


def test_a_theme_changes_what_is_shown(machine):
    async def plays(pilot, desk):
        await opened(pilot, "f6")
        desk.look.theme = "light"
        await pilot.pause()
        assert "By day" in text(pilot)

    play(machine.desk(machine.script("Hi.")), plays)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_dashboards_look_as_on_file(machine, monkeypatch, size):
    in_utc(monkeypatch)
    charged(machine)
    audited()
    configured(machine, BUDGETS)
    recorded(machine, "falls-back", "several-steps", "meets-a-limit")

    async def plays(pilot, desk):
        pane = await at_noon(pilot)
        looks(pilot, "usage")
        await pilot.press("b", "b", "b")
        await settled(pilot, pane)
        looks(pilot, "usage-model")
        await said(pilot, "/resume falls-back")
        await opened(pilot, "f6", 2)
        looks(pilot, "providers")
        pane = await opened(pilot, "f6", 3)
        await pilot.press("s")
        await settled(pilot, pane)
        looks(pilot, "tools")
        pane = await opened(pilot, "f6", 4)
        await filtered(pilot, pane, "session:tea")
        looks(pilot, "audit")

    play(machine.desk("demo/assistant", **{"sessions.save": False}), plays, size)


def test_bars_are_as_long_as_their_part_and_show_what_is_more_than_nothing():
    assert bar(0, 8, 4) == ""
    assert bar(8, 8, 4) == "████"
    assert bar(99, 8, 4) == "████"
    assert bar(5, 8, 4) == "██▌"
    assert bar(1e-9, 8, 4) == "▏"
    assert bar(4, 8, 4, "░") == "██░░"
    assert bar(1, 0, 4) == ""


def test_a_chart_has_a_column_for_each_value():
    assert [plain(row) for row in columns([0, 1, 8, 16], 2)] == ["   █", " ▁██"]
    assert [plain(row) for row in columns([1], 1, 3)] == ["███"]
    assert [plain(row) for row in columns([0, 0], 1)] == ["  "]


def test_a_filter_wants_everything_where_nothing_is_asked():
    wanted = Filter("", 0)
    assert wanted(b"", None)
    assert wanted(b"{}", {"type": "tool.started"})
    assert not Filter("tool", 0)(b"", None)
