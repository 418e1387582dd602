"""Another way on from an earlier place: /undo, /edit, /retry, /fork and /resume."""

import pytest

from llmrepl.audit.reading import verify
from llmrepl.sessions.reader import LogReader
from llmrepl.testing import ModelServer, Refused, Reply
from tests.repl.terminal import CTRL_C, PROMPT
from tests.repl.test_audited import audited


def bash(code):
    return f'Now.\n\n<helpers lang="bash">\n{code}\n</helpers>\n'


def records(path):
    reader = LogReader(path)
    found = list(reader)
    assert reader.problem is None
    return reader.header, found


def forks(machine, session):
    """The paths of the sessions that begin as a part of `session`."""
    paths = sorted(machine.sessions.glob("*.jsonl"))
    return [path for path in paths if (records(path)[0].forked_from or "  ")[0] == session]


def prompts(path):
    return [r.event.prompt[0].text for r in records(path)[1] if r.event.type == "turn.started"]


def notes(path):
    return [r.event for r in records(path)[1] if r.event.type == "note.added"]


def clear(terminal):
    """Empty the prompt."""
    terminal.type(CTRL_C)
    terminal.settle()


@pytest.fixture
def server(machine):
    with ModelServer([f"Answer {n}." for n in range(1, 9)], models=("x", "y")) as server:
        machine.env["OPENAI_BASE_URL"] = f"{server.url}/v1"
        yield server


def sent(server):
    return [m["content"] for m in server.requests[-1].body["messages"] if m["role"] != "system"]


# /undo


def test_undo_goes_on_without_the_last_turn_and_its_prompt_is_there_to_be_changed(
    machine, chat, server
):
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.turn("one", "Answer 1.")
    terminal.turn("two", "Answer 2.")
    before = (machine.sessions / "mine.jsonl").read_bytes()
    terminal.say("/undo")
    terminal.wait("Took back turn 2.", "Session mine still has it; this is session ", PROMPT, "two")
    terminal.turn(" and a half", "Answer 3.")
    assert sent(server) == ["one", "Answer 1.", "two and a half"]
    assert terminal.leave() == 0
    assert (machine.sessions / "mine.jsonl").read_bytes() == before
    (fork,) = forks(machine, "mine")
    assert prompts(fork) == ["one", "two and a half"]
    assert f"To resume this session: llmrepl --resume {fork.stem}" in terminal.text
    assert notes(fork) == []  # nothing ran

    again = chat("--model", "openai/x", "--resume", fork.stem)
    again.turn("three", "Answer 4.")
    assert sent(server)[2:] == ["two and a half", "Answer 3.", "three"]
    assert again.leave() == 0


def test_undo_takes_back_the_first_turn_and_leaves_no_empty_session(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.turn("one", "Answer 1.")
    terminal.say("/undo")
    terminal.wait("Took back turn 1.", PROMPT, "one")
    terminal.settle()
    assert [path.stem for path in machine.sessions.glob("*.jsonl")] == ["mine"]
    clear(terminal)
    for command in ("/undo", "/edit", "/retry"):
        terminal.say(command)
        terminal.wait("error: there is no turn to take back", PROMPT)
    terminal.turn("other", "Answer 2.")
    assert sent(server) == ["other"]
    assert terminal.leave() == 0
    (fork,) = forks(machine, "mine")
    assert records(fork)[0].forked_from == ("mine", 0)
    assert prompts(fork) == ["other"]


def test_undo_again_goes_back_further(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    for number in (1, 2, 3):
        terminal.turn(f"q{number}", f"Answer {number}.")
    for number in (3, 2):
        terminal.say("/undo")
        terminal.wait(f"Took back turn {number}.", PROMPT, f"q{number}")
        clear(terminal)
    terminal.turn("other", "Answer 4.")
    assert sent(server) == ["q1", "Answer 1.", "other"]
    assert terminal.leave() == 0


def test_undo_goes_back_before_any_turn_with_all_that_was_written_since(machine, chat, serve):
    (machine.project / "list.txt").write_text("one\n")
    numbers = ("two", "three", "four")
    serve(*(part for word in numbers for part in (bash(f"echo {word} >> list.txt"), f"{word}.")))
    terminal = chat("--model", "openai/x", "--write", ".", "--approval", "auto")
    for word in numbers:
        terminal.turn(f"write {word}", f"{word}.")
    for wrong, said in (("turn 4", "there is no turn 4"), ("turn 0", "this is no use of /undo")):
        terminal.say(f"/undo {wrong}")
        terminal.wait("error: ", said, PROMPT)
    terminal.say("/undo turn 2")
    terminal.wait("Took back turn 2 and the turn after it.", "undone    list.txt", PROMPT)
    terminal.wait("write three")
    assert (machine.project / "list.txt").read_text() == "one\ntwo\n"
    clear(terminal)
    assert terminal.leave() == 0


def test_undo_takes_back_what_the_turn_wrote_for_real_and_nothing_else(machine, chat, serve):
    (machine.project / "list.txt").write_text("one\n")
    serve(
        *(bash("echo two >> list.txt"), "First."),
        *(bash("echo three >> list.txt; echo x > new; echo y > /tmp/kept"), "Second."),
        *(bash("cat list.txt /tmp/kept"), "Third."),
    )
    terminal = chat(
        "--model", "openai/x", "--write", ".", "--approval", "auto", "--session", "mine"
    )
    terminal.turn("first", "First.")
    terminal.turn("second", "Second.")
    terminal.say("!!echo four >> list.txt")
    terminal.wait("✓ ok", PROMPT)
    terminal.say("/undo")
    terminal.wait("Took back turn 2 and the command after it.", "undone    ")
    terminal.wait("Not taken back: the sandbox's files, Python's variables.", PROMPT, "second")
    assert (machine.project / "list.txt").read_text() == "one\ntwo\n"
    assert not (machine.project / "new").exists()
    clear(terminal)
    terminal.turn("look", "  two", "  y", "Third.")
    assert terminal.leave() == 0
    (fork,) = forks(machine, "mine")
    (note,) = notes(fork)
    assert note.audience == "model"
    assert "took back" in note.text
    (undone,) = audited(machine, "changes.undone")
    assert (undone["session"], set(undone["paths"])) == (fork.stem, {"list.txt", "new"})


def test_undo_leaves_alone_what_an_earlier_turn_wrote(machine, chat, serve):
    serve(bash("echo x > new"), "Written.", "Nothing more.")
    terminal = chat("--model", "openai/x", "--write", ".", "--approval", "auto")
    terminal.turn("write", "Written.")
    terminal.turn("thanks", "Nothing more.")
    terminal.say("/undo")
    terminal.wait("Took back turn 2.", PROMPT, "thanks")
    assert (machine.project / "new").exists()
    clear(terminal)
    terminal.say("/undo")
    terminal.wait("Took back turn 1.", "undone    new", PROMPT, "write")
    assert not (machine.project / "new").exists()
    clear(terminal)
    assert terminal.leave() == 0


def test_undo_names_what_it_could_not_take_back(machine, chat, serve):
    serve(bash("echo block > a; echo block > b"), "Done.")
    terminal = chat("--model", "openai/x", "--write", ".", "--approval", "auto")
    terminal.turn("write", "A a +1", "Done.")
    (machine.project / "a").write_text("theirs\n")
    terminal.say("/undo")
    terminal.wait("undone    b", "conflict  a: it was changed outside since", PROMPT)
    assert (machine.project / "a").read_text() == "theirs\n"
    clear(terminal)
    assert terminal.leave() == 0


def test_undo_with_an_argument_that_it_does_not_know_takes_nothing_back(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    terminal.turn("hello", "Hello.")
    terminal.say("/undo 2")
    terminal.wait("error: this is no use of /undo: 2", "/undo files [BLOCKS]", PROMPT)
    terminal.say("/undo files all")
    terminal.wait("error: all is no number of blocks", PROMPT)
    assert terminal.leave() == 0


def test_a_turn_that_was_interrupted_or_failed_can_be_taken_back(machine, chat, serve):
    story = Reply("Once upon a time " + "and on " * 200, rate=40)
    serve("First.", story, Refused(401), "Well.")
    terminal = chat("--model", "openai/x")
    terminal.turn("hello", "First.")
    terminal.say("a story")
    terminal.wait("Once upon a time and on")
    terminal.type(CTRL_C)
    terminal.wait("stopped: a person interrupted", PROMPT)
    terminal.say("/undo")
    terminal.wait("Took back turn 2.", PROMPT, "a story")
    clear(terminal)
    terminal.turn("again", "service failed")
    terminal.say("/undo")
    terminal.wait("Took back turn 2.", PROMPT, "again")
    terminal.turn("", "Well.")
    assert terminal.leave() == 0


def test_a_chat_that_is_not_saved_goes_back_in_memory(machine, chat, server):
    terminal = chat("--model", "openai/x", "--no-save")
    terminal.turn("one", "Answer 1.")
    terminal.turn("two", "Answer 2.")
    terminal.say("/undo")
    terminal.wait("Took back turn 2.", PROMPT, "two")
    assert "still has it" not in terminal.text
    terminal.turn("!", "Answer 3.")
    assert sent(server) == ["one", "Answer 1.", "two!"]
    terminal.say("/fork")
    terminal.wait("error: this chat is not saved, so there is no session to fork", PROMPT)
    assert terminal.leave() == 0
    assert not machine.sessions.exists()


# /edit and /retry


def test_edit_goes_back_before_the_last_turn_and_leaves_its_files(machine, chat, serve):
    serve(bash("echo x > new"), "Written.", "Other.")
    terminal = chat("--model", "openai/x", "--write", ".", "--approval", "auto")
    terminal.turn("write it", "Written.")
    terminal.say("/edit")
    terminal.wait("Back before turn 1", "files written for real (/undo files takes them back)")
    terminal.wait(PROMPT, "write it")
    assert (machine.project / "new").exists()
    terminal.turn(" elsewhere", "Other.")
    terminal.say("/undo")
    terminal.wait("Took back turn 1.", PROMPT)
    assert (machine.project / "new").exists()  # another turn 1 wrote it
    clear(terminal)
    terminal.say("/undo files")
    terminal.wait("undone    new", PROMPT)
    assert terminal.leave() == 0


def test_retry_asks_the_same_again(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.turn("one", "Answer 1.")
    terminal.turn("two", "Answer 2.")
    terminal.turn("/retry", "Asking again, in place of turn 2", "Answer 3.")
    assert sent(server) == ["one", "Answer 1.", "two"]
    terminal.turn("/retry openai/y", "openai/y", "Answer 4.")
    assert sent(server) == ["one", "Answer 1.", "two"]
    assert server.requests[-1].body["model"] == "y"
    assert terminal.leave() == 0
    (first,) = forks(machine, "mine")
    (second,) = forks(machine, first.stem)
    assert prompts(first) == prompts(second) == ["one", "two"]


def test_retry_with_a_model_that_there_is_not_takes_nothing_back(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.turn("one", "Answer 1.")
    for wrong in ("nobody/x", "nonsense"):
        terminal.say(f"/retry {wrong}")
        terminal.wait("error: ", PROMPT)
    assert forks(machine, "mine") == []
    terminal.turn("two", "Answer 2.")
    assert sent(server) == ["one", "Answer 1.", "two"]
    assert terminal.leave() == 0


def test_the_model_is_told_that_blocks_ran_which_it_does_not_see(machine, chat, serve):
    server = serve(bash("cd /tmp; export LEFT=over"), "Done.", "Done again.")
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.turn("go", "Done.")
    terminal.turn("/retry", "Not taken back: the sandbox's files, Python's variables.", "Done ag")
    assert sent(server)[0].startswith("go\n\nNote from llmrepl: The person took back")
    terminal.say("!!echo $LEFT")
    terminal.wait("  over", "✓ ok", PROMPT)
    terminal.say("/edit")
    terminal.wait("Back before turn 1 and the command after it", PROMPT, "go")
    clear(terminal)
    assert terminal.leave() == 0
    first = forks(machine, "mine")[0]
    assert len(notes(first)) == 1
    assert len(notes(forks(machine, first.stem)[0])) == 1  # said once


def test_the_budget_remembers_what_was_taken_back(machine, chat, server):
    machine.configure('[prices."openai/x"]\ninput = 0\noutput = 1_000_000\n')
    terminal = chat("--model", "openai/x", "--budget", "0.5")
    terminal.turn("one", "Answer 1.")
    terminal.say("/retry")
    terminal.wait("error: the budget of ", "for this session has $0", PROMPT)
    assert terminal.leave() == 0


# /fork and /resume


def test_fork_goes_on_in_a_copy(machine, chat, server):
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.say("/fork")
    terminal.wait("error: there is nothing to fork yet", PROMPT)
    terminal.turn("one", "Answer 1.")
    terminal.say("/fork other")
    terminal.wait("Going on in session other; mine stays as it is.", PROMPT)
    terminal.turn("two", "Answer 2.")
    for wrong, said in (("mine", "there is a session mine"), ("a/b", "cannot be a session id")):
        terminal.say(f"/fork {wrong}")
        terminal.wait("error: ", said, PROMPT)
    assert terminal.leave() == 0
    header, copied = records(machine.sessions / "other.jsonl")
    original = records(machine.sessions / "mine.jsonl")[1]
    assert header.forked_from == ("mine", len(original))
    assert copied[: len(original)] == original
    assert prompts(machine.sessions / "other.jsonl") == ["one", "two"]
    assert sent(server) == ["one", "Answer 1.", "two"]
    assert verify(machine.sessions.parent / "audit").damage is None


def test_resume_goes_on_with_another_session_and_back(machine, chat, server):
    first = chat("--model", "openai/x", "--session", "first")
    first.turn("one", "Answer 1.")
    assert first.leave() == 0
    terminal = chat("--session", "second", LLMREPL_MODEL="openai/y")
    terminal.turn("two", "Answer 2.")
    terminal.say("/resume")
    terminal.wait("first ", "1 turn   one", "/resume ID goes on", PROMPT)
    assert "second  " not in terminal.text
    terminal.say("/resume fir")
    terminal.wait("Answer 1.", "resumed session first", "left session second", PROMPT)
    terminal.turn("three", "Answer 3.")
    assert sent(server) == ["one", "Answer 1.", "three"]
    assert server.requests[-1].body["model"] == "y"  # a configured model counts for all
    terminal.say("/resume second")
    terminal.wait("resumed session second", PROMPT)
    terminal.turn("four", "Answer 4.")
    assert sent(server) == ["two", "Answer 2.", "four"]
    assert terminal.leave() == 0
    assert prompts(machine.sessions / "first.jsonl") == ["one", "three"]
    assert prompts(machine.sessions / "second.jsonl") == ["two", "four"]


def test_resume_takes_the_model_that_the_session_had_where_none_is_configured(
    machine, chat, server
):
    first = chat("--model", "openai/y", "--session", "first")
    first.turn("one", "Answer 1.")
    assert first.leave() == 0
    terminal = chat("--session", "second")
    terminal.turn("what is 2 + 3?", "5")
    terminal.say("/resume first")
    terminal.wait("resumed session first", PROMPT)
    terminal.turn("three", "Answer 2.")
    assert server.requests[-1].body["model"] == "y"
    assert terminal.leave() == 0


def test_resume_says_what_cannot_be_resumed(machine, chat, server):
    first = chat("--model", "openai/x", "--session", "first")
    first.turn("one", "Answer 1.")
    second = chat("--model", "openai/x", "--session", "second")
    second.say("/resume first")
    second.wait("session first is being written by process", PROMPT)
    second.turn("two", "Answer 2.")
    second.say("/resume second")
    second.wait("error: this is session second already", PROMPT)
    second.say("/resume nothing")
    second.wait("error: there is no session 'nothing'", PROMPT)
    second.turn("three", "Answer 3.")
    assert sent(server) == ["two", "Answer 2.", "three"]
    assert second.leave() == 0
    assert first.leave() == 0


def test_a_session_of_another_directory_is_gone_on_with_from_here(machine, chat, server):
    here, there = machine.project, machine.project.parent / "there"
    there.mkdir()
    machine.project = there
    first = chat("--model", "openai/x", "--session", "first")
    first.turn("one", "Answer 1.")
    assert first.leave() == 0
    machine.project = here
    terminal = chat("--model", "openai/x", "--session", "second")
    terminal.say("/resume first")
    terminal.wait(f"it was begun in {there}; blocks stay in {here}", PROMPT)
    terminal.say("/undo")
    terminal.wait("Took back turn 1.", PROMPT, "one")
    terminal.turn("", "Answer 2.")
    assert terminal.leave() == 0
    (fork,) = forks(machine, "first")
    assert records(fork)[0].cwd == str(there)


def test_resume_goes_on_with_a_turn_that_was_not_finished(machine, chat):
    model = machine.script(bash("echo begun; sleep 25"), "It was cut off.", "The next.")
    first = chat("--model", model, "--session", "first")
    first.say("go")
    first.wait("  begun")
    first.kill()
    terminal = chat("--model", model, "--session", "second")
    terminal.say("/resume first")
    terminal.wait("the last turn was not finished", "? unknown", "It was cut off.", PROMPT)
    terminal.turn("next", "The next.")
    assert terminal.leave() == 0
    kinds = [entry["status"] for entry in audited(machine, "tool.finished")]
    assert kinds == ["unknown"]


def test_the_demonstration_is_not_confused_by_what_was_taken_back(machine, chat):
    terminal = chat()
    terminal.turn("what is 17 * 23?", "391")
    terminal.turn("/retry", "391")
    assert terminal.leave() == 0
