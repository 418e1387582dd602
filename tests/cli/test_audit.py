"""`llmrepl audit`, and that `run` and `exec` leave everything there."""

import csv
import hashlib
import io
import json
import stat
import time

import pytest

from llmrepl.audit.log import AuditLog
from tests.cli.machine import WITHOUT_BUBBLEWRAP

CODE = "print(6 * 7)"
SHA = hashlib.sha256(CODE.encode()).hexdigest()


@pytest.fixture
def log(machine):
    """The directory of the machine's log."""
    return machine.home / ".local" / "share" / "llmrepl" / "audit"


@pytest.fixture
def written(log):
    """A log of four entries of two sessions, an hour apart."""
    made = AuditLog(log)
    now = time.time_ns() // 10**6
    for number, (kind, session) in enumerate(
        [("tool.started", "a-1"), ("tool.finished", "a-1"), ("network.requested", "b-1")]
    ):
        at = now - (3 - number) * 3600_000
        made.append(kind, {"session": session, "call_id": "1", "reason": f"=no{number}"}, at)
    made.append("sandbox.started", {"policy": "no \x1b[2Jnetwork"}, now)
    made.close()
    return log


def shown(machine, *args):
    ran = machine.run("audit", "show", "--json", *args)
    assert (ran.code, ran.err) == (0, "")
    return [json.loads(line) for line in ran.lines]


def test_a_block_alone_is_audited(machine):
    ran = machine.run("exec", stdin=CODE)
    assert (ran.out, ran.code) == ("42\n", 0)
    sandbox, started, finished = shown(machine)
    assert sandbox["type"] == "sandbox.started"
    assert sandbox["executor"] == "bubblewrap"
    assert "no network" in sandbox["policy"]
    assert sandbox["limits"]["seconds"] == 10
    assert (started["type"], started["sha256"]) == ("tool.started", SHA)
    assert started["first_line"] == CODE
    assert started["policy"] == sandbox["policy"]
    assert (finished["type"], finished["status"]) == ("tool.finished", "ok")
    assert finished["ms"] > 0
    assert len({entry["pid"] for entry in (sandbox, started, finished)}) == 1


def test_a_run_is_audited_whether_it_is_saved_or_not(machine):
    model = machine.script(f"<helpers>\n{CODE}\n</helpers>", "It is 42.")
    saved = machine.run("run", "--model", model, "--output", "json", "go").json["session"]
    machine.run("run", "--model", model, "--no-save", "go")
    entries = [entry for entry in shown(machine) if entry["type"] == "tool.started"]
    assert [entry.get("session") for entry in entries] == [saved, None]
    kinds = [entry["type"] for entry in shown(machine, "--session", saved)]
    run = ["sandbox.started", "step.started", "tool.started", "tool.finished", "step.started"]
    assert kinds == run


def test_what_the_sandbox_and_the_proxy_refuse_is_audited(machine):
    code = (
        "import urllib.request\ntry: urllib.request.urlopen('http://example.org')\n"
        "except OSError: pass\nopen('/etc/passwd', 'a')"
    )
    machine.run("exec", "--net", "other.example", stdin=code)
    request = shown(machine, "--kind", "network")[0]
    assert (request["host"], request["port"], request["decision"]) == ("example.org", 80, "deny")
    assert request["sha256"] == hashlib.sha256(code.encode()).hexdigest()
    finished = shown(machine, "--kind", "tool.finished")[0]
    assert "Read-only file system" in finished["reason"]


def test_a_sandbox_that_is_not_there_is_audited(machine):
    ran = machine.run("exec", stdin=CODE, command=WITHOUT_BUBBLEWRAP)
    assert ran.code == 3
    (failed,) = shown(machine)
    assert failed["type"] == "sandbox.failed"
    assert "no bwrap on PATH" in failed["reason"]


def test_a_block_that_cannot_be_audited_does_not_run(machine, log):
    log.parent.mkdir(parents=True)
    log.write_text("in the way")
    ran = machine.run("exec", stdin=CODE)
    assert (ran.code, ran.out) == (1, "")
    assert "cannot write to the audit log" in ran.err
    assert "nothing runs that cannot be audited" in ran.err
    model = machine.script(f"<helpers>\n{CODE}\n</helpers>", "It is 42.")
    ran = machine.run("run", "--model", model, "go")
    assert (ran.code, ran.out) == (1, "")
    assert "cannot write to the audit log" in ran.err
    check = machine.run("check", "audit", "--model", "demo/assistant")
    assert check.code == 1
    assert "nothing runs that cannot be audited" in check.out


def test_a_line_that_was_never_finished_is_mended_and_told(machine, written):
    with (written / "log.jsonl").open("ab") as file:
        file.write(b'{"prev":')
    ran = machine.run("audit", "verify")
    assert (ran.code, ran.err) == (
        0,
        "the last line was never finished; the next one mends that\n",
    )
    ran = machine.run("exec", stdin=CODE)
    assert (ran.out, ran.code) == ("42\n", 0)
    assert "note: audit log: a line was never finished: 8 bytes were cut off" in ran.err
    assert machine.run("audit", "verify").code == 0


def test_an_empty_log_is_sound(machine, log):
    ran = machine.run("audit", "verify")
    assert (ran.code, ran.out, ran.err) == (0, "", "The audit log is empty.\n")
    assert shown(machine) == []
    assert machine.run("audit", "export").out == ""
    assert not log.exists()


def test_a_sound_log_is_told_with_its_digest(machine, written):
    ran = machine.run("audit", "verify")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0] == "ok: 4 entries in 1 file"
    last = (written / "log.jsonl").read_bytes().splitlines()[-1]
    assert ran.lines[1] == f"digest 4:{hashlib.sha256(last).hexdigest()}"
    told = machine.run("audit", "verify", "--json").json
    assert told["ok"] is True
    assert told["problem"] is None
    assert f"digest {told['digest']}" == ran.lines[1]
    assert machine.run("audit", "verify", "--expect", ran.lines[1]).code == 0


def test_one_changed_byte_is_found_and_its_place_named(machine, written):
    path = written / "log.jsonl"
    content = bytearray(path.read_bytes())
    content[content.index(b"=no1") + 1] ^= 1
    path.write_bytes(content)
    ran = machine.run("audit", "verify")
    assert ran.code == 1
    assert ran.lines == [
        f"damaged: {path} line 3: it, or line 4, was changed",
        "1 entry before it verify",
    ]
    told = machine.run("audit", "verify", "--json")
    assert told.code == 1
    assert told.json["problem"]["line"] == 3
    check = machine.run("check", "audit", "--model", "demo/assistant")
    assert "! audit: damaged: " in check.out


@pytest.mark.parametrize("digest", ["4", "4:abc", "x:" + "0" * 64])
def test_what_is_no_digest_is_wrong_usage(machine, digest):
    ran = machine.run("audit", "verify", "--expect", digest)
    assert ran.code == 2
    assert "is no digest" in ran.err


def test_another_log_than_before_is_found(machine, written):
    ran = machine.run("audit", "verify", "--expect", "4:" + "0" * 64)
    assert ran.code == 1
    assert "line number 4 has not the digest that was expected" in ran.out


@pytest.mark.parametrize(
    ("args", "numbers"),
    [
        ((), [1, 2, 3, 4]),
        (("-n", "2"), [3, 4]),
        (("--limit", "0"), [1, 2, 3, 4]),
        (("--session", "a"), [1, 2]),
        (("--kind", "tool"), [1, 2]),
        (("--kind", "tool.finished"), [2]),
        (("--since", "150m"), [2, 3, 4]),
        (("--since", "1.5h", "--session", "b-1"), [3]),
        (("--since", "2026-01-31"), [1, 2, 3, 4]),
        (("--since", "2126-01-31T09:30"), []),
        (("--kind", "tool", "-n", "1"), [2]),
    ],
)
def test_entries_are_chosen(machine, written, args, numbers):
    assert [entry["seq"] for entry in shown(machine, *args)] == numbers
    if "-n" not in args and "--limit" not in args:
        exported = machine.run("audit", "export", *args).lines
        assert [json.loads(line)["seq"] for line in exported] == numbers


@pytest.mark.parametrize("when", ["yesterday", "h", "2026-13-01", "1e999d"])
def test_what_is_no_time_is_wrong_usage(machine, when):
    ran = machine.run("audit", "show", "--since", when)
    assert ran.code == 2
    assert "accepted: 30m, 2h, 7d, 2026-01-31" in ran.err


def test_entries_are_shown_a_line_each_which_the_terminal_does_not_obey(machine, written):
    ran = machine.run("audit", "show")
    assert len(ran.lines) == 4
    assert "\x1b" not in ran.out
    assert ran.lines[1].split()[2:] == ["tool.finished", "a-1", "1", "·", "=no1"]


def test_an_export_is_the_bytes_of_the_log(machine, written):
    lines = (written / "log.jsonl").read_bytes().splitlines(keepends=True)
    file = machine.project / "audit.jsonl"
    ran = machine.run("audit", "export", "-o", file)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert file.read_bytes() == b"".join(lines[1:])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_export_as_a_table_has_no_formula_in_it(machine, written):
    ran = machine.run("audit", "export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [row["seq"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["reason"] for row in rows] == ["'=no0", "'=no1", "'=no2", ""]
    assert rows[0]["time"].endswith("Z")


def test_an_export_to_nowhere_is_told(machine, written):
    ran = machine.run("audit", "export", "-o", machine.project / "nowhere" / "x")
    assert ran.code == 1
    assert "nowhere/x" in ran.err


@pytest.mark.parametrize("command", ["show", "export"])
def test_lines_that_cannot_be_read_are_counted(machine, written, command):
    path = written / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"type":"tool.finished"', b'"type":'))
    ran = machine.run("audit", command)
    assert (ran.code, len(ran.lines)) == (1, 3)
    assert "1 line could not be read: llmrepl audit verify" in ran.err
