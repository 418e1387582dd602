"""`llmrepl web` in Chromium: what a person sees, what stays, what ends."""

import os
import signal

from tests.cli.machine import until
from tests.web.serving import PATIENCE, Visitor

BLOCK = "Let me **see**.\n\n<helpers>\nprint(6 * 7)\n</helpers>"
SLOW = "rate: 10\n\n" + "word " * 400
CTRL, CTRL_Q = 2, "\x11"


NOT_ALLOWED = """
(async () => {
    const found = [];
    for (const tried of [
        () => fetch('http://127.0.0.1:1/'),
        () => fetch('/', {mode: 'no-cors'}).then(answer => answer.ok || Promise.reject()),
        () => new Promise((_, no) => {
            const script = document.createElement('script');
            script.onload = _; script.onerror = no; script.src = 'http://127.0.0.1:1/x.js';
            document.head.append(script);
        }),
        () => {
            const button = document.createElement('div');
            button.setAttribute('onclick', 'window.ran = 1');
            document.body.append(button);
            button.click();
            return window.ran ? 0 : Promise.reject();
        },
    ]) found.push(await Promise.resolve().then(tried).then(() => 'allowed', () => 'refused'));
    return found;
})()
"""
"""What a page would do that is not ours."""


def saved(machine):
    """The only session of the machine, as its lines; none before it begins."""
    found = [*machine.sessions.glob("*.jsonl")]
    return machine.log(found[0].stem) if found else [{"type": "header"}]


def types(machine):
    return [line.get("type") for line in saved(machine)]


def types_of(machine, session):
    return [line.get("type") for line in machine.log(session)]


def turns(machine):
    return types(machine).count("turn.finished")


def test_a_person_comes_in_talks_reloads_and_comes_back(machine, serving, tabs, tmp_path):
    server = serving("--grace", "0", model=machine.script(BLOCK, "It is **42**.", "Once more."))
    tab = tabs(server.invitation)
    tab.ready()
    assert "/open/" not in tab.value("location.href")
    tab.say("compute")
    tab.appear("❯ compute", "Let me see.", "print(6 * 7)", "ok", "It is 42.")
    tab.wait(lambda: turns(machine) == 1)
    assert "tool.finished" in types(machine)
    assert tab.hosts() == {server.origin.removeprefix("http://")}
    assert tab.faults() == []
    assert tab.value("document.fonts.check('16px \"Roboto Mono\"')")
    assert tab.value("document.cookie") == ""
    before = tab.screenshot()
    (first,) = server.sessions()

    tab.reload()  # its process has ended with the page that is gone, and another shows the same
    tab.ready()
    tab.appear("❯ compute", "It is 42.")
    tab.wait(lambda: len(server.sessions()) == 1)
    assert server.sessions() != [first]
    tab.say("again")
    tab.appear("Once more.")
    tab.wait(lambda: turns(machine) == 2)
    assert tab.faults() == []
    assert tab.screenshot() != before
    ended = server.end()
    assert ended.code == 0
    tab.wait(lambda: "Go on with it" in tab.value("document.body.innerText"))


def test_a_reload_finds_the_turn_under_way(machine, serving, tabs):
    server = serving(model=machine.script(SLOW))
    tab = tabs(server.invitation)
    tab.ready()
    tab.say("go")
    tab.appear("word word")
    processes = server.sessions()
    tab.reload()
    tab.appear("❯ go", "word word")
    assert server.sessions() == processes
    assert turns(machine) == 0
    tab.press("c", "\x03", 67, CTRL)
    tab.wait(lambda: turns(machine) == 1)


def test_a_closed_tab_ends_its_process_and_the_log_keeps_everything(machine, serving, tabs):
    server = serving("--grace", "1", model=machine.script(SLOW))
    tab = tabs(server.invitation)
    tab.ready()
    tab.say("go")
    tab.appear("word word")
    assert len(server.sessions()) == 1
    tab.open("about:blank")
    until(lambda: not server.sessions(), PATIENCE)
    (finished,) = [line for line in saved(machine) if line.get("type") == "turn.finished"]
    assert finished["data"]["reason"] == "cancelled"


def test_a_session_that_ends_prunes_where_the_setting_says_so(machine, serving):
    machine.run("run", "--model", "demo/assistant", "--session", "old", "hello")
    os.utime(machine.sessions / "old.jsonl", (0, 0))
    machine.configure("[sessions]\nkeep_days = 30\nprune = true\n")
    server = serving("--grace", "0")
    Visitor(server, server.invitation).connect(until="full sandbox")
    until(lambda: not server.sessions(), PATIENCE)
    assert not (machine.sessions / "old.jsonl").exists()


def test_leaving_ends_the_process_and_the_page_says_how_to_go_on(serving, tabs):
    server = serving()
    tab = tabs(server.invitation)
    tab.ready()
    tab.press("q", CTRL_Q, 81, CTRL)
    tab.wait(lambda: "Go on with it" in tab.value("document.body.innerText"))
    until(lambda: not server.sessions(), PATIENCE)
    tab.open(tab.value("document.querySelector('.closed a').href"))
    tab.ready()
    assert len(server.sessions()) == 1


def test_a_second_page_of_a_session_takes_it_over(serving, tabs):
    server = serving()
    tab = tabs(server.invitation)
    tab.ready()
    processes = server.sessions()
    other = tab.visitor(server)
    assert other.connect(until="full sandbox")[0] == 101
    tab.wait(lambda: "Go on with it" in tab.value("document.body.innerText"))
    assert server.sessions() == processes


def test_a_saved_session_is_gone_on_with(machine, serving, tabs):
    machine.run("run", "--session", "old", "--model", machine.script("It was said."), "Say it")
    server = serving("old", model=machine.script("It was said.", "More."))
    tab = tabs(server.invitation)
    tab.appear("❯ Say it", "It was said.")
    assert server.sessions()


def test_a_saved_session_is_replayed(machine, serving, tabs):
    machine.run("run", "--session", "old", "--model", machine.script("It was said."), "Say it")
    tab = tabs(serving().invitation)
    tab.ready()
    tab.press("F5", code=116)
    tab.appear("Say it")
    tab.press("r", "r")
    tab.appear("Play/pause", "It was said.")
    assert types_of(machine, "old").count("turn.finished") == 1


def test_two_browsers_have_two_sessions(serving, tabs):
    server = serving()
    first, second = tabs(server.invitation), tabs(server.another())
    first.ready()
    second.ready()
    assert len(server.sessions()) == 2
    assert first.value("location.href") != second.value("location.href")
    second.open(first.value("location.href"))
    assert "This browser has no session" in second.value("document.body.innerText")


def test_the_page_may_do_nothing_that_it_does_not_need(serving, tabs):
    server = serving()
    tab = tabs(server.invitation)
    tab.ready()
    assert tab.value(NOT_ALLOWED) == ["refused"] * 4


def test_the_processes_end_with_a_server_that_was_killed(serving, tabs):
    server = serving()
    tab = tabs(server.invitation)
    tab.ready()
    assert server.sessions()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.communicate()
    until(lambda: not server.sessions(), PATIENCE)


def test_a_process_that_does_not_hear_is_killed(serving, tabs):
    server = serving()
    tab = tabs(server.invitation)
    tab.ready()
    (process,) = server.sessions()
    os.kill(process, signal.SIGSTOP)
    server.process.send_signal(signal.SIGINT)
    ended = server.end(signal.SIGTERM)  # the second is at once
    assert ended.code == 0
    assert server.sessions() == []
