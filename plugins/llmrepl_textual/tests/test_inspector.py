"""The inspector's screen: what it says of a block, and what its keys do."""

import asyncio
import json

from llmrepl.compose.sent import sent
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    MessageFinished,
    NetworkRequested,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Output, Reasoning, Text, ToolCall
from llmrepl.record import encode_record
from llmrepl_textual.inspecting.document import LONGEST, drawn, suffix_of, written
from llmrepl_textual.inspecting.facets import Case, Section, facets_of, title_of
from llmrepl_textual.inspecting.subject import block_near, subject_of
from llmrepl_textual.screens.inspector import Inspector
from llmrepl_textual.tests.host import events, full_screen, said, text, until
from llmrepl_textual.tests.sessions import Telling, durable, eventful, saved
from llmrepl_textual.tests.studies import led
from llmrepl_textual.tests.studies import told as notified
from llmrepl_timeline.lines import plain

BLOCK = "Let me see.\n\n<helpers>\nprint(6 * 7)\n</helpers>"
CODE = {"code": "print(1)"}
DIFF = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n-old\n+new\n+more\n"


def case_of(records, seq, **about):
    found = Case(subject_of(records, seq), len, {"seconds": 10.0, "memory": 1 << 30}, **about)
    return found, {facet.name: [*facet.make(found)] for facet in facets_of(found)}


def seq_of(records, kind, nth=0):
    return [record.seq for record in records if isinstance(record.event, kind)][nth]


def told(sections):
    return "\n".join(f"{section.title}\n{section.text}" for section in sections)


def call(*events, arguments=CODE, language="python"):
    """A session with one call, and what came of it."""
    request = ToolRequested(call_id="1", name="it", language=language, arguments=arguments)
    telling = Telling().ask().at(100, request)
    part = ToolCall("1", "it", language, arguments)
    telling.at(50, MessageFinished(parts=(Text("See:"), part), stop="end_turn"))
    for event in events:
        telling.at(10, event)
    return telling.done().answered().records


def test_the_last_block_is_shown_where_none_was_chosen(machine):
    async def play():
        desk = machine.desk(machine.script("Hello."))
        async with full_screen(desk) as pilot:
            await pilot.press("f4")
            await until(pilot, lambda: "Nothing has happened yet." in text(pilot))
            await said(pilot, "hi")
            await until(pilot, lambda: "turn 1 · end_turn" in text(pilot))

    asyncio.run(play())


def test_a_step_says_exactly_what_it_sent(machine):
    async def play():
        desk = machine.desk(machine.script(BLOCK, "It is 42."), approval="auto")
        async with full_screen(desk, size=(120, 40)) as pilot:
            await said(pilot, "what is 6 * 7?")
            await led(pilot, ["f4", "left_square_bracket", "down", "down"])
            screen = pilot.app.screen
            assert screen.seq == seq_of(desk.records, MessageFinished, -1)
            expected = sent([*desk.records], "1.2")
            await until(pilot, lambda: screen.sections[0].language == "json")
            assert json.loads(screen.sections[0].text) == [*expected.body]
            await led(pilot, ["up"])
            titles = [section.title for section in screen.sections]
            count = desk.assembly.meter.count
            assert f"1 system · {count(expected.system)} tokens" in titles[1].replace(".", "")
            assert [s.text for s in screen.sections[1:]] == [m.told for m in expected.told]

    asyncio.run(play())


def test_a_block_that_still_runs_is_shown_as_it_grows(machine):
    async def play():
        wait = "Now.\n\n<helpers>\nimport time\nprint('a')\ntime.sleep(0.2)\n</helpers>"
        desk = machine.desk(machine.script(wait, "Done."), approval="auto")
        async with full_screen(desk, size=(100, 30)) as pilot:
            await pilot.press("f4")
            desk.work.enter("go")
            await until(pilot, lambda: events(desk, ToolRequested))
            screen = pilot.app.screen
            screen.reveal(seq_of(desk.records, ToolRequested))
            await until(pilot, lambda: "call python · step 1.1 · ok" in text(pilot))
            assert events(desk, ToolFinished)
            assert "Output" in text(pilot)
            await until(pilot, lambda: not desk.work.busy)

    asyncio.run(play())


def test_the_block_that_was_chosen_in_the_chat_is_inspected(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(100, 30)) as pilot:
            await led(pilot, ["f4"])
            screen, last = pilot.app.screen, pilot.app.screen.seq
            await led(pilot, ["f2", "ctrl+t", "up", "up", "up"])
            chosen = await until(pilot, lambda: 0 < desk.chosen < last and desk.chosen)
            await led(pilot, ["f4"])
            assert screen.seq == chosen < last
            await led(pilot, ["right_square_bracket", "f3", "f4"])
            assert screen.seq > chosen

    asyncio.run(play())


def test_brackets_go_from_block_to_block(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk) as pilot:
            await led(pilot, ["f4"])
            screen, seqs = pilot.app.screen, []
            while not seqs or seqs[-1] != screen.seq:
                seqs.append(screen.seq)
                await pilot.press("left_square_bracket")
            kinds = [type(desk.records[seq - 1].event) for seq in reversed(seqs)]
            assert kinds[-3:] == [TurnStarted, MessageFinished, TurnFinished]
            assert kinds.count(ToolFinished) == 3
            await pilot.press("right_square_bracket")
            assert screen.seq == seqs[-2]

    asyncio.run(play())


def test_a_facet_stays_chosen_from_block_to_block(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk) as pilot:
            await led(pilot, ["f4", "left_square_bracket", "down", "down", "down"])
            assert pilot.app.screen._facet == "Usage"
            await led(pilot, ["left_square_bracket"])
            assert pilot.app.screen._facet == "Usage"

    asyncio.run(play())


def test_what_is_shown_is_copied_as_it_is(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk) as pilot:
            await led(pilot, ["f3", "n", "n", "enter"])
            await until(pilot, lambda: isinstance(pilot.app.screen, Inspector))
            await pilot.press("y")
            assert pilot.app.clipboard == "sum(x)"

    asyncio.run(play())


def test_a_terminal_that_cannot_be_lent_is_told(machine, monkeypatch):
    monkeypatch.setenv("VISUAL", "true")

    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk) as pilot:
            await led(pilot, ["f4", "o"])
            await until(pilot, lambda: any("cannot be lent" in each for each in notified(pilot)))
            monkeypatch.delenv("VISUAL")
            monkeypatch.setenv("PATH", "")
            await pilot.press("o")
            await until(pilot, lambda: any("no editor" in each for each in notified(pilot)))

    asyncio.run(play())


def test_secrets_stay_out_of_it(machine, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "gsk_" + "s3cret" * 8)

    async def play():
        records = Telling().ask("my key is gsk_" + "s3cret" * 8).says().done().answered().records
        desk = machine.desk(session=saved(machine, records))
        async with full_screen(desk, size=(120, 40)) as pilot:
            await led(pilot, ["f4"])
            screen = pilot.app.screen
            for facet in [*screen._facets]:
                screen._show(facet.name)
                assert "s3cret" not in written(screen.sections)
            screen.reveal(seq_of(desk.records, MessageFinished))
            screen._show("Request")
            await until(pilot, lambda: "my key is" in written(screen.sections))
            assert "s3cret" not in written(screen.sections)

    asyncio.run(play())


def test_it_leads_to_the_timeline_and_to_the_chat(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk) as pilot:
            await led(pilot, ["f4", "left_square_bracket", "t"])
            seq = seq_of(desk.records, MessageFinished, -1)
            await until(pilot, lambda: getattr(pilot.app.screen, "chart", None))
            await until(pilot, lambda: pilot.app.screen.chart.chosen)
            assert pilot.app.screen.chart.chosen.last == seq

    asyncio.run(play())


# What the facets say


def test_a_call_that_a_person_changed_is_shown_as_it_ran_and_as_it_was():
    decided = ApprovalDecided(call_id="1", decision="edit", arguments={"code": "print(2)"})
    records = call(
        ApprovalRequested(call_id="1", question="May it?", dangers=("deletes",), touches=("a",)),
        decided,
        ToolStarted(call_id="1", executor="fake", policy="all"),
        ToolFinished(call_id="1", status="ok"),
    )
    _, facets = case_of(records, seq_of(records, ToolFinished))
    assert [section.text for section in facets["Code"]][::2] == ["print(2)", "print(1)"]
    assert "-print(1)\n+print(2)" in facets["Code"][1].text
    assert "! deletes" in facets["Approval"][0].text
    assert facets["Approval"][1].text == "allowed (edit) by person"


def test_a_tool_is_shown_by_its_arguments():
    records = call(ToolFinished(call_id="1", status="ok"), arguments={"city": "Oslo"})
    _, facets = case_of(records, seq_of(records, ToolFinished))
    assert json.loads(facets["Code"][0].text) == {"city": "Oslo"}
    assert facets["Code"][0].language == "json"


def test_the_sandbox_has_its_policy_limits_and_network():
    network = NetworkRequested(
        call_id="1", method="GET", host="example.org", port=443, decision="deny", reason="no rule"
    )
    started = ToolStarted(call_id="1", executor="bubblewrap", policy="reads the project")
    timed = {**CODE, "timeout": 5}
    records = call(started, network, ToolFinished(call_id="1", status="ok"), arguments=timed)
    _, facets = case_of(records, seq_of(records, ToolFinished))
    sandbox = told(facets["Sandbox"])
    assert "executor: bubblewrap\npolicy: reads the project" in sandbox
    assert "limits that hold now" in sandbox
    assert "seconds: 10.0 s\nmemory: 1GiB\ntime the block asked for: 5 s" in sandbox
    assert "GET example.org:443 · deny · no rule" in sandbox
    limited = call(ToolStarted(call_id="1", executor="x", limits={"processes": 64}))
    _, facets = case_of(limited, seq_of(limited, ToolStarted))
    assert "limits\nprocesses: 64" in told(facets["Sandbox"])


def test_what_a_call_left_is_told_as_output_diff_files_and_versions():
    finished = ToolFinished(
        call_id="1",
        status="error",
        parts=(Output("stdout", "42\n", 9), Output("diff", DIFF), Text("so much")),
        exit_code=1,
        ms=120.0,
        reason="ValueError",
        artifacts=("plot.png",),
        versions={"python": "3.11.2"},
    )
    records = call(ToolStarted(call_id="1", executor="x"), finished)
    found, facets = case_of(records, seq_of(records, ToolFinished))
    assert facets["Output"][0].text == "error · exit 1 · 120 ms · ValueError"
    assert ("stdout · 9 bytes cut out of the middle", "42\n", "") in facets["Output"]
    assert [tuple(section) for section in facets["Diff"]] == [("", DIFF, "diff")]
    assert told(facets["Files"]) == "left for you\nplot.png\nchanged\na.txt  +2 -1"
    assert facets["Versions"][0].text == "python 3.11.2"
    assert title_of(found.subject) == "call it · step 1.1 · error · record 6"


def test_a_response_has_its_reasoning_and_its_calls_as_they_were_written():
    native = ToolCall("1", "weather", "tool", {"city": "Oslo"}, origin="native")
    parts = (Reasoning("Hm."), Text("I look."), native)
    told_ = Telling().ask().at(9, MessageFinished(parts=parts, stop="end_turn"))
    _, facets = case_of(told_.records, seq_of(told_.records, MessageFinished))
    assert facets["Response"] == [
        Section("reasoning", "Hm."),
        Section("message · stopped: end_turn", 'I look.\nweather({"city": "Oslo"})\n'),
    ]


def test_a_failed_request_is_part_of_what_its_step_got():
    records = durable(eventful())
    _, facets = case_of(records, seq_of(records, MessageFinished))
    assert facets["Response"][0].title == "scripted/test failed"
    assert "asked again" in facets["Response"][0].text


def test_usage_has_the_price_it_was_counted_with():
    records = durable(eventful())
    _, facets = case_of(records, seq_of(records, MessageFinished))
    usage = told(facets["Usage"])
    assert "sent                        100" in usage
    assert "cost of input             0.000015" in usage
    assert [line.split() for line in facets["Usage"][1].text.splitlines()] == [
        ["input", "0.15"],
        ["output", "0.6"],
        ["source", "a", "list"],
    ]
    _, facets = case_of(records, seq_of(records, TurnFinished))
    assert [section.title for section in facets["Usage"]] == ["the turn", "its messages"]
    assert facets["Usage"][1].text.count("scripted/test") == 2


def test_records_are_shown_as_the_log_has_them():
    records = durable(eventful())
    seq = seq_of(records, ToolFinished)
    _, facets = case_of(records, seq)
    kept = [json.loads(section.text) for section in facets["Records"]]
    assert kept[-1] == json.loads(json.dumps(encode_record(records[seq - 1])))
    assert {record["data"]["call_id"] for record in kept} == {records[seq - 1].event.call_id}


def test_a_call_that_a_person_typed_is_in_no_step():
    typed = ToolRequested(
        call_id="9", name="bash", language="bash", arguments={"code": "ls"}, origin="person"
    )
    telling = Telling().ask().says().done().answered()
    telling.at(1_000, typed).starts("9").ends("9")
    records = durable(telling.records)
    found, facets = case_of(records, records[-1].seq)
    assert found.subject.step_name == ""
    assert [*facets] == ["Code", "Output", "Sandbox", "Records"]
    before = Telling().at(0, typed).starts("9").ends("9").records
    found, facets = case_of(before, 2)
    assert found.subject.request == typed
    assert "Output" in facets


def test_every_record_of_a_session_belongs_to_something():
    records = durable(eventful())
    for record in records:
        found, facets = case_of(records, record.seq)
        assert record in found.subject.records
        assert "Records" in facets
        assert title_of(found.subject)
    assert block_near(records, len(records), 1) == 0


# Documents


def test_one_section_is_copied_as_it_is_and_several_with_their_titles():
    one, two = Section("a", "x = 1\n", "python"), Section("b", "y")
    assert written([one]) == "x = 1\n"
    assert suffix_of([one]) == ".py"
    assert written([one, two]) == "── a ──\nx = 1\n\n── b ──\ny\n"
    assert suffix_of([one, two]) == ".txt"


def test_a_long_text_is_drawn_in_part_and_said_to_be():
    rows = [plain(line) for line in drawn([Section("", "x\n" * LONGEST)], 80)]
    assert len(rows) <= LONGEST
    assert "characters more: copy it" in rows[-1]


def test_what_would_command_the_terminal_is_not_drawn():
    rows = [plain(line) for line in drawn([Section("\x1b[2J", "a\x1b]52;c;x\x07b", "")], 80)]
    assert not any("\x1b" in row for row in rows)
