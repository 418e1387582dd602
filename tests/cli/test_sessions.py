"""Sessions from the outside: listing, showing, going on, and what happens to a damaged one."""

import json
import re

import pytest

from tests.cli.machine import LLMREPL, until

BLOCK = "I'll look.\n\n<helpers>\nprint('from the block')\n</helpers>\n"
HOSTILE = "\x1b]52;c;aGVsbG8=\x07\x1b]0;owned\x07\x1b[2Jhello"


@pytest.fixture
def model(machine):
    return machine.script(BLOCK, "First answer.", "Second answer.", "Third answer.")


def ids(machine):
    return sorted(path.stem for path in machine.sessions.glob("*.jsonl"))


def prompts(records):
    return [r["data"]["prompt"][0]["text"] for r in records[1:] if r["type"] == "turn.started"]


def test_a_session_is_listed_with_what_it_was_about(machine, model):
    machine.run("run", "--model", model, "--session", "mine", "What is here?\nAnd more.")
    ran = machine.run("sessions", "list")
    assert ran.code == 0
    assert re.fullmatch(
        r"mine  \d{4}-\d\d-\d\d \d\d:\d\d +1 turn +[\d.]+k tokens +\$0 +What is here\?\n", ran.out
    )


def test_the_list_has_the_last_used_session_first(machine, model):
    for session in ("one", "two", "one"):
        machine.run("run", "--model", model, "--session", session, f"to {session}")
    ran = machine.run("sessions", "list", "--json")
    rows = [json.loads(line) for line in ran.lines]
    assert [row["id"] for row in rows] == ["one", "two"]
    assert [row["turns"] for row in rows] == [2, 1]
    one = rows[0]
    assert one["state"] == "finished"
    assert one["prompt"] == "to one"
    assert one["model"] == model
    assert one["cwd"] == str(machine.project)
    assert one["path"] == str(machine.sessions / "one.jsonl")
    assert one["usage"]["input_tokens"] > 1000
    assert one["cost_usd"] == 0
    assert len(machine.run("sessions", "list", "--limit", "1").lines) == 1


def test_an_empty_list_says_so_on_stderr(machine):
    ran = machine.run("sessions", "list")
    assert (ran.code, ran.out, ran.err) == (0, "", "No sessions yet.\n")


def test_sessions_are_searched_by_what_was_said_and_done(machine, model):
    machine.run("run", "--model", model, "--session", "mine", "Where does the Danube rise?")
    ran = machine.run("sessions", "search", "danube", "ris")
    assert re.fullmatch(
        r"mine  [-\d]{10} \d\d:\d\d  turn 1   turn.started     Where does the Danube rise\?\n",
        ran.out,
    )
    (line,) = machine.run("sessions", "search", "block", "print", "--json").lines
    hit = json.loads(line)
    assert (hit["session"], hit["kind"]) == ("mine", "tool.requested")
    ran = machine.run("sessions", "search", "Rhine")
    assert (ran.code, ran.out, ran.err) == (0, "", "Nothing was found.\n")
    ran = machine.run("sessions", "search", "...")
    assert ran.code == 1
    assert "there is no word to search for in '...'" in ran.err


def test_what_became_secret_since_is_not_shown_by_a_search(machine, model):
    machine.run("run", "--model", model, "--session", "mine", "the word is hush-hush-hush")
    ran = machine.run("sessions", "search", "word", A_TOKEN="hush-hush-hush")
    assert "the word is" in ran.out
    assert "hush" not in ran.out


def test_a_session_is_removed_for_good_after_a_yes(machine, model):
    for name in ("mine", "other"):
        machine.run("run", "--model", model, "--session", name, f"abracadabra {name}")
    assert len(machine.run("sessions", "search", "abracadabra").lines) == 2
    ran = machine.run("sessions", "rm", "mine", stdin="n\n")
    assert ran.code == 1
    assert "Nothing was deleted." in ran.err
    assert ids(machine) == ["mine", "other"]
    ran = machine.run("sessions", "rm", "mi", "--yes")
    assert (ran.code, ran.out) == (0, "deleted mine\n")
    assert ids(machine) == ["other"]
    assert len(machine.run("sessions", "search", "abracadabra").lines) == 1
    left = [path for path in (machine.home / ".cache").rglob("*") if path.is_file()]
    assert not any(b"abracadabra mine" in path.read_bytes() for path in left)


def test_showing_a_session_tells_it_as_it_happened(machine, model):
    machine.run("run", "--model", model, "--session", "mine", "What is here?")
    for name in ("mine", "mi", "last"):
        ran = machine.run("sessions", "show", name)
        assert ran.code == 0
        places = [
            ran.out.index(text)
            for text in (
                "❯ What is here?",
                "I'll look.",
                "print(",
                "  from the block",
                "First answer.",
            )
        ]
        assert places == sorted(places)
        assert "\x1b" not in ran.out


def test_showing_a_session_as_json_gives_its_records(machine, model):
    machine.run("run", "--model", model, "--session", "mine", "What is here?")
    ran = machine.run("sessions", "show", "mine", "--json")
    assert ran.code == 0
    lines = (machine.sessions / "mine.jsonl").read_text().splitlines()[1:]
    shown = ran.lines
    (system,) = (number for number, line in enumerate(lines) if '"system.set"' in line)
    assert "You are the assistant" in json.loads(shown.pop(system))["data"]["text"]
    assert '"text":""' in lines.pop(system)
    assert shown == lines


def test_hostile_text_in_a_session_is_shown_without_its_sequences(machine):
    code = f"print({HOSTILE!r})"
    model = machine.script(f"{HOSTILE}\n\n<helpers>\n{code}\n</helpers>\n", HOSTILE)
    machine.run("run", "--model", model, "--session", "mine", HOSTILE)
    for args in (("sessions", "list"), ("sessions", "show", "mine")):
        ran = machine.run(*args)
        assert "hello" in ran.out
        assert "\x1b" not in ran.out
        assert "\x07" not in ran.out


def test_continue_goes_on_with_the_last_session_of_this_directory(machine, model):
    elsewhere = machine.home / "elsewhere"
    elsewhere.mkdir()
    machine.run("run", "--model", model, "--session", "here", "one")
    machine.run("run", "--model", model, "--session", "there", "two", cwd=elsewhere)
    ran = machine.run("run", "--model", model, "--continue", "three")
    assert (ran.code, ran.out) == (0, "Second answer.\n")
    assert prompts(machine.log("here")) == ["one", "three"]
    assert ids(machine) == ["here", "there"]


def test_continue_without_a_session_says_so(machine, model):
    ran = machine.run("run", "--model", model, "--continue", "hello")
    assert (ran.code, ran.out) == (1, "")
    assert "no session" in ran.err


def test_resume_takes_the_beginning_of_an_id(machine, model):
    told = machine.run("run", "--model", model, "--output", "json", "one").json
    beginning = told["session"][:-2]
    ran = machine.run("run", "--model", model, "--resume", beginning, "two")
    assert (ran.code, ran.out) == (0, "Second answer.\n")
    assert ids(machine) == [told["session"]]


def test_a_beginning_of_several_ids_names_them(machine, model):
    for session in ("alpha-1", "alpha-2"):
        machine.run("run", "--model", model, "--session", session, "one")
    ran = machine.run("run", "--model", model, "--resume", "alpha", "two")
    assert ran.code == 1
    assert "alpha-1" in ran.err
    assert "alpha-2" in ran.err


def test_a_mistyped_id_names_the_near_one(machine, model):
    machine.run("run", "--model", model, "--session", "shopping-list", "one")
    ran = machine.run("run", "--model", model, "--resume", "shoping-list", "two")
    assert ran.code == 1
    assert "near it are shopping-list" in ran.err


def test_a_session_of_ones_own_name_begins_and_goes_on(machine, model):
    for answer in ("First answer.\n", "Second answer.\n", "Third answer.\n"):
        ran = machine.run("run", "--model", model, "--session", "mine", "hello")
        assert (ran.code, ran.out) == (0, answer)
    assert ids(machine) == ["mine"]


@pytest.mark.parametrize("name", ["../escape", "", "a/b", ".hidden"])
def test_a_name_that_is_no_session_id_is_refused(machine, model, name):
    ran = machine.run("run", "--model", model, "--resume", name or " ", "hello")
    assert ran.code == 1
    ran = machine.run("run", "--model", model, "--session", name or " ", "hello")
    assert ran.code == 1
    assert "an id is up to 100 letters" in ran.err
    assert ids(machine) == []


def test_no_save_writes_nothing_but_the_audit_log_and_what_it_took(machine, model):
    before = {path for path in machine.home.rglob("*") if path.is_file()}
    ran = machine.run("run", "--model", model, "--no-save", "--output", "json", "hello")
    assert ran.code == 0
    assert ran.json["answer"] == "First answer."
    assert ran.json["session"] == ""
    after = {path for path in machine.home.rglob("*") if path.is_file()}
    new = {path for path in after - before if path.name != "usage.db"}
    assert {path.parent for path in new} == {machine.sessions.parent / "audit"}


def test_sessions_and_what_lies_beside_them_are_for_their_owner_alone(machine, model):
    machine.run("run", "--model", model, "--session", "mine", "hello")
    assert (machine.sessions / "mine.jsonl").stat().st_mode & 0o077 == 0
    assert machine.sessions.stat().st_mode & 0o077 == 0


def test_a_damaged_session_is_reported_with_its_line_and_the_rest_is_kept(machine, model):
    machine.run("run", "--model", model, "--session", "mine", "one")
    machine.run("run", "--model", model, "--session", "mine", "two")
    path = machine.sessions / "mine.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert b"First answer." in lines[10]
    lines[10] = lines[10].replace(b"First answer.", b"Last answer. ")
    path.write_bytes(b"".join(lines))
    damaged = path.read_bytes()

    shown = machine.run("sessions", "show", "mine")
    assert "❯ one" in shown.out
    assert "❯ two" not in shown.out
    assert re.search(r"mine\.jsonl line 1[12]: ", shown.err)

    ran = machine.run("run", "--model", model, "--resume", "mine", "--output", "json", "three")
    assert ran.code == 0
    assert re.search(r"damaged at line 1[12]", ran.err)
    assert "the file was left as it is" in ran.err
    assert ran.json["session"] != "mine"
    assert path.read_bytes() == damaged
    assert machine.log(ran.json["session"])[0]["forked_from"]["id"] == "mine"


def test_a_session_of_garbage_spoils_no_list(machine, model):
    machine.run("run", "--model", model, "--session", "good", "one")
    (machine.sessions / "bad.jsonl").write_bytes(b"\x00\xff not a session\n")
    rows = [json.loads(line) for line in machine.run("sessions", "list", "--json").lines]
    assert {row["id"]: row["state"] for row in rows} == {"good": "finished", "bad": "corrupt"}
    assert "[corrupt]" in machine.run("sessions", "list").out
    ran = machine.run("sessions", "show", "bad")
    assert ran.code == 1
    assert "bad.jsonl line 1" in ran.err


def test_a_second_process_on_a_session_is_refused_and_told_who_has_it(machine):
    slow = machine.script("delay: 60\n\nnever")
    process = machine.start("run", "--model", slow, "--session", "mine", "hello")
    until((machine.sessions / "mine.jsonl").exists)
    try:
        for args in (("run", "--resume", "mine", "me too"), ("run", "--session", "mine", "me too")):
            ran = machine.run(*args, LLMREPL_MODEL="demo/assistant")
            assert (ran.code, ran.out) == (1, "")
            assert f"session mine is being written by process {process.pid}" in ran.err
        rows = [json.loads(line) for line in machine.run("sessions", "list", "--json").lines]
        assert rows[0]["state"] == "open elsewhere"
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert prompts(machine.log("mine")) == ["hello"]


def test_two_processes_beginning_the_same_session_do_not_mix(machine):
    model = machine.script("delay: 1\n\nhello")
    both = [machine.start("run", "--model", model, "--session", "mine", "hi") for _ in range(2)]
    codes = sorted((process.communicate(timeout=60), process.returncode)[1] for process in both)
    assert codes == [0, 1]
    assert machine.run("sessions", "show", "mine").err == ""
    assert prompts(machine.log("mine")) == ["hi"]


def test_a_full_disk_ends_the_run_with_what_to_do(machine, serve):
    # A limit on the size of a file stands in for a disk that is full.
    serve("A long answer. " * 400, "Short.", stateless=True)
    command = ["prlimit", "--fsize=4000", LLMREPL]
    ran = machine.run("run", "--model", "openai/x", "--session", "mine", "hi", command=command)
    assert ran.code == 1
    assert "mine.jsonl" in ran.err
    assert "free some space" in ran.err
    assert "Traceback" not in ran.err
    resumed = machine.run("run", "--model", "openai/x", "--resume", "mine")
    assert resumed.code == 0
    assert resumed.out.startswith("A long answer.")
